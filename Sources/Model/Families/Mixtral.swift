internal import FledgeCore

/// Mixtral: Mistral with experts.
public struct Mixtral: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `mixtral`.
    public let modelTypes = ["mixtral": "Mixtral"]
    /// As llama.cpp writes them: a Llama that has experts.
    public let gguf: GGUFNames? = GGUFNames(
        ["llama": "mixtral"], layers: ["ffn_gate_inp": "block_sparse_moe.gate"],
        interleavesRotaryRows: true
    ).withExperts(
        "block_sparse_moe.experts", ("w1", "w3", "w2"),
        settings: [
            "num_local_experts": "expert_count", "num_experts_per_tok": "expert_used_count",
        ])
    /// Experts, where they are not written one by one.
    public let stacks = ExpertSettings.stacks

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
        var settings = try Self.settings(weights.configuration.reader, weights.configuration)
        // Stacks stand under the names that transformers has in memory.
        let name = "model.layers.\(index)."
        if weights.holds(name + "mlp.gate.weight") {
            settings.names = (gate: "gate_proj", up: "up_proj", down: "down_proj")
            return try weights.preNormBlock(
                index, attention, weights.experts(name + "mlp", settings))
        }
        return try weights.preNormBlock(
            index, attention, weights.experts(name + "block_sparse_moe", settings))
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
