import FledgeCore

/// EXAONE 4: layers are normalised before they are added, queries and keys head by head.
public struct EXAONE4: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `exaone4`.
    public let modelTypes = ["exaone4": "Exaone4"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(
        ["exaone4": "exaone4"],
        layers: [
            "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
            "post_attention_norm": "post_attention_layernorm",
            "post_ffw_norm": "post_feedforward_layernorm",
        ])

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults(["rms_norm_eps": 1e-5, "num_key_value_heads": 32])
        try json.requireFullAttention()
        guard try Self.window(json) == nil || json.has("layer_types") else {
            throw json.unsupported(
                "sliding_window stands for layers that see a window; only full_attention is known.")
        }
        return try json.decoder()
    }

    /// A post-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        // Beside layers with a window those without one know nothing of positions.
        let isHybrid = try Self.window(weights.configuration.reader) != nil
        var options = SelfAttention.Options(rotary: isHybrid ? nil : weights.rotary())
        let name = "model.layers.\(index).self_attn"
        let channels = weights.configuration.headDimension
        options.queryNorm = try weights.norm("\(name).q_norm", channels)
        options.keyNorm = try weights.norm("\(name).k_norm", channels)
        let attention = try weights.attention(index, options, biasSetting: nil)
        return try weights.postNormBlock(index, attention)
    }

    private static func window(_ json: ConfigurationReader) throws -> Int? {
        try json.has("sliding_window") ? json.optionalInteger("sliding_window") : 4096
    }
}
