import FledgeCore
import Foundation

/// Ministral 3: Mistral whose queries grow with their position.
public struct Ministral3: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `ministral3`.
    public let modelTypes = ["ministral3": "Ministral3"]
    /// `mistral3`.
    public let enclosing = ["mistral3": "Mistral3"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(
        ["mistral3": "ministral3"],
        settings: ["llama_4_scaling_beta": "attention.temperature_scale"],
        interleavesRotaryRows: true)

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 262144,
            "rms_norm_eps": 1e-5,
            "rope_parameters": [
                "rope_type": "yarn", "rope_theta": 1_000_000, "factor": 16,
                "original_max_position_embeddings": 16384, "beta_fast": 32, "beta_slow": 1,
                "mscale": 1, "mscale_all_dim": 1, "llama_4_scaling_beta": 0.1,
            ],
        ])
        try json.requireFullAttention()
        var result = try json.decoder()
        result.windows = try json.windows(layers: result.layerCount)
        _ = try Self.growth(json)
        return result
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        var options = SelfAttention.Options(rotary: weights.rotary())
        if let (beta, length) = try Self.growth(weights.configuration.reader) {
            // A factor on cosines and sines is one on the rotated query.
            options.queryRotary = weights.rotary("queries") { configuration in
                RotaryPositions(configuration) { position in
                    1 + beta * log(1 + (Double(position) / length).rounded(.down))
                }
            }
        }
        let attention = try weights.attention(index, options, biasSetting: nil)
        return try weights.preNormBlock(index, attention)
    }

    /// How queries grow: `1 + β·ln(1 + ⌊position / length⌋)`; nil where they do not.
    private static func growth(
        _ json: ConfigurationReader
    ) throws -> (beta: Double, length: Double)? {
        let rope = json["rope_scaling"] ?? json["rope_parameters"]
        let stated = rope?["llama_4_scaling_beta"] ?? json["llama_4_scaling_beta"]
        guard let stated, !stated.isNull else { return nil }
        guard let beta = stated.doubleValue, beta.isFinite else {
            throw json.wrong("rope_parameters", "an object whose llama_4_scaling_beta is a number")
        }
        guard let length = rope?["original_max_position_embeddings"]?.doubleValue, length > 0
        else {
            throw json.wrong(
                "rope_parameters", "an object with an original_max_position_embeddings above 0")
        }
        return (beta, length)
    }
}
