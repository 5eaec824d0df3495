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
    let tape = Tape()
    let outer = parameters.map(\.reference)
    for parameter in parameters { parameter.reference = tape.leaf() }
    defer { tape.close() }
    let value: Tensor
    do {
        defer { for (parameter, old) in zip(parameters, outer) { parameter.reference = old } }
        value = try body()
    }
    precondition(
        value.count == 1, "valueAndGradients: the body returned shape \(value.shape), not a scalar")
    var gradients = Gradients()
    guard let reference = value.reference, reference.tape === tape else {
        return (value.detached, gradients)
    }
    let seed = Tensor([1.0], shape: value.shape).converted(to: value.elementType)
    let sums = tape.gradients(from: reference.index, seed: seed, leaves: parameters.count)
    for (parameter, gradient) in zip(parameters, sums) {
        guard let gradient else { continue }
        gradients[parameter] = gradient.converted(to: gradient.elementType.accumulator)
    }
    return (value.detached, gradients)
}
