internal import FledgeCore

/// Qwen 3 with experts.
public struct Qwen3MoE: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `qwen3_moe`.
    public let modelTypes = ["qwen3_moe": "Qwen3Moe"]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 4, "max_position_embeddings": 32768,
        ])
        var result = try json.decoder()
        result.windows = try json.windowsWhereUsed(layers: result.layerCount) { _ in true }
        result.attentionBias = try json.flag("attention_bias") ?? false
        result.attentionOutputBias = result.attentionBias
        _ = try ExpertSettings(json, result)
        return result
    }

    /// A pre-norm block of attention and experts, or a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let attention = try weights.headNormedAttention(index)
        let settings = try ExpertSettings(weights.configuration.reader, weights.configuration)
        guard settings.hasExperts(index) else {
            return try weights.preNormBlock(index, attention)
        }
        let name = "model.layers.\(index).mlp"
        let experts = try weights.experts(name, settings)
        return try weights.preNormBlock(index, attention, experts)
    }
}

/// Qwen 2 with experts, and one that every token goes through.
public struct Qwen2MoE: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `qwen2_moe`.
    public let modelTypes = ["qwen2_moe": "Qwen2Moe"]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 16, "max_position_embeddings": 32768,
        ])
        var result = try json.decoder()
        let end = try json.optionalInteger("max_window_layers") ?? 28
        result.windows = try json.windowsWhereUsed(layers: result.layerCount) {
            $0 % 2 == 0 && $0 < end
        }
        result.attentionBias = try json.flag("qkv_bias") ?? true
        _ = try ExpertSettings(json, result)
        return result
    }

    /// A pre-norm block of attention and experts, or a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let attention = try weights.attention(
            index, SelfAttention.Options(rotary: weights.rotary()), biasSetting: "qkv_bias")
        let c = weights.configuration
        let settings = try ExpertSettings(c.reader, c)
        guard settings.hasExperts(index) else {
            return try weights.preNormBlock(index, attention)
        }
        let name = "model.layers.\(index).mlp"
        let inner = try c.reader.optionalInteger("shared_expert_intermediate_size") ?? 5632
        let shared = Experts.Shared(
            try weights.gatedMLP("\(name).shared_expert", inner),
            gate: try weights.linear("\(name).shared_expert_gate", c.hiddenSize, 1))
        return try weights.preNormBlock(
            index, attention, weights.experts(name, settings, shared: shared))
    }
}

/// Mixtral: Mistral with experts.
public struct Mixtral: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `mixtral`.
    public let modelTypes = ["mixtral": "Mixtral"]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 8, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5,
            "rope_theta": 1_000_000,
        ])
        var result = try json.decoder()
        result.windows = try json.windows(layers: result.layerCount)
        _ = try Self.settings(json, result)
        return result
    }

    /// A pre-norm block of attention and experts.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let attention = try weights.attention(
            index, SelfAttention.Options(rotary: weights.rotary()), biasSetting: nil)
        let settings = try Self.settings(weights.configuration.reader, weights.configuration)
        let name = "model.layers.\(index).block_sparse_moe"
        return try weights.preNormBlock(index, attention, weights.experts(name, settings))
    }

    private static func settings(
        _ json: ConfigurationReader, _ configuration: DecoderConfiguration
    ) throws -> ExpertSettings {
        guard try json.optionalNumber("router_jitter_noise") ?? 0 == 0 else {
            throw json.unsupported("router_jitter_noise is not 0; it is not supported.")
        }
        return try ExpertSettings(
            count: json.optionalInteger("num_local_experts") ?? 8,
            used: json.optionalInteger("num_experts_per_tok") ?? 2,
            inner: configuration.intermediateSize, normalizes: true,
            names: (gate: "w1", up: "w3", down: "w2"), json)
    }
}
