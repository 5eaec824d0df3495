internal import FledgeTensor

/// Where the keys and values of a layer are that others attend over too.
final class KeyValuePlace: Sendable {
    private let layer: Int

    init(_ layer: Int) { self.layer = layer }

    /// The streams of a pass that hold them.
    var streams: [String] { ["keys of \(layer)", "values of \(layer)"] }
}

/// Attention with normalised queries, keys and values and scores that are not scaled; keys and values may be
/// those of an earlier layer, and values may be made of the keys' projection.
final class Gemma4Attention: Sublayer {
    /// What makes a layer's own keys and values.
    struct Keys {
        let projection: Linear
        /// Nil where the keys' projection makes the values too.
        let values: Linear?
        let norm: RMSNorm
    }

    private let query: Linear
    private let queryNorm: RMSNorm
    private let keys: Keys?
    private let place: KeyValuePlace
    private let isShared: Bool
    private let output: Linear
    private let headCount: Int
    private let keyValueHeadCount: Int
    private let rotary: RotaryPositions
    private let window: Int?
    private var headDimension: Int { query.outputCount / headCount }

    /// Creates a layer.
    ///
    /// - Parameters:
    ///   - keys: Nil where they are an earlier layer's.
    ///   - place: Where the keys and values are.
    ///   - isShared: Whether later layers attend over them.
    init(
        query: Linear, queryNorm: RMSNorm, keys: Keys?, in place: KeyValuePlace, isShared: Bool,
        output: Linear, headCount: Int, keyValueHeadCount: Int, rotary: RotaryPositions,
        window: Int?
    ) {
        (self.query, self.queryNorm, self.keys) = (query, queryNorm, keys)
        (self.place, self.isShared, self.output) = (place, isShared, output)
        (self.headCount, self.keyValueHeadCount) = (headCount, keyValueHeadCount)
        (self.rotary, self.window) = (rotary, window)
    }

    /// The streams of earlier layers that it reads.
    var reads: [String] { keys == nil ? place.streams : [] }
    /// Those that it gives.
    var gives: [String] { isShared ? place.streams : [] }

    /// Lists the projections and norms.
    func describe(to description: inout ModuleDescription) {
        description.add(query)
        description.add(keys?.projection)
        description.add(keys?.values)
        description.add(output)
        description.add(queryNorm)
        description.add(keys?.norm)
    }

    /// Attends over what the context of the pass holds; `x` has shape `[tokens, channels]`.
    func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let q = placed(query(x, pass), queryNorm, pass)
        let (k, v) = keysAndValues(x, pass)
        let attended = pass.context.attend(
            q, k, v, in: place, stores: keys != nil, heads: headCount,
            keyValueHeads: keyValueHeadCount, options: AttentionOptions(scale: 1, window: window))
        return output(attended, pass)
    }

    private func keysAndValues(_ x: Tensor, _ pass: ForwardPass) -> (Tensor, Tensor) {
        let streams = place.streams
        guard let keys else { return (pass.sides[streams[0]], pass.sides[streams[1]]) }
        let projected = keys.projection(x, pass)
        let values = (keys.values.map { $0(x, pass) } ?? projected)
        let shape = values.shape
        let v = rmsNormalized(
            values.reshaped([shape[0] * keyValueHeadCount, headDimension]),
            epsilon: keys.norm.epsilon
        ).reshaped(shape)
        let k = placed(projected, keys.norm, pass)
        if isShared { (pass.sides[streams[0]], pass.sides[streams[1]]) = (k, v) }
        return (k, v)
    }

    /// Queries or keys, normalised and rotated.
    private func placed(_ x: Tensor, _ norm: RMSNorm, _ pass: ForwardPass) -> Tensor {
        pass.context.rotated(norm(heads: x), rotary, headDimension: headDimension)
    }
}

extension Gemma4Attention {
    private var linears: [Linear] {
        [query, keys?.projection, keys?.values, output].compactMap(\.self)
    }

    /// Queries, the output and its log-sums are kept with what norms read, keys and values where they are
    /// the layer's own.
    func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let queries = run.bytes(headCount * headDimension)
        let all = run.bytes(keyValueHeadCount * headDimension)
        let own = keys == nil ? 0 : all
        let logSums = run.bytes(headCount, sums: true)
        let width = Kernels.attentionGradientWidth(of: headDimension, run.elementType)
        let adapters = linears.reduce(0) { $0 + $1.adapterBytes(run) }
        return ActivationBytes(
            kept: 3 * queries + (isShared ? 2 : 4) * own + logSums + adapters,
            forward: 2 * queries + 2 * own + logSums,
            backward: 2 * queries + 2 * all + 3 * run.bytes(headCount * width, sums: true)
                + logSums)
    }

    /// Bytes of what it gives to later layers.
    func sideBytes(_ run: TokenMemory) -> Int {
        isShared ? 2 * run.bytes(keyValueHeadCount * headDimension) : 0
    }

    /// Keys and values, where they are the layer's own.
    func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int {
        guard keys != nil else { return 0 }
        let channels = keyValueHeadCount * headDimension
        return 2 * BufferPool.sizeClass(cache.rows * channels * type.byteCount)
    }
}
