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
    try PendingGradients(of: parameters, body).add(to: &gradients) { $0 }
}

/// Something that was computed of parameters, with what it takes to differentiate a scalar that is made of
/// it later; the parameters must not have changed by then.
///
/// What operations saved is held until ``add(to:_:)`` or until the value goes.
public final class PendingGradients<Outputs> {
    /// What was computed, tracked.
    public let outputs: Outputs
    private let parameters: [Parameter]
    /// Their values, held so that no others take their place unseen.
    private let values: [Tensor]
    private let tape: Tape

    /// Runs `body` with the parameters tracked.
    @available(*, noasync)
    public init(of parameters: [Parameter], _ body: () throws -> Outputs) rethrows {
        let tape = Tape()
        (self.parameters, self.tape) = (parameters, tape)
        values = parameters.map(\.value)
        do { outputs = try tape.tracking(parameters, body) } catch {
            tape.close()
            throw error
        }
    }

    deinit { tape.close() }

    /// Whether the parameters still have the values that the outputs follow from.
    public var isCurrent: Bool {
        zip(parameters, values).allSatisfy { $0.value.storage === $1.storage }
    }

    /// Adds the gradients of a scalar that follows from the outputs; once.
    ///
    /// - Parameter body: Returns a tensor of one element.
    /// - Returns: The scalar, detached.
    @available(*, noasync)
    public func add(
        to gradients: inout Gradients, _ body: (Outputs) throws -> Tensor
    ) rethrows -> Tensor {
        precondition(tape.isRecording, "PendingGradients: added twice")
        defer { tape.close() }
        let value = try body(outputs)
        precondition(
            value.count == 1,
            "valueAndGradients: the body returned shape \(value.shape), not a scalar")
        guard let reference = value.reference, reference.tape === tape else {
            return value.detached
        }
        let seed = Tensor([1.0], shape: value.shape).converted(to: value.elementType)
        let sums = tape.gradients(
            from: reference.index, seed: seed, addedTo: parameters.map { gradients.take($0) })
        for (parameter, gradient) in zip(parameters, sums) {
            guard let gradient else { continue }
            gradients[parameter] = gradient.converted(to: gradient.elementType.accumulator)
        }
        return value.detached
    }
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
