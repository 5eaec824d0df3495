internal import FledgeCore
internal import FledgeTensor

/// What a configuration of Gemma 4 says beside what decoders have in common.
struct Gemma4Settings {
    /// Channels of the tokens' vectors for each layer; 0 where there are none.
    let sideChannels: Int
    /// Rows of the table of these vectors.
    let sideVocabulary: Int
    /// Whether MLPs of layers that share keys and values are twice as wide.
    let widensShared: Bool
    /// The angles of layers that see all.
    let full: (theta: Double, scaling: RopeScaling)
    private let local: (theta: Double, scaling: RopeScaling)
    /// Heads of layers that see all.
    private let fullHead: (count: Int, dimension: Int)
    /// Whether values of layers that see all are made of their keys' projections.
    private let valuesAreKeys: Bool
    /// The first layer that attends over keys and values of an earlier one.
    private let firstShared: Int
    private let windows: [Bool]

    /// The base and scaling of each kind of layers.
    static let usualRope: JSONValue = [
        "sliding_attention": ["rope_type": "default", "rope_theta": 10000.0],
        "full_attention": [
            "rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1_000_000.0,
        ],
    ]

    static func withDefaults(_ json: ConfigurationReader) -> ConfigurationReader {
        json.withDefaults([
            "vocab_size": 262144, "hidden_size": 2304, "intermediate_size": 9216,
            "num_hidden_layers": 30, "num_attention_heads": 8, "num_key_value_heads": 4,
            "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh",
            "max_position_embeddings": 131072, "tie_word_embeddings": true, "pad_token_id": 0,
            "eos_token_id": 1, "bos_token_id": 2, "sliding_window": 512,
            "vocab_size_per_layer_input": 262144, "hidden_size_per_layer_input": 256,
            "global_head_dim": 512, "rope_parameters": usualRope,
        ])
    }

    init(_ configuration: DecoderConfiguration) throws {
        try self.init(Self.withDefaults(configuration.reader), configuration)
    }

    init(_ json: ConfigurationReader, _ c: DecoderConfiguration) throws {
        func size(_ key: String, _ range: ClosedRange<Int>, or usual: Int) throws -> Int {
            let value = try json.optionalInteger(key) ?? usual
            guard range.contains(value) else {
                throw json.wrong(
                    key, "a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        windows = (0..<max(0, min(c.layerCount, 1 << 20))).map { c.window(ofLayer: $0) != nil }
        sideChannels = try size("hidden_size_per_layer_input", 0...1 << 20, or: 0)
        sideVocabulary = try size("vocab_size_per_layer_input", 1...1 << 30, or: 1)
        guard sideChannels == 0 || sideVocabulary >= c.vocabularySize else {
            throw json.wrong(
                "vocab_size_per_layer_input", "at least vocab_size, \(c.vocabularySize)")
        }
        widensShared = try json.flag("use_double_wide_mlp") ?? false
        valuesAreKeys = try json.flag("attention_k_eq_v") ?? false
        let dimension = try size("global_head_dim", 0...1 << 20, or: 0)
        fullHead = (
            valuesAreKeys
                ? try size("num_global_key_value_heads", 1...1 << 20, or: c.keyValueHeadCount)
                : c.keyValueHeadCount, dimension == 0 ? c.headDimension : dimension
        )
        guard c.headCount % fullHead.count == 0, fullHead.dimension % 2 == 0 else {
            throw json.unsupported(
                "Layers that see all have \(fullHead.count) key/value heads of \(fullHead.dimension) "
                    + "channels for \(c.headCount) query heads, which cannot share them.")
        }
        let shared = try size("num_kv_shared_layers", 0...max(c.layerCount - 1, 0), or: 0)
        firstShared = windows.count - shared
        for layer in firstShared..<windows.count
        where !windows[..<firstShared].contains(windows[layer]) {
            throw json.wrong(
                "num_kv_shared_layers", "so small that a layer of each kind has keys of its own")
        }
        func rope(_ kind: String, _ theta: Double) throws -> (Double, RopeScaling) {
            let stated = try json.rope(ofLayers: kind, maxPositions: c.maxPositions)
            return (stated?.theta ?? theta, stated?.scaling ?? .none)
        }
        full = try rope("full_attention", 1_000_000)
        local = try rope("sliding_attention", 10000)
        for scaling in [full.scaling, local.scaling] {
            switch scaling {
            case .none, .proportional: continue
            default:
                throw json.unsupported(
                    "rope_parameters have another rope_type than default and proportional.")
            }
        }
    }

    /// The earlier layer whose keys and values a layer attends over; nil where it has its own.
    func source(ofLayer index: Int) -> Int? {
        index < firstShared ? nil : windows[..<firstShared].lastIndex(of: windows[index])
    }

    /// Whether later layers attend over a layer's keys and values.
    private func isShared(_ index: Int) -> Bool {
        (firstShared..<windows.count).contains { source(ofLayer: $0) == index }
    }

    /// The attention of a layer.
    func attention(_ index: Int, _ weights: inout WeightReader) throws -> Gemma4Attention {
        let (name, c) = ("model.layers.\(index).self_attn", weights.configuration)
        let isLocal = windows[index]
        let dimension = isLocal ? c.headDimension : fullHead.dimension
        let keyHeads = isLocal ? c.keyValueHeadCount : fullHead.count
        let source = source(ofLayer: index)
        func linear(_ part: String, _ inputs: Int, _ outputs: Int) throws -> Linear {
            try weights.linear(
                "\(name).\(part)", inputs, outputs, bias: c.attentionBias, by: "attention_bias")
        }
        func norm(_ part: String) throws -> RMSNorm {
            try weights.norm("\(name).\(part)", dimension, rounds: false)
        }
        var keys: Gemma4Attention.Keys?
        if source == nil {
            let hasValues = isLocal || !valuesAreKeys
            keys = .init(
                projection: try linear("k_proj", c.hiddenSize, keyHeads * dimension),
                values: hasValues
                    ? try linear("v_proj", c.hiddenSize, keyHeads * dimension) : nil,
                norm: try norm("k_norm"))
        } else {
            // Files may hold what nothing is computed with.
            weights.passOver(
                ["k_proj.weight", "k_proj.bias", "v_proj.weight", "v_proj.bias", "k_norm.weight"]
                    .map { "\(name).\($0)" })
        }
        return Gemma4Attention(
            query: try linear("q_proj", c.hiddenSize, c.headCount * dimension),
            queryNorm: try norm("q_norm"), keys: keys,
            in: weights.place(source ?? index), isShared: isShared(index),
            output: try linear("o_proj", c.headCount * dimension, c.hiddenSize),
            headCount: c.headCount, keyValueHeadCount: keyHeads,
            rotary: rotary(isLocal, dimension, &weights), window: c.window(ofLayer: index))
    }

    private func rotary(
        _ isLocal: Bool, _ dimension: Int, _ weights: inout WeightReader
    ) -> RotaryPositions {
        let rope = isLocal ? local : full
        return weights.rotary(isLocal ? "window" : "") { configuration in
            let frequencies = rope.scaling.frequencies(
                dimension: dimension, theta: rope.theta, maxPositions: configuration.maxPositions)
            return RotaryPositions(
                RotaryTable(
                    inverseFrequencies: frequencies.inverse,
                    attentionFactor: frequencies.attentionFactor))
        }
    }
}
