internal import FledgeModel
internal import FledgeTensor

/// What the head and the loss hold.
struct HeadMemory {
    /// Beside the activations, while the loss is formed.
    let forward: Int
    /// The gradient of the head itself, which waits for the backward pass.
    let headGradient: Int
    /// Beside the hidden states, while a loss without gradients is formed.
    let evaluation: Int

    init(_ model: some CausalLM, _ run: TokenMemory, supervised: Int, trainsHead: Bool) {
        let (vocabulary, channels) = (model.head.shape[0], model.head.shape[1])
        func bytes(_ count: Int, _ type: ElementType) -> Int {
            BufferPool.sizeClass(count * type.byteCount)
        }
        let (type, sums) = (model.elementType, model.elementType.accumulator)
        headGradient = trainsHead ? bytes(vocabulary * channels, sums) : 0
        evaluation =
            bytes(supervised * channels, type)
            + bytes(min(tokenCrossEntropyChunk, supervised) * vocabulary, sums)
        forward =
            evaluation + headGradient + bytes(supervised * channels, sums)
            + run.bytes(channels)
    }
}
