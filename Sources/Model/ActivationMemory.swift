public import FledgeTensor

/// A run of tokens whose tensors are counted, each rounded up as the pool of buffers does.
public struct TokenMemory: Hashable, Sendable {
    /// Number of tokens.
    public let tokens: Int
    /// The element type of activations.
    public let elementType: ElementType

    /// Creates a run.
    public init(tokens: Int, _ elementType: ElementType) {
        (self.tokens, self.elementType) = (tokens, elementType)
    }

    /// The bytes of a tensor `[tokens, columns]`.
    ///
    /// - Parameter sums: Whether its elements are of the type that sums have, float32 of bfloat16.
    public func bytes(_ columns: Int, sums: Bool = false) -> Int {
        let type = sums ? elementType.accumulator : elementType
        return BufferPool.sizeClass(tokens * columns * type.byteCount)
    }
}

/// Bytes of the tensors that a part of a model holds for a run of tokens, beside its input.
public struct ActivationBytes: Hashable, Sendable {
    /// What a recorded forward pass keeps for the backward pass, its input with it.
    public var kept: Int
    /// The most that a forward pass needs at once which keeps nothing.
    public var forward: Int
    /// The most that the backward pass needs at once, beside what was kept.
    public var backward: Int

    /// Creates a count.
    public init(kept: Int, forward: Int, backward: Int) {
        (self.kept, self.forward, self.backward) = (kept, forward, backward)
    }
}

extension CausalLM {
    /// The first block with something that is trained: 0 where something before the blocks is, the
    /// number of blocks where only what follows them is.
    public var firstTrainedBlock: Int {
        let trained = Set(trainableParameters.map { ObjectIdentifier($0) })
        func isTrained(_ parameters: some Sequence<Parameter>) -> Bool {
            parameters.contains { trained.contains(ObjectIdentifier($0)) }
        }
        // Modules list their parts in the order of the pass: embeddings come before every block.
        let inside = Set(blocks.flatMap { $0.parameters.map { ObjectIdentifier($0) } })
        if isTrained(parameters.prefix { !inside.contains(ObjectIdentifier($0)) }) { return 0 }
        return blocks.firstIndex { isTrained($0.parameters) } ?? blocks.count
    }

    /// The blocks that a training pass records: nothing is recorded below the first part that has
    /// something to train.
    public var recordedBlocks: ArraySlice<any DecoderBlock> { blocks[firstTrainedBlock...] }
}

extension RMSNorm {
    /// The norm keeps its input and one number a token.
    func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let output = run.bytes(channelCount)
        return ActivationBytes(
            kept: output + run.bytes(1, sums: true), forward: output, backward: output)
    }
}

extension Linear {
    /// What the adapter keeps, where one takes part: the layer's input is another part's.
    func adapterBytes(_ run: TokenMemory) -> Int {
        isAdapterEnabled ? adapter?.activationBytes(run) ?? 0 : 0
    }
}
