import FledgeCore

/// Gemma: Llama whose vectors of tokens are multiplied and whose norms are stored around 0.
public struct Gemma: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `gemma`.
    public let modelTypes = ["gemma": "Gemma"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = {
        var names = GGUFNames(["gemma": "gemma"])
        names.normOffset = 1
        return names
    }()

    static let defaults: JSONValue = [
        "num_key_value_heads": 16, "head_dim": 256, "hidden_act": "gelu_pytorch_tanh",
        "max_position_embeddings": 8192, "tie_word_embeddings": true, "pad_token_id": 0,
        "eos_token_id": 1, "bos_token_id": 2,
    ]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        try Self.decoder(json.withDefaults(Self.defaults))
    }

    static func decoder(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        guard try !(json.flag("use_bidirectional_attention") ?? false) else {
            throw json.unsupported("use_bidirectional_attention is true; only false is known.")
        }
        var result = try json.decoder()
        result.attentionBias = try json.flag("attention_bias") ?? false
        result.attentionOutputBias = result.attentionBias
        return result
    }

    /// The table of the tokens' vectors, which are multiplied by √channels.
    public func embedding(_ weights: inout WeightReader) throws -> Embedding {
        try weights.scaledEmbedding()
    }

    /// A norm that is stored around 0.
    public func lastNorm(_ weights: inout WeightReader) throws -> RMSNorm {
        try weights.offsetNorm("model.norm")
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let name = "model.layers.\(index)"
        let attention = try weights.attention(
            index, SelfAttention.Options(rotary: weights.rotary()), biasSetting: "attention_bias")
        let mlp = try weights.gatedMLP("\(name).mlp")
        return ResidualBlock(
            .init(before: try weights.offsetNorm("\(name).input_layernorm"), attention),
            .init(before: try weights.offsetNorm("\(name).post_attention_layernorm"), mlp),
            channels: weights.configuration.hiddenSize)
    }
}

/// What the Gemmas have in common.
extension WeightReader {
    /// A norm whose scale is stored around 0, and whose row is rounded when it has been scaled.
    mutating func offsetNorm(_ name: String, _ channels: Int? = nil) throws -> RMSNorm {
        try norm(name, channels, offset: 1, rounds: false)
    }

    /// The table of the tokens' vectors, which are multiplied by √channels in their own type.
    mutating func scaledEmbedding() throws -> Embedding {
        Embedding(
            matrix: try table("model.embed_tokens"),
            paddingID: configuration.paddingID.flatMap { Int32(exactly: $0) },
            scale: .init(Double(configuration.hiddenSize).squareRoot(), isRounded: true))
    }

    /// A block with a norm before and behind each layer, from Gemma 2 on.
    mutating func sandwichBlock(_ index: Int, _ attention: any Sublayer) throws -> ResidualBlock {
        let name = "model.layers.\(index)"
        let mlp = try gatedMLP("\(name).mlp")
        return ResidualBlock(
            .init(
                before: try offsetNorm("\(name).input_layernorm"), attention,
                after: try offsetNorm("\(name).post_attention_layernorm")),
            .init(
                before: try offsetNorm("\(name).pre_feedforward_layernorm"), mlp,
                after: try offsetNorm("\(name).post_feedforward_layernorm")),
            channels: configuration.hiddenSize)
    }

    /// What scores are multiplied by: 1 / √`query_pre_attn_scalar`.
    ///
    /// llama.cpp's files do not state it: it is the channels of a head, but in the largest models, which
    /// are known by their layers, those of the model for each head.
    func queryScale(layersOfLargest: Int) throws -> Float {
        let (c, key) = (configuration, "query_pre_attn_scalar")
        let isLargest = c.layerCount == layersOfLargest
        let usual = isLargest ? c.hiddenSize / c.headCount : c.headDimension
        let scalar = try c.reader.optionalNumber(key) ?? Double(usual)
        guard scalar > 0, scalar.isFinite else { throw c.reader.wrong(key, "a number above 0") }
        return Float(1 / scalar.squareRoot())
    }
}

extension ConfigurationReader {
    /// A bound of scores or logits; nil for none.
    func softCap(_ key: String) throws -> Double? {
        guard let cap = try optionalNumber(key) else { return nil }
        guard cap > 0, cap.isFinite else { throw wrong(key, "a number above 0") }
        return cap
    }
}

extension GGUFNames {
    /// Those of the Gemmas with norms before and behind each layer.
    static func sandwich(
        _ architectures: [String: String], layers: [String: String] = [:],
        settings: [String: String] = [:]
    ) -> GGUFNames {
        var names = GGUFNames(
            architectures,
            layers: [
                "post_attention_norm": "post_attention_layernorm",
                "ffn_norm": "pre_feedforward_layernorm",
                "post_ffw_norm": "post_feedforward_layernorm",
            ].merging(layers) { $1 },
            settings: ["final_logit_softcapping": "final_logit_softcapping"].merging(settings) {
                $1
            })
        names.unstated = ["sliding_window"]
        names.normOffset = 1
        return names
    }
}
