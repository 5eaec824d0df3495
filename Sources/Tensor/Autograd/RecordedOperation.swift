/// A differentiable operation with what its backward pass needs, as it lies on the tape.
///
/// The struct owns what it saved and is released as soon as its backward pass has run. Save
/// detached tensors.
public protocol RecordedOperation {
    /// Adds to the gradients of the inputs, given the gradient of the output.
    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass)
}

extension Tensor {
    /// This value as the output of an operation; recorded only when an input is tracked.
    ///
    /// - Parameters:
    ///   - inputs: The inputs' places in the order that ``BackwardPass`` numbers them in.
    ///   - operation: Made only when it is recorded.
    public consuming func recorded<Operation: RecordedOperation>(
        _ inputs: [TapeReference?], _ operation: @autoclosure () -> Operation
    ) -> Tensor {
        OperationProfile.current?.lap("\(Operation.self)")
        var result = self
        result.reference = nil
        guard let tape = inputs.lazy.compactMap({ $0?.tape }).first else { return result }
        precondition(
            inputs.allSatisfy { $0 == nil || $0?.tape === tape },
            "\(Operation.self): inputs of two nested valueAndGradients")
        result.reference = tape.record(operation(), inputs: inputs.map { $0?.index })
        return result
    }
}
