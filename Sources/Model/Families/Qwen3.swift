import FledgeCore

/// Qwen 3, dense: queries and keys are normalised head by head, and a head's channels are stated.
public struct Qwen3: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `qwen3`.
    public let modelTypes = ["qwen3": "Qwen3"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(
        ["qwen3": "qwen3"],
        layers: ["attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"])

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 32, "head_dim": 128, "max_position_embeddings": 32768,
        ])
        var result = try json.decoder()
        let first = try json.optionalInteger("max_window_layers") ?? 28
        result.windows = try json.windowsWhereUsed(layers: result.layerCount) { $0 >= first }
        result.attentionBias = try json.flag("attention_bias") ?? false
        result.attentionOutputBias = result.attentionBias
        return result
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        try weights.preNormBlock(index, weights.headNormedAttention(index))
    }
}
