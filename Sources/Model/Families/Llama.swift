public import FledgeCore

/// Llama 1 to 3, and the many that are built like it.
public struct Llama: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `llama`.
    public let modelTypes = ["llama": "Llama"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(["llama": "llama"], interleavesRotaryRows: true)

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        try json.requireFullAttention()
        return try json.decoderWithBiases()
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let attention = try weights.attention(
            index, SelfAttention.Options(rotary: weights.rotary()), biasSetting: "attention_bias")
        return try weights.preNormBlock(index, attention)
    }

    /// Biases.
    public func describe(_ configuration: DecoderConfiguration, in json: inout JSONValue) {
        json["attention_bias"] = .bool(configuration.attentionBias)
        json["mlp_bias"] = .bool(configuration.mlpBias)
    }
}

/// Mistral: Llama with a window.
public struct Mistral: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `mistral`.
    public let modelTypes = ["mistral": "Mistral"]
    /// `mistral3`.
    public let enclosing = ["mistral3": "Mistral3"]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 8, "max_position_embeddings": 131072, "sliding_window": 4096,
        ])
        try json.requireFullAttention()
        var result = try json.decoderWithBiases()
        result.windows = try json.windows(layers: result.layerCount)
        return result
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let attention = try weights.attention(
            index, SelfAttention.Options(rotary: weights.rotary()), biasSetting: "attention_bias")
        return try weights.preNormBlock(index, attention)
    }

    /// Biases.
    public func describe(_ configuration: DecoderConfiguration, in json: inout JSONValue) {
        Llama().describe(configuration, in: &json)
        json["sliding_window"] = configuration.window(ofLayer: 0).map { .integer($0) } ?? .null
    }
}
