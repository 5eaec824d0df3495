import FledgeCore

/// Qwen 2 and 2.5: Llama with biases of queries, keys and values.
public struct Qwen2: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `qwen2`.
    public let modelTypes = ["qwen2": "Qwen2"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(["qwen2": "qwen2"])

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 32, "max_position_embeddings": 32768,
        ])
        var result = try json.decoder()
        let first = try json.optionalInteger("max_window_layers") ?? 28
        result.windows = try json.windowsWhereUsed(layers: result.layerCount) { $0 >= first }
        result.attentionBias = true
        return result
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let attention = try weights.attention(
            index, SelfAttention.Options(rotary: weights.rotary()), biasSetting: nil)
        return try weights.preNormBlock(index, attention)
    }
}
