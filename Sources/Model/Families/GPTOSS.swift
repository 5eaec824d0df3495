internal import FledgeCore
internal import FledgeTensor

/// GPT-OSS: experts with biases and a clamped gate, attention with sinks and a window in every second
/// layer. Four-bit experts, as it is published, are expanded on loading.
public struct GPTOSS: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `gpt_oss`.
    public let modelTypes = ["gpt_oss": "GptOss"]

    /// As llama.cpp writes them.
    public var gguf: GGUFNames? {
        var names = GGUFNames(
            ["gpt-oss": "gpt_oss"],
            layers: [
                "post_attention_norm": "post_attention_layernorm",
                "attn_sinks": "self_attn.sinks", "ffn_gate_inp": "mlp.router",
            ]
        ).withExperts(
            "mlp.experts",
            settings: [
                "num_local_experts": "expert_count", "num_experts_per_tok": "expert_used_count",
            ])
        names.bare = ["self_attn.sinks"]
        // Files say nothing of it.
        names.stated = ["truncate": false]
        return names
    }

    /// Experts, whose gates and ups take turns.
    public let stacks = [
        TensorStack(
            "mlp.experts.gate_up_proj", in: "mlp.experts",
            parts: ["gate_proj.weight", "up_proj.weight"], isTransposed: true, alternates: true),
        TensorStack(
            "mlp.experts.gate_up_proj_bias", in: "mlp.experts",
            parts: ["gate_proj.bias", "up_proj.bias"], alternates: true),
        TensorStack(
            "mlp.experts.down_proj", in: "mlp.experts", parts: ["down_proj.weight"],
            isTransposed: true),
        TensorStack(
            "mlp.experts.down_proj_bias", in: "mlp.experts", parts: ["down_proj.bias"]),
    ]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072,
            "rms_norm_eps": 1e-5, "rope_theta": 150_000, "sliding_window": 128,
        ])
        var result = try json.decoder(expanding: ["mxfp4"])
        if json["rope_scaling"]?.members == nil, json["rope_parameters"]?.members == nil {
            var yarn = RopeScaling.Yarn(factor: 32, originalMaxPositions: 4096)
            yarn.truncates = false
            result.ropeScaling = .yarn(yarn)
        }
        result.windows = try json.windows(layers: result.layerCount) {
            $0 % 2 == 0 && json.hasWindow
        }
        result.attentionBias = try json.flag("attention_bias") ?? true
        result.attentionOutputBias = result.attentionBias
        guard try json.optionalNumber("swiglu_limit") ?? 7 == 7 else {
            throw json.unsupported("swiglu_limit is not 7, which transformers computes with.")
        }
        _ = try Self.settings(json, result)
        return result
    }

    /// A pre-norm block of attention and experts.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let c = weights.configuration
        let name = "model.layers.\(index)"
        var options = SelfAttention.Options(rotary: weights.rotary())
        options.sinks = try weights.vector("\(name).self_attn.sinks", [c.headCount])
        let attention = try weights.attention(index, options, biasSetting: "attention_bias")
        let experts = try weights.experts("\(name).mlp", Self.settings(c.reader, c))
        return try weights.preNormBlock(index, attention, experts, rounds: false)
    }

    /// Scaled before it is rounded.
    public func lastNorm(_ weights: inout WeightReader) throws -> RMSNorm {
        try weights.norm("model.norm", rounds: false)
    }

    private static func settings(
        _ json: ConfigurationReader, _ configuration: DecoderConfiguration
    ) throws -> ExpertSettings {
        var settings = try ExpertSettings(
            count: json.optionalInteger("num_local_experts") ?? json.optionalInteger("num_experts")
                ?? 128,
            used: json.optionalInteger("num_experts_per_tok") ?? 4,
            inner: configuration.intermediateSize, normalizes: true,
            names: (gate: "gate_proj", up: "up_proj", down: "down_proj"), json)
        (settings.router, settings.activation, settings.hasBiases) = ("router", .clampedSilu, true)
        return settings
    }
}
