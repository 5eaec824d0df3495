import FledgeCore
import FledgeTensor

/// What the configurations of models with gated delta networks say of their layers.
struct DeltaSettings {
    /// Sizes of the delta networks.
    let shape: DeltaShape
    /// Taps of their convolutions.
    let width: Int
    /// For each layer whether it attends; the others are delta networks.
    let attends: [Bool]

    /// The settings that decoders have in common.
    static func decoder(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        guard try json.flag("attn_output_gate") ?? true else {
            throw json.unsupported(
                "attn_output_gate is false; only attention with a gate is known here.")
        }
        var result = try json.decoder(rotatesPart: true)
        result.attentionBias = try json.flag("attention_bias") ?? false
        result.attentionOutputBias = result.attentionBias
        return result
    }

    init(_ json: ConfigurationReader, _ configuration: DecoderConfiguration) throws {
        func size(_ key: String, _ usual: Int) throws -> Int {
            let size = try json.optionalInteger(key) ?? usual
            guard size > 0, size < 1 << 20 else { throw json.wrong(key, "a number above 0") }
            return size
        }
        shape = DeltaShape(
            keyHeads: try size("linear_num_key_heads", 16),
            valueHeads: try size("linear_num_value_heads", 32),
            keyChannels: try size("linear_key_head_dim", 128),
            valueChannels: try size("linear_value_head_dim", 128))
        guard shape.valueHeads % shape.keyHeads == 0, shape.valueHeads <= 64 * shape.keyHeads else {
            throw json.wrong(
                "linear_num_value_heads",
                "a multiple of linear_num_key_heads (\(shape.keyHeads)), at most 64 times as many")
        }
        width = try json.convolutionWidth("linear_conv_kernel_dim", usually: 4)
        let interval = try size("full_attention_interval", 4)
        attends = try json.attendingLayers(
            configuration.layerCount, others: "linear_attention",
            else: (0..<max(0, min(configuration.layerCount, 1 << 20))).map {
                ($0 + 1) % interval == 0
            })
    }
}

extension WeightReader {
    /// A pre-norm block whose norms are stored around 0.
    mutating func offsetBlock(
        _ index: Int, _ mixing: any Sublayer, _ feedForward: any Sublayer
    ) throws -> ResidualBlock {
        let name = "model.layers.\(index)"
        return ResidualBlock(
            .init(before: try offsetNorm("\(name).input_layernorm"), mixing),
            .init(before: try offsetNorm("\(name).post_attention_layernorm"), feedForward),
            channels: configuration.hiddenSize)
    }

    /// Attention with normed heads, of which a part is rotated, and a gate for each.
    mutating func gatedAttention(_ index: Int) throws -> SelfAttention {
        let (name, c) = ("model.layers.\(index).self_attn", configuration)
        let (queries, keys) = (
            c.headCount * c.headDimension, c.keyValueHeadCount * c.headDimension
        )
        var options = SelfAttention.Options(rotary: rotary())
        options.gatesOutput = true
        options.queryNorm = try offsetNorm("\(name).q_norm", c.headDimension)
        options.keyNorm = try offsetNorm("\(name).k_norm", c.headDimension)
        func projection(_ part: String, _ inputs: Int, _ outputs: Int) throws -> Linear {
            try linear(
                "\(name).\(part)", inputs, outputs, bias: c.attentionBias, by: "attention_bias")
        }
        return SelfAttention(
            query: try projection("q_proj", c.hiddenSize, 2 * queries),
            key: try projection("k_proj", c.hiddenSize, keys),
            value: try projection("v_proj", c.hiddenSize, keys),
            output: try projection("o_proj", queries, c.hiddenSize), headCount: c.headCount,
            keyValueHeadCount: c.keyValueHeadCount, headDimension: c.headDimension, options)
    }

    /// A gated delta network with its projections.
    mutating func deltaNet(
        _ name: String, _ projections: GatedDeltaNet.Projections, _ settings: DeltaSettings
    ) throws -> GatedDeltaNet {
        let shape = settings.shape
        let parts = GatedDeltaNet.Parts(
            convolution: try vector(
                "\(name).conv1d.weight", [shape.mixedColumns, 1, settings.width]),
            logRate: try vector("\(name).A_log", [shape.valueHeads]),
            decayBias: try vector("\(name).dt_bias", [shape.valueHeads]),
            norm: try norm("\(name).norm", shape.valueChannels))
        return GatedDeltaNet(
            projections, parts,
            output: try linear(
                "\(name).out_proj", shape.valueHeads * shape.valueChannels,
                configuration.hiddenSize), shape)
    }
}
