public import FledgeTensor

/// A gated delta network (Yang et al. 2024): queries, keys and values go through a short convolution, a
/// state that each token decays and corrects mixes them, and a gated norm precedes the output.
public final class GatedDeltaNet: Sublayer {
    /// Where queries, keys, values and gates come from.
    public struct Projections {
        /// The layers that give them.
        public let layers: [Linear]
        /// For each of the four, queries with keys and values, output gates, β, decays: its layer's place
        /// and the columns there, nil for all.
        fileprivate let places: [(layer: Int, columns: [Range<Int>]?)]

        /// Each from its own layer: queries, keys and values beside one another, output gates, β, decays.
        public init(mixed: Linear, gate: Linear, beta: Linear, decay: Linear) {
            layers = [mixed, gate, beta, decay]
            places = (0..<4).map { ($0, nil) }
        }

        /// Key head by key head: queries, keys, values and output gates from one layer, β and decays from
        /// another.
        public init(mixedAndGate: Linear, betaAndDecay: Linear, _ shape: DeltaShape) {
            layers = [mixedAndGate, betaAndDecay]
            let group = shape.valueHeads / shape.keyHeads
            let (keys, values) = (shape.keyChannels, group * shape.valueChannels)
            func columns(_ start: Int, _ count: Int, of total: Int) -> [Range<Int>] {
                (0..<shape.keyHeads).map { $0 * total + start..<$0 * total + start + count }
            }
            let total = 2 * keys + 2 * values
            let mixed =
                columns(0, keys, of: total) + columns(keys, keys, of: total)
                + columns(2 * keys, values, of: total)
            places = [
                (0, mixed), (0, columns(2 * keys + values, values, of: total)),
                (1, columns(0, group, of: 2 * group)), (1, columns(group, group, of: 2 * group)),
            ]
        }
    }

    /// What belongs to a head's state beside the projections.
    public struct Parts {
        /// `[mixed channels, 1, width]`.
        public var convolution: Parameter
        /// ln of a value head's rate of decay, `[valueHeads]`.
        public var logRate: Parameter
        /// What is added to a decay before its softplus, `[valueHeads]`.
        public var decayBias: Parameter
        /// Of a value head's channels.
        public var norm: RMSNorm

        /// Creates the parts.
        public init(
            convolution: Parameter, logRate: Parameter, decayBias: Parameter, norm: RMSNorm
        ) {
            (self.convolution, self.logRate) = (convolution, logRate)
            (self.decayBias, self.norm) = (decayBias, norm)
        }
    }

    private let projections: Projections
    private let own: Parts
    private let output: Linear
    private let shape: DeltaShape

    /// Creates a layer.
    public init(_ projections: Projections, _ parts: Parts, output: Linear, _ shape: DeltaShape) {
        let outputs = projections.layers.reduce(0) { $0 + $1.outputCount }
        let values = shape.valueHeads * shape.valueChannels
        precondition(
            outputs == shape.mixedColumns + values + 2 * shape.valueHeads
                && output.inputCount == values && parts.norm.channelCount == shape.valueChannels
                && parts.convolution.value.shape.first == shape.mixedColumns,
            "\(output.name): parts do not fit \(shape)")
        (self.projections, own) = (projections, parts)
        (self.output, self.shape) = (output, shape)
    }

    private var valueColumns: Int { shape.valueHeads * shape.valueChannels }
    private var width: Int { own.convolution.value.shape[2] }

    /// Lists projections, convolution, rates, norm and output.
    public func describe(to description: inout ModuleDescription) {
        for projection in projections.layers { description.add(projection) }
        description.add(own.convolution)
        description.add(own.logRate)
        description.add(own.decayBias)
        description.add(own.norm)
        description.add(output)
    }

    /// Applies the layer along the sequences; `x` has shape `[tokens, channels]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let parts = projected(x, pass)
        let (read, gate, beta, decay) = (parts[0], parts[1], parts[2], parts[3])
        let mixed = pass.context.scan(in: self) { layout, states in
            let rows = states.map { $0.map(\.first) }
            let convolved = causalConvolution(
                read, own.convolution, activates: true, layout: layout, from: rows)
            guard let rows else {
                return gatedDelta(
                    convolved, a: decay, b: beta, logRate: own.logRate, bias: own.decayBias,
                    shape, layout: layout)
            }
            var matrices: [Tensor?] =
                states.map { $0.map { $0.count > 1 ? $0[1] : nil } } ?? []
            let mixed = gatedDelta(
                convolved, a: decay, b: beta, logRate: own.logRate, bias: own.decayBias,
                shape, layout: layout, states: &matrices)
            let ends = convolutionEnds(read, count: width - 1, layout: layout, from: rows)
            states = zip(ends, matrices).map { [$0] + ($1.map { [$0] } ?? []) }
            return mixed
        }
        let heads = [x.shape[0] * shape.valueHeads, shape.valueChannels]
        let normed = own.norm(mixed.reshaped(heads)).reshaped([x.shape[0], valueColumns])
        return output(gatedActivation(gate, normed, .silu), pass)
    }

    /// Queries with keys and values, output gates, β before its sigmoid, and decays.
    private func projected(_ x: Tensor, _ pass: ForwardPass) -> [Tensor] {
        let given = projections.layers.map { $0(x, pass) }
        return projections.places.map { place in
            place.columns.map { given[place.layer].columns($0) } ?? given[place.layer]
        }
    }
}

extension GatedDeltaNet {
    /// What the convolution reads, the output gate, and what enters and leaves the norm are kept; what the
    /// convolution gives is made again.
    public func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let (mixed, values) = (run.bytes(shape.mixedColumns), run.bytes(valueColumns))
        let gates = 2 * run.bytes(shape.valueHeads)
        let norms = run.bytes(shape.valueHeads, sums: true)
        let adapters = (projections.layers + [output]).reduce(0) { $0 + $1.adapterBytes(run) }
        let scratch = shape.backwardBytes(tokens: run.tokens, run.elementType)
        return ActivationBytes(
            kept: mixed + 3 * values + gates + norms + adapters,
            forward: 2 * mixed + 3 * values + gates,
            backward: 3 * mixed + 2 * values + 2 * gates + scratch)
    }

    /// The convolution's last rows and the heads' states for each sequence.
    public func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int {
        let rows = (width - 1) * shape.mixedColumns * type.byteCount
        let states = shape.state.reduce(1, *) * type.accumulator.byteCount
        return cache.sequences * (BufferPool.sizeClass(rows) + BufferPool.sizeClass(states))
    }
}
