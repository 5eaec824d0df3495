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
    ///
    /// - Parameters:
    ///   - mlp: The feed-forward layer where it is not the usual one.
    ///   - offset: What is added to the norms' stored scales.
    mutating func sandwichBlock(
        _ index: Int, _ attention: any Sublayer, _ mlp: (any Sublayer)? = nil, offset: Float = 1
    ) throws -> ResidualBlock {
        let name = "model.layers.\(index)"
        let mlp = try mlp ?? gatedMLP("\(name).mlp")
        func norm(_ part: String) throws -> RMSNorm {
            try self.norm("\(name).\(part)", offset: offset, rounds: false)
        }
        return ResidualBlock(
            .init(
                before: try norm("input_layernorm"), attention,
                after: try norm("post_attention_layernorm")),
            .init(
                before: try norm("pre_feedforward_layernorm"), mlp,
                after: try norm("post_feedforward_layernorm")),
            channels: configuration.hiddenSize)
    }

    /// What scores are multiplied by: 1 / √`query_pre_attn_scalar`.
    func queryScale(layersOfLargest: Int) throws -> Float {
        let scalar = try configuration.queryScalar(layersOfLargest: layersOfLargest)
        return Float(1 / scalar.squareRoot())
    }
}

extension DecoderConfiguration {
    private static let queryScalarKey = "query_pre_attn_scalar"

    /// `query_pre_attn_scalar`, 256 where a folder does not say.
    ///
    /// llama.cpp's files do not state it, which is null here: it is the channels of a head, but in the
    /// largest models, which are known by their layers, those of the model for each head.
    fileprivate func queryScalar(layersOfLargest: Int) throws -> Double {
        let key = Self.queryScalarKey
        guard reader.has(key) else { return 256 }
        let usual = layerCount == layersOfLargest ? hiddenSize / headCount : headDimension
        let scalar = try reader.optionalNumber(key) ?? Double(usual)
        guard scalar > 0, scalar.isFinite else { throw reader.wrong(key, "a number above 0") }
        return scalar
    }

    /// Writes the scalar where the file that was read does not state it.
    func describeQueryScalar(layersOfLargest: Int, in json: inout JSONValue) {
        guard json[Self.queryScalarKey]?.isNull == true,
            let scalar = try? queryScalar(layersOfLargest: layersOfLargest)
        else { return }
        json[Self.queryScalarKey] = Int(exactly: scalar).map { .integer($0) } ?? .number(scalar)
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
        names.unstated = ["sliding_window", "query_pre_attn_scalar"]
        names.normOffset = 1
        return names
    }
}
