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
    recomputed([x], parameters) { body($0[0]) }
}

/// The same of several inputs.
public func recomputed(
    _ inputs: [Tensor], _ parameters: [Parameter], _ body: @escaping ([Tensor]) -> Tensor
) -> Tensor {
    let tracked = parameters.filter { $0.tapeReference != nil }
    guard inputs.contains(where: \.isTracked) || !tracked.isEmpty else { return body(inputs) }
    let references = inputs.map(\.tapeReference) + tracked.map(\.tapeReference)
    for parameter in tracked { parameter.reference = nil }
    let result = body(inputs.map(\.detached))
    for (parameter, reference) in zip(tracked, references.dropFirst(inputs.count)) {
        parameter.reference = reference
    }
    return result.recorded(
        references,
        Recomputation(inputs: inputs.map(\.detached), parameters: tracked, body: body))
}

/// Runs the body again on a tape of its own, whose leaves are the inputs and the parameters.
struct Recomputation: RecordedOperation {
    let inputs: [Tensor]
    let parameters: [Parameter]
    let body: ([Tensor]) -> Tensor

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let tape = Tape()
        defer { tape.close() }
        // An input that nobody needs the gradient of is no leaf: what depends on it alone records
        // nothing.
        let wanted = inputs.indices.filter { pass.wants($0) }
        let given = inputs.indices.map { Parameter("input", inputs[$0]) }
        let leaves = wanted.map { given[$0] } + parameters
        let places = wanted + parameters.indices.map { inputs.count + $0 }
        let output = tape.tracking(leaves) { body(given.map(\.tracked)) }
        guard let reference = output.reference else { return }
        let sums = tape.gradients(
            from: reference.index, seed: gradient, addedTo: places.map { pass.take($0) })
        for (place, sum) in zip(places, sums) {
            if let sum { pass.give(sum, to: place) }
        }
    }
}
