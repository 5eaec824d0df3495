/// The operations of one ``valueAndGradients(of:_:)`` in the order that they ran in.
///
/// A flat list, walked and released from its end, so that no graph of any depth is ever released
/// recursively.
final class Tape {
    private struct Entry {
        var operation: (any RecordedOperation)?
        var inputs: [Int?]
    }

    private var entries: [Entry] = []
    private(set) var isRecording = true

    /// A new leaf: something whose gradient is wanted.
    func leaf() -> TapeReference {
        entries.append(Entry(operation: nil, inputs: []))
        return TapeReference(tape: self, index: entries.count - 1)
    }

    func record(_ operation: any RecordedOperation, inputs: [Int?]) -> TapeReference {
        entries.append(Entry(operation: operation, inputs: inputs))
        return TapeReference(tape: self, index: entries.count - 1)
    }

    /// Ends recording and releases what was saved.
    func close() {
        isRecording = false
        entries = []
    }

    /// Walks back from `output` and returns the gradients of the first entries, its leaves.
    ///
    /// - Parameter sums: What the leaves' gradients are added to; nil for nothing yet.
    func gradients(
        from output: Int, seed: consuming Tensor, addedTo sums: consuming [Tensor?]
    ) -> [Tensor?] {
        isRecording = false
        let leaves = sums.count
        var pass = BackwardPass(count: entries.count)
        pass.slots.replaceSubrange(0..<leaves, with: sums)
        sums = []
        pass.slots[output] = seed
        for index in stride(from: output, through: leaves, by: -1) {
            let operation = entries[index].operation.take()
            guard let operation, let gradient = pass.slots[index].take() else { continue }
            pass.inputs = entries[index].inputs
            operation.backward(consume gradient, &pass)
            OperationProfile.current?.lap("\(type(of: operation))", isBackward: true)
        }
        return Array(pass.slots.prefix(leaves))
    }
}
