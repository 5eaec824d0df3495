internal import FledgeCore
internal import FledgeTensor

/// Granite 3 and 4 with experts, with an MLP that every token goes through, or with that alone; of the
/// hybrids those whose layers are all attention.
public struct GraniteMoE: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `granitemoe`, `granitemoeshared`, `granitemoehybrid`.
    public let modelTypes = [
        "granitemoe": "GraniteMoe", "granitemoeshared": "GraniteMoeShared",
        "granitemoehybrid": "GraniteMoeHybrid",
    ]

    /// Experts.
    public let stacks = [
        TensorStack(
            "block_sparse_moe.input_linear.weight", in: "block_sparse_moe.experts",
            parts: ["gate_proj.weight", "up_proj.weight"]),
        TensorStack(
            "block_sparse_moe.output_linear.weight", in: "block_sparse_moe.experts",
            parts: ["down_proj.weight"]),
    ]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        var result = try json.decoder()
        result.attentionBias = try json.flag("attention_bias") ?? false
        result.attentionOutputBias = result.attentionBias
        try Granite.readMultipliers(json, into: &result)
        if Self.isHybrid(json) {
            let kinds = (json["layer_types"] ?? json["layers_block_type"])?.arrayValue ?? []
            guard kinds.count == result.layerCount,
                kinds.allSatisfy({ $0.stringValue == "attention" })
            else {
                throw json.unsupported(
                    "layer_types has Mamba layers; of the hybrids those are known whose layers are all attention."
                )
            }
            _ = try Self.rotates(json)
        }
        let (experts, shared) = (try Self.settings(json, result), try Self.sharedSize(json))
        guard experts != nil || shared > 0 else {
            throw json.wrong("num_local_experts", "above 0 where there is no shared MLP")
        }
        return result
    }

    /// The table of the tokens' vectors, which are multiplied.
    public func embedding(_ weights: inout WeightReader) throws -> Embedding {
        try Granite().embedding(&weights)
    }

    /// A pre-norm block of attention and experts, a gated MLP, or both.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let (c, json) = (weights.configuration, weights.configuration.reader)
        let options = SelfAttention.Options(
            rotary: try Self.rotates(json) ? weights.rotary() : nil,
            scale: Float(try Granite.multiplier("attention_multiplier", json)))
        let attention = try weights.attention(index, options, biasSetting: "attention_bias")
        let (name, inner) = ("model.layers.\(index)", try Self.sharedSize(json))
        var shared: GatedMLP?
        if inner > 0 {
            shared = GatedMLP(
                fused: try weights.linear(
                    "\(name).shared_mlp.input_linear", c.hiddenSize, 2 * inner),
                down: try weights.linear("\(name).shared_mlp.output_linear", inner, c.hiddenSize),
                activation: Activation(c.hiddenActivation))
        }
        let scale = try Granite.multiplier("residual_multiplier", json)
        guard let settings = try Self.settings(json, c) else {
            return try weights.preNormBlock(index, attention, shared, scale: scale)
        }
        let experts = try weights.experts(
            "\(name).block_sparse_moe", settings, shared: shared.map { Experts.Shared($0) })
        return try weights.preNormBlock(index, attention, experts, scale: scale)
    }

    private static func isHybrid(_ json: ConfigurationReader) -> Bool {
        json["model_type"] == "granitemoehybrid"
    }

    /// Whether queries and keys are turned by their positions.
    private static func rotates(_ json: ConfigurationReader) throws -> Bool {
        guard isHybrid(json) else { return true }
        switch json["position_embedding_type"]?.stringValue {
        case "rope": return true
        case nil, "nope": return false
        case let other:
            throw json.unsupported(
                "position_embedding_type is \(other ?? "null"); known are rope and null.")
        }
    }

    /// Channels inside of the MLP that every token goes through; 0 for none.
    private static func sharedSize(_ json: ConfigurationReader) throws -> Int {
        guard json["model_type"] != "granitemoe" else { return 0 }
        let usual = isHybrid(json) ? 1024 : 0
        let size = try json.optionalInteger("shared_intermediate_size") ?? usual
        guard size >= 0, size < 1 << 30 else {
            throw json.wrong("shared_intermediate_size", "a number of channels")
        }
        return size
    }

    /// What the configuration says of experts; nil where there are none.
    private static func settings(
        _ json: ConfigurationReader, _ configuration: DecoderConfiguration
    ) throws -> ExpertSettings? {
        let count = try json.optionalInteger("num_local_experts") ?? 8
        let used = try json.optionalInteger("num_experts_per_tok") ?? 2
        guard count != 0 || !isHybrid(json) else { return nil }
        var settings = try ExpertSettings(
            count: count, used: used, inner: configuration.intermediateSize, normalizes: true,
            names: (gate: "gate_proj", up: "up_proj", down: "down_proj"), json)
        (settings.router, settings.hasLinearRouter) = ("router.layer", true)
        return settings
    }
}
