public import FledgeCore

/// SmolLM 3: Llama, of which every fourth layer knows nothing of positions.
public struct SmolLM3: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `smollm3`.
    public let modelTypes = ["smollm3": "SmolLM3"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(["smollm3": "smollm3"], interleavesRotaryRows: true)

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 4, "max_position_embeddings": 32768, "rope_theta": 2_000_000,
            "tie_word_embeddings": true,
        ])
        var result = try json.decoderWithBiases()
        let rotated = try Self.rotatedLayers(json, count: result.layerCount)
        let slides = try json.flag("use_sliding_window") ?? false && json.hasWindow
        result.windows = try json.windows(layers: result.layerCount) { slides && !rotated[$0] }
        return result
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let configuration = weights.configuration
        let rotated = try Self.rotatedLayers(
            configuration.reader, count: configuration.layerCount)
        let options = SelfAttention.Options(rotary: rotated[index] ? weights.rotary() : nil)
        let attention = try weights.attention(index, options, biasSetting: "attention_bias")
        return try weights.preNormBlock(index, attention)
    }

    /// Biases.
    public func describe(_ configuration: DecoderConfiguration, in json: inout JSONValue) {
        Llama().describe(configuration, in: &json)
    }

    /// For each layer whether it rotates queries and keys.
    private static func rotatedLayers(_ json: ConfigurationReader, count: Int) throws -> [Bool] {
        if let listed = json["no_rope_layers"], !listed.isNull {
            // 1 stands for a layer with rotary positions, whatever the name says.
            let layers = listed.arrayValue?.compactMap(\.intValue) ?? []
            guard layers.count == count else {
                throw json.wrong("no_rope_layers", "a list of 0 or 1 for each of \(count) layers")
            }
            return layers.map { $0 != 0 }
        }
        let interval = try json.optionalInteger("no_rope_layer_interval") ?? 4
        guard interval > 0, interval < 1 << 31 else {
            throw json.wrong("no_rope_layer_interval", "a number above 0")
        }
        return (0..<max(0, min(count, 1 << 20))).map { ($0 + 1) % interval != 0 }
    }
}
