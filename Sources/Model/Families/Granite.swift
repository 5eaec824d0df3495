public import FledgeCore

/// Granite 3 and 4, dense: Llama with four multipliers.
public struct Granite: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `granite`.
    public let modelTypes = ["granite": "Granite"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(
        ["granite": "granite"],
        settings: [
            "embedding_multiplier": "embedding_scale", "residual_multiplier": "residual_scale",
            "attention_multiplier": "attention.scale", "logits_scaling": "logit_scale",
        ], interleavesRotaryRows: true)

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        var result = try json.decoderWithBiases()
        try Self.readMultipliers(json, into: &result)
        return result
    }

    /// The table of the tokens' vectors, which are multiplied.
    public func embedding(_ weights: inout WeightReader) throws -> Embedding {
        let c = weights.configuration
        return Embedding(
            matrix: try weights.table("model.embed_tokens"),
            paddingID: c.paddingID.flatMap { Int32(exactly: $0) },
            scale: .init(try Self.multiplier("embedding_multiplier", c.reader)))
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let json = weights.configuration.reader
        let options = SelfAttention.Options(
            rotary: weights.rotary(),
            scale: Float(try Self.multiplier("attention_multiplier", json)))
        let attention = try weights.attention(index, options, biasSetting: "attention_bias")
        return try weights.preNormBlock(
            index, attention, scale: try Self.multiplier("residual_multiplier", json))
    }

    /// Biases.
    public func describe(_ configuration: DecoderConfiguration, in json: inout JSONValue) {
        Llama().describe(configuration, in: &json)
    }

    /// Reads the four of them.
    static func readMultipliers(
        _ json: ConfigurationReader, into result: inout DecoderConfiguration
    ) throws {
        result.logitScale = 1 / (try multiplier("logits_scaling", json))
        for key in ["embedding_multiplier", "residual_multiplier", "attention_multiplier"] {
            _ = try multiplier(key, json)
        }
    }

    /// One of them; 1 where the file has none.
    static func multiplier(_ key: String, _ json: ConfigurationReader) throws -> Double {
        let value = try json.optionalNumber(key) ?? 1
        guard value.isFinite, value != 0 else {
            throw json.wrong(key, "a finite number other than 0")
        }
        return value
    }
}
