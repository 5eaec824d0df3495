import FledgeCore

/// OLMo 2: layers are normalised before they are added, and all heads of queries, or keys, together.
public struct OLMo2: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `olmo2`.
    public let modelTypes = ["olmo2": "Olmo2"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(
        ["olmo2": "olmo2"],
        layers: [
            "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
            "post_attention_norm": "post_attention_layernorm",
            "post_ffw_norm": "post_feedforward_layernorm",
        ])

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults(["rms_norm_eps": 1e-5])
        guard !json.hasWindow else {
            throw json.unsupported(
                "The layers have windows, as in OLMo 3, of which only folders are known.")
        }
        return try Self.decoder(json)
    }

    static func decoder(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        var result = try json.decoder()
        result.attentionBias = try json.flag("attention_bias") ?? false
        result.attentionOutputBias = result.attentionBias
        return result
    }

    /// A post-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        var options = SelfAttention.Options(rotary: weights.rotary())
        let (name, c) = ("model.layers.\(index).self_attn", weights.configuration)
        options.queryNorm = try weights.norm("\(name).q_norm", c.headCount * c.headDimension)
        options.keyNorm = try weights.norm("\(name).k_norm", c.keyValueHeadCount * c.headDimension)
        let attention = try weights.attention(index, options, biasSetting: "attention_bias")
        return try weights.postNormBlock(index, attention)
    }
}

/// OLMo 3: OLMo 2 with windows in three of four layers.
public struct OLMo3: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `olmo3`.
    public let modelTypes = ["olmo3": "Olmo3"]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults(["rms_norm_eps": 1e-5, "sliding_window": 4096])
        var result = try OLMo2.decoder(json)
        result.windows = try json.windows(layers: result.layerCount) { ($0 + 1) % 4 != 0 }
        return result
    }

    /// As a block of OLMo 2; where rotary frequencies are stretched, those of all layers are.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        try OLMo2().block(index, &weights)
    }
}
