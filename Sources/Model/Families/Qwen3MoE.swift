internal import FledgeCore

/// Qwen 3 with experts.
public struct Qwen3MoE: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `qwen3_moe`.
    public let modelTypes = ["qwen3_moe": "Qwen3Moe"]
    /// As llama.cpp writes them, which has experts in every layer.
    public var gguf: GGUFNames? {
        var names = GGUFNames(
            ["qwen3moe": "qwen3_moe"],
            layers: [
                "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
                "ffn_gate_inp": "mlp.gate",
            ]
        ).withExperts(
            "mlp.experts",
            settings: [
                "num_experts": "expert_count", "num_experts_per_tok": "expert_used_count",
                "moe_intermediate_size": "expert_feed_forward_length",
            ])
        names.stated = ["norm_topk_prob": true]
        return names
    }
    /// Experts, where they are not written one by one.
    public let stacks = ExpertSettings.stacks

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 4, "max_position_embeddings": 32768,
        ])
        var result = try json.decoder()
        result.windows = try json.windowsWhereUsed(layers: result.layerCount) { _ in true }
        result.attentionBias = try json.flag("attention_bias") ?? false
        result.attentionOutputBias = result.attentionBias
        _ = try ExpertSettings(json, result)
        return result
    }

    /// A pre-norm block of attention and experts, or a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let attention = try weights.headNormedAttention(index)
        let settings = try ExpertSettings(weights.configuration.reader, weights.configuration)
        guard settings.hasExperts(index) else {
            return try weights.preNormBlock(index, attention)
        }
        let name = "model.layers.\(index).mlp"
        let experts = try weights.experts(name, settings)
        return try weights.preNormBlock(index, attention, experts)
    }
}
