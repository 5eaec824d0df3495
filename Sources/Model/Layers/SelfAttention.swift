internal import FledgeCore
public import FledgeTensor

/// Causal self-attention with rotary positions and grouped key/value heads.
public final class SelfAttention: Sublayer {
    /// Queries, keys and values: a layer each, or one for all of them.
    private let projections: [Linear]
    private let output: Linear
    let headCount: Int
    let keyValueHeadCount: Int
    let headDimension: Int
    let options: Options
    private let attention: AttentionOptions

    /// What families do differently.
    public struct Options {
        /// What scores are multiplied by; `1/√headDimension` when left out.
        public var scale: Float?
        /// The angles of positions; nil where queries and keys are not rotated.
        public var rotary: RotaryPositions?
        /// The angles of queries where they differ from those of keys: with another factor.
        public var queryRotary: RotaryPositions?
        /// Norm of queries: of each head where its channels are those of one head, of all heads together
        /// else.
        public var queryNorm: RMSNorm?
        /// The same of keys.
        public var keyNorm: RMSNorm?
        /// Whether queries and keys are normalised behind the rotation, not before.
        public var normalizesRotated = false
        /// How many of the tokens up to its own a token sees; nil for all.
        public var window: Int?
        /// What scores are bounded by; nil for nothing.
        public var softCap: Double?
        /// Whether the projection of queries gives each head a gate behind its query, whose sigmoid the
        /// head's result is multiplied by.
        public var gatesOutput = false
        /// Scores without a value that join the softmax, shape `[heads]`.
        public var sinks: Parameter?

        /// Creates options: plain attention with rotary positions.
        public init(rotary: RotaryPositions?, scale: Float? = nil) {
            (self.rotary, self.scale) = (rotary, scale)
        }
    }

    /// Creates a layer from its four projections.
    public convenience init(
        query: Linear, key: Linear, value: Linear, output: Linear, headCount: Int,
        keyValueHeadCount: Int, headDimension: Int, _ options: Options
    ) {
        precondition(
            query.outputCount == headCount * headDimension * (options.gatesOutput ? 2 : 1)
                && key.outputCount == keyValueHeadCount * headDimension
                && value.outputCount == key.outputCount,
            "\(query.name): projections do not fit \(headCount) heads of \(headDimension)")
        self.init(
            [query, key, value], output, headCount: headCount,
            keyValueHeadCount: keyValueHeadCount, headDimension: headDimension, options)
    }

    /// Creates a layer whose queries, keys and values come from one projection, one behind the other.
    public convenience init(
        fused: Linear, output: Linear, headCount: Int, keyValueHeadCount: Int, headDimension: Int,
        _ options: Options
    ) {
        precondition(
            fused.outputCount == (headCount + 2 * keyValueHeadCount) * headDimension
                && !options.gatesOutput,
            "\(fused.name): it does not fit \(headCount) heads of \(headDimension)")
        self.init(
            [fused], output, headCount: headCount, keyValueHeadCount: keyValueHeadCount,
            headDimension: headDimension, options)
    }

    private init(
        _ projections: [Linear], _ output: Linear, headCount: Int, keyValueHeadCount: Int,
        headDimension: Int, _ options: Options
    ) {
        precondition(
            output.inputCount == headCount * headDimension,
            "\(output.name): it does not fit \(headCount) heads of \(headDimension)")
        (self.projections, self.output) = (projections, output)
        (self.headCount, self.keyValueHeadCount) = (headCount, keyValueHeadCount)
        (self.headDimension, self.options) = (headDimension, options)
        attention = AttentionOptions(
            scale: options.scale ?? 1 / Float(headDimension).squareRoot(), window: options.window,
            softCap: options.softCap, sinks: options.sinks)
    }

    /// Lists the projections and norms.
    public func describe(to description: inout ModuleDescription) {
        for projection in projections { description.add(projection) }
        description.add(output)
        description.add(options.queryNorm)
        description.add(options.keyNorm)
        description.add(options.sinks)
    }

    /// Attends over what the context of the pass holds; `x` has shape `[tokens, channels]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        var parts = projected(x, pass)
        let gate = options.gatesOutput ? split(&parts.queries) : nil
        let q = placed(
            parts.queries, options.queryRotary ?? options.rotary, options.queryNorm, pass)
        let k = placed(parts.keys, options.rotary, options.keyNorm, pass)
        let attended = pass.context.attend(
            q, k, parts.values, in: self, heads: headCount, keyValueHeads: keyValueHeadCount,
            options: attention)
        return output(gate.map { gatedActivation($0, attended, .sigmoid) } ?? attended, pass)
    }

    /// Leaves the queries and returns the gates.
    private func split(_ both: inout Tensor) -> Tensor {
        func parts(_ place: Int) -> [Range<Int>] {
            (0..<headCount).map {
                let start = (2 * $0 + place) * headDimension
                return start..<start + headDimension
            }
        }
        let gates = both.columns(parts(1))
        both = both.columns(parts(0))
        return gates
    }

    private func projected(
        _ x: Tensor, _ pass: ForwardPass
    ) -> (queries: Tensor, keys: Tensor, values: Tensor) {
        guard projections.count == 1 else {
            return (projections[0](x, pass), projections[1](x, pass), projections[2](x, pass))
        }
        let all = projections[0](x, pass)
        let (queries, keys) = (headCount * headDimension, keyValueHeadCount * headDimension)
        return (
            all.columns(0..<queries), all.columns(queries..<(queries + keys)),
            all.columns((queries + keys)..<(queries + 2 * keys))
        )
    }

    /// Queries or keys, normalised and rotated.
    private func placed(
        _ x: consuming Tensor, _ rotary: RotaryPositions?, _ norm: RMSNorm?, _ pass: ForwardPass
    ) -> Tensor {
        if let norm, !options.normalizesRotated { x = norm(heads: x) }
        if let rotary {
            x = pass.context.rotated(x, rotary, headDimension: headDimension)
        }
        if let norm, options.normalizesRotated { x = norm(heads: x) }
        return x
    }
}

extension SelfAttention {
    /// Queries, keys, values, the output and its log-sums are kept; the backward pass has gradients of
    /// them, in parts for each head.
    public func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let queries = run.bytes(headCount * headDimension)
        let keys = run.bytes(keyValueHeadCount * headDimension)
        let logSums = run.bytes(headCount, sums: true)
        let width = Kernels.attentionGradientWidth(of: headDimension, run.elementType)
        let adapters = (projections + [output]).reduce(0) { $0 + $1.adapterBytes(run) }
        // A norm keeps its input beside what is made of it.
        let norms =
            (options.queryNorm == nil ? 0 : queries) + (options.keyNorm == nil ? 0 : keys)
        // Of one projection queries, keys and values are copies.
        let copied = projections.count == 1 ? queries + 2 * keys : 0
        // A gate, and the result that it is multiplied with.
        let gates = options.gatesOutput ? queries : 0
        return ActivationBytes(
            kept: 2 * queries + 2 * keys + logSums + adapters + norms + gates,
            forward: 2 * queries + 2 * keys + logSums + 2 * gates + copied,
            backward: 2 * gates + 2 * queries + 2 * keys + logSums
                + 3 * run.bytes(headCount * width, sums: true))
    }

    /// Keys and values.
    public func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int {
        let channels = keyValueHeadCount * headDimension
        return 2 * BufferPool.sizeClass(cache.rows * channels * type.byteCount)
    }
}
