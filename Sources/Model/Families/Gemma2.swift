public import FledgeCore

/// Gemma 2: norms before and behind each layer, windows in every other one, bounded scores and logits.
public struct Gemma2: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `gemma2`.
    public let modelTypes = ["gemma2": "Gemma2"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = .sandwich(
        ["gemma2": "gemma2"], settings: ["attn_logit_softcapping": "attn_logit_softcapping"])

    private static func withDefaults(_ json: ConfigurationReader) -> ConfigurationReader {
        json.withDefaults([
            "num_key_value_heads": 4, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh",
            "max_position_embeddings": 8192, "tie_word_embeddings": true, "pad_token_id": 0,
            "eos_token_id": 1, "bos_token_id": 2, "sliding_window": 4096,
            "attn_logit_softcapping": 50, "final_logit_softcapping": 30,
        ])
    }

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = Self.withDefaults(json)
        var result = try Gemma.decoder(json)
        result.windows = try json.windows(layers: result.layerCount) { $0 % 2 == 0 }
        result.logitSoftCap = try json.softCap("final_logit_softcapping")
        _ = try json.softCap("attn_logit_softcapping")
        json.knows("query_pre_attn_scalar")
        return result
    }

    /// Layers of the largest model, whose scores are scaled in another way.
    private static let layersOfLargest = 46

    /// What files of llama.cpp leave out.
    public func describe(_ configuration: DecoderConfiguration, in json: inout JSONValue) {
        configuration.describeQueryScalar(layersOfLargest: Self.layersOfLargest, in: &json)
    }

    /// The table of the tokens' vectors, which are multiplied by √channels.
    public func embedding(_ weights: inout WeightReader) throws -> Embedding {
        try weights.scaledEmbedding()
    }

    /// A norm that is stored around 0.
    public func lastNorm(_ weights: inout WeightReader) throws -> RMSNorm {
        try weights.offsetNorm("model.norm")
    }

    /// Attention and a gated MLP between norms.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        var options = SelfAttention.Options(
            rotary: weights.rotary(),
            scale: try weights.queryScale(layersOfLargest: Self.layersOfLargest))
        options.softCap = try Self.withDefaults(weights.configuration.reader)
            .softCap("attn_logit_softcapping")
        let attention = try weights.attention(index, options, biasSetting: "attention_bias")
        return try weights.sandwichBlock(index, attention)
    }
}
