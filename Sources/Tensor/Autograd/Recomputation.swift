/// Computes `body(x)` and keeps nothing of it but `x`: the backward pass computes it again.
///
/// Activations then live for one block at a time (Chen et al. 2016). Every number is the same as
/// without, bit for bit, since `body` is a function: what it draws must be keyed, not random.
///
/// - Parameters:
///   - x: The input.
///   - parameters: Every parameter that `body` uses and that may be tracked.
///   - body: Called once now and once in each backward pass.
public func recomputed(
    _ x: Tensor, _ parameters: [Parameter], _ body: @escaping (Tensor) -> Tensor
) -> Tensor {
    let tracked = parameters.filter { $0.tapeReference != nil }
    guard x.isTracked || !tracked.isEmpty else { return body(x) }
    let references = [x.tapeReference] + tracked.map(\.tapeReference)
    for parameter in tracked { parameter.reference = nil }
    let result = body(x.detached)
    for (parameter, reference) in zip(tracked, references.dropFirst()) {
        parameter.reference = reference
    }
    return result.recorded(
        references, Recomputation(x: x.detached, parameters: tracked, body: body))
}

/// Runs the body again on a tape of its own, whose leaves are the input and the parameters.
struct Recomputation: RecordedOperation {
    let x: Tensor
    let parameters: [Parameter]
    let body: (Tensor) -> Tensor

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let tape = Tape()
        defer { tape.close() }
        let input = Parameter("input", x)
        // An input that nobody needs the gradient of is no leaf: what depends on it alone records
        // nothing.
        let leaves = (pass.wants(0) ? [input] : []) + parameters
        let output = tape.tracking(leaves) { body(input.tracked) }
        guard let reference = output.reference else { return }
        let first = pass.wants(0) ? 0 : 1
        let sums = tape.gradients(
            from: reference.index, seed: gradient,
            addedTo: leaves.indices.map { pass.take(first + $0) })
        for (index, sum) in sums.enumerated() {
            if let sum { pass.give(sum, to: first + index) }
        }
    }
}
