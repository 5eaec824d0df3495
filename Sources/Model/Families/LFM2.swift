public import FledgeCore
import FledgeTensor

/// LFM 2, dense: gated short convolutions, and attention in some of the layers.
public struct LFM2: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `lfm2`.
    public let modelTypes = ["lfm2": "Lfm2"]

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "num_key_value_heads": 8, "max_position_embeddings": 128_000, "rope_theta": 1_000_000,
            "rms_norm_eps": json["norm_eps"] ?? 1e-5, "pad_token_id": 0, "bos_token_id": 1,
            "eos_token_id": 2,
            "tie_word_embeddings": json["tie_embedding"] ?? json["tie_word_embeddings"] ?? true,
            "intermediate_size": json["block_ff_dim"] ?? 12288,
        ])
        var result = try json.decoder()
        if let tied = try json.flag("tie_embedding") { result.tieWordEmbeddings = tied }
        if let inner = try json.optionalInteger("block_ff_dim") { result.intermediateSize = inner }
        _ = try Settings(json, result)
        return result
    }

    /// The norm behind the blocks.
    public func lastNorm(_ weights: inout WeightReader) throws -> RMSNorm {
        try weights.norm("model.embedding_norm")
    }

    /// A pre-norm block of a convolution or attention, and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let c = weights.configuration
        let settings = try Settings(c.reader, c)
        let name = "model.layers.\(index)"
        let mixing: any Sublayer =
            settings.attends[index]
            ? try attention("\(name).self_attn", &weights)
            : try convolution("\(name).conv", settings, &weights)
        let (path, inner) = ("\(name).feed_forward", settings.inner)
        let mlp = GatedMLP(
            gate: try weights.linear("\(path).w1", c.hiddenSize, inner),
            up: try weights.linear("\(path).w3", c.hiddenSize, inner),
            down: try weights.linear("\(path).w2", inner, c.hiddenSize), activation: .silu)
        return ResidualBlock(
            .init(before: try weights.norm("\(name).operator_norm"), mixing),
            .init(before: try weights.norm("\(name).ffn_norm"), mlp), channels: c.hiddenSize)
    }

    private func attention(
        _ name: String, _ weights: inout WeightReader
    ) throws -> SelfAttention {
        let c = weights.configuration
        let (queries, keys) = (
            c.headCount * c.headDimension, c.keyValueHeadCount * c.headDimension
        )
        var options = SelfAttention.Options(rotary: weights.rotary())
        options.queryNorm = try weights.norm("\(name).q_layernorm", c.headDimension)
        options.keyNorm = try weights.norm("\(name).k_layernorm", c.headDimension)
        return SelfAttention(
            query: try weights.linear("\(name).q_proj", c.hiddenSize, queries),
            key: try weights.linear("\(name).k_proj", c.hiddenSize, keys),
            value: try weights.linear("\(name).v_proj", c.hiddenSize, keys),
            output: try weights.linear("\(name).out_proj", queries, c.hiddenSize),
            headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount,
            headDimension: c.headDimension, options)
    }

    private func convolution(
        _ name: String, _ settings: Settings, _ weights: inout WeightReader
    ) throws -> ShortConvolution {
        let (channels, bias) = (weights.configuration.hiddenSize, settings.hasBias)
        let key = "conv_bias"
        return ShortConvolution(
            input: try weights.linear(
                "\(name).in_proj", channels, 3 * channels, bias: bias, by: key),
            weight: try weights.vector("\(name).conv.weight", [channels, 1, settings.width]),
            bias: bias ? try weights.vector("\(name).conv.bias", [channels]) : nil,
            output: try weights.linear(
                "\(name).out_proj", channels, channels, bias: bias, by: key))
    }

    /// Norms and activation have names of their own.
    public func describe(_ configuration: DecoderConfiguration, in json: inout JSONValue) {
        for key in ["rms_norm_eps", "hidden_act"] where configuration.original?[key] == nil {
            json[key] = nil
        }
        json["norm_eps"] = .number(configuration.rmsNormEpsilon)
        for key in ["tie_embedding", "block_ff_dim"] where json[key] != nil { json[key] = nil }
    }

    /// What a configuration says of its layers.
    private struct Settings {
        /// For each layer whether it attends; the others are convolutions.
        let attends: [Bool]
        /// Taps of a convolution.
        let width: Int
        /// Whether convolutions and their projections have biases.
        let hasBias: Bool
        /// Channels inside a gated MLP.
        let inner: Int

        init(_ json: ConfigurationReader, _ configuration: DecoderConfiguration) throws {
            attends = try json.attendingLayers(
                configuration.layerCount, others: "conv",
                else: Self.listed(json, configuration.layerCount))
            width = try json.convolutionWidth("conv_L_cache", usually: 3)
            hasBias = try json.flag("conv_bias") ?? false
            inner = try Self.inner(json, configuration.intermediateSize)
        }

        /// `full_attn_idxs`; all layers where it is missing.
        private static func listed(_ json: ConfigurationReader, _ count: Int) throws -> [Bool] {
            guard let listed = json["full_attn_idxs"], !listed.isNull else {
                return Array(repeating: true, count: max(0, min(count, 1 << 20)))
            }
            let places = listed.arrayValue?.compactMap(\.intValue)
            guard let places, places.count == listed.arrayValue?.count else {
                throw json.wrong("full_attn_idxs", "a list of layers")
            }
            let set = Set(places)
            return (0..<max(0, min(count, 1 << 20))).map { set.contains($0) }
        }

        private static func inner(_ json: ConfigurationReader, _ stated: Int) throws -> Int {
            guard try json.flag("block_auto_adjust_ff_dim") ?? true else { return stated }
            let multiplier = try json.optionalNumber("block_ffn_dim_multiplier") ?? 1
            let multiple = try json.optionalInteger("block_multiple_of") ?? 256
            guard multiplier > 0, multiplier < 65536, multiple > 0, multiple < 1 << 31,
                stated > 0, stated < 1 << 31
            else { throw json.wrong("block_multiple_of", "a number above 0") }
            let inner = Int(multiplier * Double(Int(Double(2 * stated) / 3)))
            return max(1, (inner + multiple - 1) / multiple) * multiple
        }
    }
}

extension ConfigurationReader {
    /// For each layer whether it attends to all tokens: `layer_types`.
    ///
    /// - Parameters:
    ///   - others: What the layers of the other kind are called.
    ///   - usual: What counts where there is no list.
    func attendingLayers(
        _ count: Int, others: String, else usual: @autoclosure () throws -> [Bool]
    ) throws -> [Bool] {
        guard let listed = self["layer_types"], !listed.isNull else { return try usual() }
        let names = listed.arrayValue?.compactMap(\.stringValue) ?? []
        guard names.count == count, names.count == listed.arrayValue?.count else {
            throw wrong("layer_types", "a list of a word for each of \(count) layers")
        }
        if let other = names.first(where: { $0 != "full_attention" && $0 != others }) {
            throw unsupported(
                "A layer is of the type \(other); known are full_attention and \(others).")
        }
        return names.map { $0 == "full_attention" }
    }

    /// Taps of a short convolution.
    func convolutionWidth(_ key: String, usually usual: Int) throws -> Int {
        let width = try optionalInteger(key) ?? usual
        guard (1...16).contains(width) else { throw wrong(key, "a number from 1 to 16") }
        return width
    }
}
