import FledgeCore

/// EXAONE 4: layers are normalised before they are added, queries and keys head by head; in the larger
/// model most layers have a window, and the others know nothing of positions.
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
        ], unstated: ["sliding_window"])

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = Self.withDefaults(json)
        json.knows("sliding_window_pattern")
        var result = try json.decoder()
        result.windows = try json.windows(layers: result.layerCount, slides: Self.slides(json))
        return result
    }

    /// A post-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let isHybrid = Self.withDefaults(weights.configuration.reader).hasWindow
        let isFull = weights.configuration.window(ofLayer: index) == nil
        var options = SelfAttention.Options(rotary: isHybrid && isFull ? nil : weights.rotary())
        let name = "model.layers.\(index).self_attn"
        let channels = weights.configuration.headDimension
        options.queryNorm = try weights.norm("\(name).q_norm", channels)
        options.keyNorm = try weights.norm("\(name).k_norm", channels)
        let attention = try weights.attention(index, options, biasSetting: nil)
        return try weights.postNormBlock(index, attention)
    }

    /// Whether a layer has a window: all but each fourth, or those with an L of such as LLLG.
    private static func slides(_ json: ConfigurationReader) throws -> (Int) -> Bool {
        guard json.hasWindow else { return { _ in false } }
        if let letters = json["sliding_window_pattern"]?.stringValue.map({ Array($0) }),
            !letters.isEmpty
        {
            return { letters[$0 % letters.count] == "L" }
        }
        let period = try json.optionalInteger("sliding_window_pattern") ?? 1
        guard period > 0 else { throw json.wrong("sliding_window_pattern", "a number above 0") }
        return { ($0 + 1) % period != 0 }
    }

    private static func withDefaults(_ json: ConfigurationReader) -> ConfigurationReader {
        json.withDefaults([
            "rms_norm_eps": 1e-5, "num_key_value_heads": 32, "sliding_window": 4096,
            "sliding_window_pattern": 4,
        ])
    }
}
