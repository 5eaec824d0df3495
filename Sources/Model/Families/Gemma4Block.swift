internal import FledgeTensor

/// A block of Gemma 4: attention and feed-forward layer, what the tokens' vectors for the layer add, and a
/// number that all of it is multiplied by.
final class Gemma4Block: DecoderBlock {
    /// What the tokens' vectors for the layer add to the stream.
    struct Side {
        let stream: String
        let gate: Linear
        let projection: Linear
        let norm: RMSNorm
        let activation: Activation

        fileprivate func added(to x: Tensor, _ pass: ForwardPass) -> Tensor {
            let gated = gatedActivation(gate(x, pass), pass.sides[stream], activation)
            return x + norm(projection(gated, pass))
        }
    }

    private let core: ResidualBlock
    private let attention: Gemma4Attention
    private let side: Side?
    private let scale: Buffer

    /// Creates a block.
    ///
    /// - Parameters:
    ///   - core: Attention and feed-forward layer.
    ///   - attention: The attention in it.
    ///   - scale: What the states are multiplied by, shape `[1]`.
    init(
        _ core: ResidualBlock, _ attention: Gemma4Attention, _ side: Side?, scale: Buffer
    ) {
        (self.core, self.attention, self.side, self.scale) = (core, attention, side, scale)
    }

    /// The tokens' vectors for the layer, and keys and values of an earlier one.
    var reads: [String] { (side.map { [$0.stream] } ?? []) + attention.reads }
    /// Keys and values that later layers attend over.
    var gives: [String] { attention.gives }

    /// Lists the parts.
    func describe(to description: inout ModuleDescription) {
        description.add(core)
        description.add(side?.gate)
        description.add(side?.projection)
        description.add(side?.norm)
        description.add(scale)
    }

    /// The states behind the block, shape `[tokens, channels]`.
    func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let states = core(x, pass)
        let whole = side?.added(to: states, pass) ?? states
        let factor = scale.value.converted(to: pass.elementType).scalar
        return factor == 1 ? whole : whole * factor
    }
}

extension Gemma4Block {
    /// What the parts hold.
    func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        var bytes = core.activationBytes(run)
        guard let side else { return bytes }
        let (stream, inner) = (run.bytes(side.gate.inputCount), run.bytes(side.gate.outputCount))
        let adapters = [side.gate, side.projection].reduce(0) { $0 + $1.adapterBytes(run) }
        bytes.kept += side.norm.activationBytes(run).kept + stream + inner + adapters
        bytes.forward = max(bytes.forward, 3 * stream + 2 * inner)
        return bytes
    }

    /// The tokens' vectors for the layer, and what it gives.
    func sideBytes(_ run: TokenMemory) -> Int {
        attention.sideBytes(run) + (side.map { run.bytes($0.gate.outputCount) } ?? 0)
    }

    /// Keys and values.
    func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int {
        core.stateBytes(cache, type)
    }
}

/// What is known of each token for each layer: a vector of its own, and one that its vector in the stream is
/// projected to.
final class PerLayerInputs: SideInputs {
    private let table: Embedding
    private let projection: Linear
    private let norm: RMSNorm

    /// Creates the layer; table and projection give `[tokens, layers·channels]`.
    init(_ table: Embedding, _ projection: Linear, norm: RMSNorm) {
        (self.table, self.projection, self.norm) = (table, projection, norm)
    }

    /// The stream that a block reads.
    static func stream(_ layer: Int) -> String { "inputs of \(layer)" }

    /// Lists table, projection and norm.
    func describe(to description: inout ModuleDescription) {
        description.add(table)
        description.add(projection)
        description.add(norm)
    }

    /// `(norm(projection(x)/√channels) + vectors)/√2`, for each layer its part.
    func prepare(_ ids: [Int32], _ x: Tensor, _ pass: ForwardPass) {
        let scale = 1 / Double(projection.inputCount).squareRoot()
        let projected = norm(heads: projection(x, pass) * scale)
        let all = (projected + table(ids, pass)) * 0.5.squareRoot()
        let channels = norm.channelCount
        for layer in 0..<(projection.outputCount / channels) {
            pass.sides[Self.stream(layer)] = all.columns(
                layer * channels..<(layer + 1) * channels)
        }
    }
}
