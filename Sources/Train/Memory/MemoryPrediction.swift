internal import FledgeCore
public import FledgeModel
internal import FledgeTensor

/// What a training step will hold at its peak, in bytes, before it is run.
///
/// Counts what lies in tensors (``BufferPool/peakBytes``), each rounded up as the pool does. Beside it
/// a process holds its code, the tokenizer, the samples, scratch of products and mapped files.
public struct MemoryPrediction: Hashable, Sendable {
    /// Weights, adapters and float32 masters, those of mapped files left out.
    public var weights = 0
    /// Weights that lie in mapped files, as the process will have them resident.
    public var mapped = 0
    /// Gradients of everything that is trained.
    public var gradients = 0
    /// States of the optimizer.
    public var optimizer = 0
    /// What the forward pass keeps for the backward pass.
    public var activations = 0
    /// The most that the loss, or one block's backward pass, needs for itself.
    public var working = 0
    /// All of it at the moment when it is most.
    public var peak = 0

    /// Predicts a step of a model with its adapters attached and its trainable parameters marked.
    ///
    /// - Parameters:
    ///   - tokens: Tokens of the largest micro-batch.
    ///   - supervised: Supervised rows of it.
    ///   - accumulates: Whether a step has several micro-batches, so that a forward pass finds the
    ///     gradients of those before it.
    ///   - recomputesBlocks: Whether blocks keep their input only.
    ///   - optimizer: What says how large its states are.
    public init(
        of model: some CausalLM, tokens: Int, supervised: Int, accumulates: Bool = false,
        recomputesBlocks: Bool = false, optimizer: any Optimizer = AdamW()
    ) {
        let trainable = model.trainableParameters
        (weights, mapped) = Self.weights(of: model)
        let sizes = trainable.map { BufferPool.sizeClass($0.value.count * 4) }
        gradients = sizes.reduce(0, +)
        self.optimizer = OptimizerDriver(optimizer, trainable).stateBytes

        let block = BlockMemory(model.configuration, model.elementType, tokens: tokens)
        let recorded = block.recordedLayers(of: model)
        let hidden = block.bytes(block.channels)
        let kept = recorded.map { block.kept(adapters: $0) }
        let most = kept.max() ?? 0
        let head = HeadMemory(
            model, block, supervised: supervised,
            trainsHead: model.head.parameter?.isTrainable ?? false)
        // The final norm keeps its input; blocks that are computed again keep theirs.
        activations =
            hidden + block.statistics
            + (recomputesBlocks ? hidden * recorded.count : kept.reduce(0, +))
        working = max(head.forward, block.working + (recomputesBlocks ? most : 0))
        let before = accumulates ? gradients : 0
        let atHead = activations + head.forward + before
        // By then the final norm has released its input; a block that is computed again shares its
        // own with what was kept.
        let atLastBlock =
            activations - hidden - block.statistics + block.working
            + (recomputesBlocks ? most - hidden : 0) + max(before, head.headGradient)
        let atFirstBlock = most + block.working + gradients
        peak =
            weights + self.optimizer + max(atHead, atLastBlock, atFirstBlock, gradients)
    }

    /// Adds the weights of a model that is held beside the one that is trained.
    public mutating func add(_ companion: some CausalLM) {
        let (owned, mapped) = Self.weights(of: companion)
        weights += owned
        peak += owned
        self.mapped += mapped
    }

    /// Bytes of a model's weights: those in memory of their own, and those of mapped files.
    private static func weights(of model: some CausalLM) -> (owned: Int, mapped: Int) {
        var (owned, mapped) = (0, 0)
        for parameter in model.parameters {
            let bytes = parameter.value.ownedByteCount
            owned += bytes + (parameter.master?.ownedByteCount ?? 0)
            if bytes == 0 {
                mapped += parameter.value.count * parameter.value.elementType.byteCount
            }
        }
        for matrix in model.quantizedMatrices {
            owned += matrix.ownedByteCount
            if matrix.ownedByteCount == 0 { mapped += matrix.byteCount }
        }
        return (owned, mapped)
    }
}

/// What one block of a decoder holds for a number of tokens.
private struct BlockMemory {
    let configuration: DecoderConfiguration
    let type: ElementType
    let tokens: Int

    init(_ configuration: DecoderConfiguration, _ type: ElementType, tokens: Int) {
        (self.configuration, self.type, self.tokens) = (configuration, type, tokens)
    }

    var channels: Int { configuration.hiddenSize }
    private var queries: Int { configuration.headCount * configuration.headDimension }
    private var keys: Int { configuration.keyValueHeadCount * configuration.headDimension }
    private var inner: Int { configuration.intermediateSize }
    private var attentionGradientWidth: Int {
        Kernels.attentionGradientWidth(of: configuration.headDimension, type)
    }

    /// A tensor of so many columns, in the type of activations or in that of sums.
    func bytes(_ columns: Int, sums: Bool = false) -> Int {
        BufferPool.sizeClass(
            tokens * columns * (sums ? type.accumulator : type).byteCount)
    }

    /// The norm's one number a token.
    var statistics: Int { bytes(1, sums: true) }

    /// The blocks that are recorded, as the ranks of their adapters: nothing is recorded below the
    /// first that has something to train.
    func recordedLayers(of model: some CausalLM) -> [[Int]] {
        let named = Dictionary(grouping: model.linears) { Self.index(of: $0.name) }
        let trained = model.trainableParameters.map { Self.index(of: $0.name) }
        // Embeddings come before every block; the final norm and the head after them.
        let first =
            model.trainableParameters.contains { $0.name.hasSuffix("embed_tokens.weight") }
            ? 0 : trained.compactMap { $0 }.min() ?? configuration.layerCount
        return (first..<configuration.layerCount).map { layer in
            (named[layer] ?? []).compactMap { linear in
                guard let adapter = linear.adapter, linear.isAdapterEnabled else { return nil }
                return adapter.parameters.map { $0.value.shape.min() ?? 0 }.min()
            }
        }
    }

    private static func index(of name: String) -> Int? {
        name.split(separator: ".").lazy.compactMap { Int($0) }.first
    }

    /// What a recorded block keeps: residual stream, norms' statistics, queries, keys, values, the
    /// attention's output and log-sums, gate and up; of adapters their inner products.
    func kept(adapters ranks: [Int]) -> Int {
        2 * bytes(channels) + 2 * statistics + 2 * bytes(queries) + 2 * bytes(keys)
            + bytes(configuration.headCount, sums: true) + 2 * bytes(inner)
            + ranks.reduce(0) { $0 + bytes($1, sums: true) }
    }

    /// The most that its backward pass needs beside what is kept: gradients of the residual stream
    /// and of the gated unit, or of attention with parts for each head.
    var working: Int {
        let gated = 2 * bytes(channels) + 3 * bytes(inner)
        let attention =
            2 * bytes(channels) + 2 * bytes(queries) + 2 * bytes(keys)
            + 3 * bytes(configuration.headCount * attentionGradientWidth, sums: true)
            + bytes(configuration.headCount, sums: true)
        // Attention's turn comes when gate and up are released.
        return max(gated, attention - 2 * bytes(inner))
    }
}

/// What the head and the loss hold.
private struct HeadMemory {
    /// Beside the activations, while the loss is formed.
    let forward: Int
    /// The gradient of the head itself, which waits for the backward pass.
    let headGradient: Int

    init(_ model: some CausalLM, _ block: BlockMemory, supervised: Int, trainsHead: Bool) {
        let (vocabulary, channels) = (model.head.shape[0], model.head.shape[1])
        func bytes(_ count: Int, _ type: ElementType) -> Int {
            BufferPool.sizeClass(count * type.byteCount)
        }
        let (type, sums) = (model.elementType, model.elementType.accumulator)
        headGradient = trainsHead ? bytes(vocabulary * channels, sums) : 0
        forward =
            headGradient + bytes(supervised * channels, sums) + block.bytes(channels)
            + bytes(supervised * channels, type)
            + bytes(min(tokenCrossEntropyChunk, supervised) * vocabulary, sums)
    }
}
