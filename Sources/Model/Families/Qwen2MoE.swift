internal import FledgeCore

/// Qwen 2 with experts, and one that every token goes through.
public struct Qwen2MoE: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `qwen2_moe`.
    public let modelTypes = ["qwen2_moe": "Qwen2Moe"]
    /// As llama.cpp writes them, which has experts in every layer.
    public var gguf: GGUFNames? {
        var names = GGUFNames(
            ["qwen2moe": "qwen2_moe"],
            layers: [
                "ffn_gate_inp": "mlp.gate", "ffn_gate_inp_shexp": "mlp.shared_expert_gate",
                "ffn_gate_shexp": "mlp.shared_expert.gate_proj",
                "ffn_up_shexp": "mlp.shared_expert.up_proj",
                "ffn_down_shexp": "mlp.shared_expert.down_proj",
            ]
        ).withExperts(
            "mlp.experts",
            settings: [
                "num_experts": "expert_count", "num_experts_per_tok": "expert_used_count",
                "moe_intermediate_size": "expert_feed_forward_length",
                "shared_expert_intermediate_size": "expert_shared_feed_forward_length",
            ])
        names.stated = ["norm_topk_prob": false]
        names.rows = ["mlp.shared_expert_gate"]
        return names
    }
    /// Experts, where they are not written one by one.
    public let stacks = ExpertSettings.stacks

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 16, "max_position_embeddings": 32768,
        ])
        var result = try json.decoder()
        let end = try json.optionalInteger("max_window_layers") ?? 28
        result.windows = try json.windowsWhereUsed(layers: result.layerCount) {
            $0 % 2 == 0 && $0 < end
        }
        result.attentionBias = try json.flag("qkv_bias") ?? true
        _ = try ExpertSettings(json, result)
        json.knows("shared_expert_intermediate_size")
        return result
    }

    /// A pre-norm block of attention and experts, or a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let attention = try weights.attention(
            index, SelfAttention.Options(rotary: weights.rotary()), biasSetting: "qkv_bias")
        let c = weights.configuration
        let settings = try ExpertSettings(c.reader, c)
        guard settings.hasExperts(index) else {
            return try weights.preNormBlock(index, attention)
        }
        let name = "model.layers.\(index).mlp"
        let inner = try c.reader.optionalInteger("shared_expert_intermediate_size") ?? 5632
        let shared = Experts.Shared(
            try weights.gatedMLP("\(name).shared_expert", inner),
            gate: try weights.linear("\(name).shared_expert_gate", c.hiddenSize, 1))
        return try weights.preNormBlock(
            index, attention, weights.experts(name, settings, shared: shared))
    }
}
