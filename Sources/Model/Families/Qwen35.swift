import FledgeCore
import FledgeTensor

/// Qwen 3.5, its text models: gated delta networks in most layers, gated attention in the others.
public struct Qwen35: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `qwen3_5_text`.
    public let modelTypes = ["qwen3_5_text": "Qwen3_5"]
    /// `qwen3_5`.
    public let enclosing = ["qwen3_5": "Qwen3_5"]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let result = try DeltaSettings.decoder(
            json.withDefaults([
                "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 32768,
                "partial_rotary_factor": 0.25,
            ]))
        _ = try DeltaSettings(json, result)
        return result
    }

    /// A norm that is stored around 0.
    public func lastNorm(_ weights: inout WeightReader) throws -> RMSNorm {
        try weights.offsetNorm("model.norm")
    }

    /// A pre-norm block of a delta network or attention, and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let c = weights.configuration
        let settings = try DeltaSettings(c.reader, c)
        let mlp = try weights.gatedMLP("model.layers.\(index).mlp")
        guard !settings.attends[index] else {
            return try weights.offsetBlock(index, weights.gatedAttention(index), mlp)
        }
        let (name, shape) = ("model.layers.\(index).linear_attn", settings.shape)
        func projection(_ part: String, _ outputs: Int) throws -> Linear {
            try weights.linear("\(name).in_proj_\(part)", c.hiddenSize, outputs)
        }
        let projections = GatedDeltaNet.Projections(
            mixed: try projection("qkv", shape.mixedColumns),
            gate: try projection("z", shape.valueHeads * shape.valueChannels),
            beta: try projection("b", shape.valueHeads),
            decay: try projection("a", shape.valueHeads))
        return try weights.offsetBlock(index, weights.deltaNet(name, projections, settings), mlp)
    }
}
