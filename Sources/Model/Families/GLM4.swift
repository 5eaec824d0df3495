import FledgeCore

/// GLM 4 (0414): a norm before and behind each layer, and rotary pairs that are neighbours.
public struct GLM4: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `glm4`.
    public let modelTypes = ["glm4": "Glm4"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(
        ["glm4": "glm4"],
        layers: [
            "ffn_norm": "post_attention_layernorm", "ffn_up": "mlp.gate_up_proj",
            "post_attention_norm": "post_self_attn_layernorm",
            "post_ffw_norm": "post_mlp_layernorm",
        ])

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 2, "head_dim": 128, "max_position_embeddings": 131072,
            "rms_norm_eps": 0.00000015625, "partial_rotary_factor": 0.5,
        ])
        var result = try json.decoder(rotatesPart: true)
        result.attentionBias = try json.flag("attention_bias") ?? true
        return result
    }

    /// Attention and a gated MLP between norms.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let name = "model.layers.\(index)"
        let rotary = weights.rotary("") { RotaryPositions($0, pairsNeighbours: true) }
        let attention = try weights.attention(
            index, SelfAttention.Options(rotary: rotary), biasSetting: "attention_bias")
        let mlp = try weights.fusedMLP("\(name).mlp")
        return ResidualBlock(
            .init(
                before: try weights.norm("\(name).input_layernorm"), attention,
                after: try weights.norm("\(name).post_self_attn_layernorm")),
            .init(
                before: try weights.norm("\(name).post_attention_layernorm"), mlp,
                after: try weights.norm("\(name).post_mlp_layernorm")),
            channels: weights.configuration.hiddenSize)
    }
}
