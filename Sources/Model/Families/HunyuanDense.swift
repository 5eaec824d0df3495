import FledgeCore
import Foundation

/// Hunyuan, dense: queries and keys are normalised head by head, behind the rotation.
public struct HunyuanDense: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `hunyuan_v1_dense`.
    public let modelTypes = ["hunyuan_v1_dense": "HunYuanDenseV1"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(
        ["hunyuan-dense": "hunyuan_v1_dense"],
        layers: [
            "attn_q_norm": "self_attn.query_layernorm", "attn_k_norm": "self_attn.key_layernorm",
        ])

    /// The settings that decoders have in common, and the family's own.
    ///
    /// Of `rope_type: dynamic` with an `alpha` the base is multiplied once and for all, whatever the
    /// length: `theta·alpha^(d/(d−2))`.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults(["rms_norm_eps": 1e-5])
        var result = try json.decoder()
        result.attentionBias = try json.flag("attention_bias") ?? false
        result.attentionOutputBias = result.attentionBias
        return result
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let channels = weights.configuration.headDimension
        let alpha = Self.alpha(weights.configuration.reader)
        var options = SelfAttention.Options(
            rotary: weights.rotary("") { configuration in
                var configuration = configuration
                if case .dynamic = configuration.ropeScaling, let alpha, channels > 2 {
                    configuration.ropeTheta *= pow(alpha, Double(channels) / Double(channels - 2))
                    configuration.ropeScaling = .none
                }
                return RotaryPositions(configuration)
            })
        let name = "model.layers.\(index).self_attn"
        options.normalizesRotated = true
        options.queryNorm = try weights.norm("\(name).query_layernorm", channels)
        options.keyNorm = try weights.norm("\(name).key_layernorm", channels)
        let attention = try weights.attention(index, options, biasSetting: "attention_bias")
        return try weights.preNormBlock(index, attention)
    }

    private static func alpha(_ json: ConfigurationReader) -> Double? {
        let rope = json["rope_scaling"] ?? json["rope_parameters"]
        return rope?["alpha"]?.doubleValue.flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
    }
}
