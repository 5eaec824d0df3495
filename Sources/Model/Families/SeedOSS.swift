import FledgeCore

/// Seed-OSS: Llama with biases of queries, keys and values.
public struct SeedOSS: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `seed_oss`.
    public let modelTypes = ["seed_oss": "SeedOss"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(
        ["seed_oss": "seed_oss"],
        layers: ["post_attention_norm": "post_attention_layernorm"])

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 524288,
        ])
        var result = try json.decoder()
        result.attentionBias = try json.flag("attention_bias") ?? true
        result.attentionOutputBias = try json.flag("attention_out_bias") ?? false
        result.mlpBias = try json.flag("mlp_bias") ?? false
        return result
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let attention = try weights.attention(
            index, SelfAttention.Options(rotary: weights.rotary()), biasSetting: "attention_bias")
        return try weights.preNormBlock(index, attention)
    }
}
