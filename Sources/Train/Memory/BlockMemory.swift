internal import FledgeModel
internal import FledgeTensor

/// What one block of a decoder holds for a number of tokens.
struct BlockMemory {
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

    /// The most that its forward pass needs where nothing is kept: the residual stream before and after
    /// attention, the norm of it, gate, up and their product.
    var forward: Int { 3 * bytes(channels) + 3 * bytes(inner) }

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
