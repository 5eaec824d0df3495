import FledgeCore
import FledgeTensor

/// Qwen 3 Next: gated delta networks in most layers, gated attention in the others, and experts.
public struct Qwen3Next: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `qwen3_next`.
    public let modelTypes = ["qwen3_next": "Qwen3Next"]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let result = try DeltaSettings.decoder(
            json.withDefaults([
                "num_key_value_heads": 2, "head_dim": 256, "max_position_embeddings": 32768,
                "partial_rotary_factor": 0.25,
            ]))
        _ = try (DeltaSettings(json, result), Self.experts(json, result))
        json.knows("shared_expert_intermediate_size")
        return result
    }

    /// A norm that is stored around 0.
    public func lastNorm(_ weights: inout WeightReader) throws -> RMSNorm {
        try weights.offsetNorm("model.norm")
    }

    /// A pre-norm block of a delta network or attention, and experts or a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let c = weights.configuration
        let settings = try DeltaSettings(c.reader, c)
        let mixing: any Sublayer
        if settings.attends[index] {
            mixing = try weights.gatedAttention(index)
        } else {
            let (name, shape) = ("model.layers.\(index).linear_attn", settings.shape)
            let values = shape.valueHeads * shape.valueChannels
            mixing = try weights.deltaNet(
                name,
                GatedDeltaNet.Projections(
                    mixedAndGate: try weights.linear(
                        "\(name).in_proj_qkvz", c.hiddenSize, shape.mixedColumns + values),
                    betaAndDecay: try weights.linear(
                        "\(name).in_proj_ba", c.hiddenSize, 2 * shape.valueHeads), shape),
                settings)
        }
        let (experts, name) = (try Self.experts(c.reader, c), "model.layers.\(index).mlp")
        guard experts.hasExperts(index) else {
            return try weights.offsetBlock(index, mixing, weights.gatedMLP(name))
        }
        let inner = try c.reader.optionalInteger("shared_expert_intermediate_size") ?? 512
        let shared = Experts.Shared(
            try weights.gatedMLP("\(name).shared_expert", inner),
            gate: try weights.linear("\(name).shared_expert_gate", c.hiddenSize, 1))
        return try weights.offsetBlock(
            index, mixing, weights.experts(name, experts, shared: shared))
    }

    private static func experts(
        _ json: ConfigurationReader, _ configuration: DecoderConfiguration
    ) throws -> ExpertSettings {
        try ExpertSettings(
            json.withDefault("norm_topk_prob", true), configuration, usual: (512, 10, 512))
    }
}
