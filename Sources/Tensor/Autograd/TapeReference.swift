/// A tracked tensor's or parameter's place on a tape.
public struct TapeReference {
    let tape: Tape
    let index: Int
}

extension Tensor {
    /// Its place on a tape that is still being recorded.
    public var tapeReference: TapeReference? {
        guard let reference, reference.tape.isRecording else { return nil }
        return reference
    }

    /// Whether operations on this tensor are recorded.
    public var isTracked: Bool { tapeReference != nil }

    /// The same value, seen as a constant.
    public var detached: Tensor { Tensor(storage: storage, shape: shape, elementType) }

    /// Traps when an operation without a backward pass is given a tracked tensor.
    func requireUntracked(_ operation: String) {
        precondition(
            !isTracked, "\(operation): has no backward pass; give it a detached tensor")
    }
}

extension Parameter {
    /// Its place on the tape of the ``valueAndGradients(of:_:)`` that tracks it now.
    public var tapeReference: TapeReference? { reference }
}
