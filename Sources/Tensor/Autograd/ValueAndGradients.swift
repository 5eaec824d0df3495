/// Computes a scalar and its gradients with respect to parameters.
///
/// The parameters are tracked only while `body` runs. What operations saved is released as the walk
/// back passes them. Calls may be nested; a tensor tracked by the outer call is then not to be mixed
/// with parameters of the inner one.
///
/// - Parameters:
///   - parameters: What to differentiate with respect to.
///   - body: Returns a tensor of one element.
/// - Returns: The scalar, detached, and a gradient for each parameter that it depends on.
@available(*, noasync)
public func valueAndGradients(
    of parameters: [Parameter], _ body: () throws -> Tensor
) rethrows -> (value: Tensor, gradients: Gradients) {
    var gradients = Gradients()
    let value = try addGradients(of: parameters, to: &gradients, body)
    return (value, gradients)
}

/// Computes a scalar as ``valueAndGradients(of:_:)`` does and adds its gradients to those of earlier
/// calls.
///
/// Products that give a weight's gradient add to it in place, so that micro-batches need no second
/// set of gradients.
///
/// - Returns: The scalar, detached.
@available(*, noasync)
public func addGradients(
    of parameters: [Parameter], to gradients: inout Gradients, _ body: () throws -> Tensor
) rethrows -> Tensor {
    let tape = Tape()
    defer { tape.close() }
    let value = try tape.tracking(parameters, body)
    precondition(
        value.count == 1, "valueAndGradients: the body returned shape \(value.shape), not a scalar")
    guard let reference = value.reference, reference.tape === tape else { return value.detached }
    let seed = Tensor([1.0], shape: value.shape).converted(to: value.elementType)
    let sums = tape.gradients(
        from: reference.index, seed: seed, addedTo: parameters.map { gradients.take($0) })
    for (parameter, gradient) in zip(parameters, sums) {
        guard let gradient else { continue }
        gradients[parameter] = gradient.converted(to: gradient.elementType.accumulator)
    }
    return value.detached
}

extension Tape {
    /// Runs `body` with the parameters tracked, as leaves in their order.
    func tracking<Result>(
        _ parameters: [Parameter], _ body: () throws -> Result
    ) rethrows -> Result {
        let outer = parameters.map(\.reference)
        for parameter in parameters { parameter.reference = leaf() }
        defer { for (parameter, old) in zip(parameters, outer) { parameter.reference = old } }
        return try body()
    }
}
