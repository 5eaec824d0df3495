public import FledgeCore

/// Gemma 3, its text models: Gemma 2 with normalised queries and keys instead of bounded scores; layers
/// with a window, five of six, have a rotary base of their own.
public struct Gemma3: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `gemma3_text`.
    public let modelTypes = ["gemma3_text": "Gemma3"]
    /// `gemma3`.
    public let enclosing = ["gemma3": "Gemma3"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = .sandwich(
        ["gemma3": "gemma3_text"],
        layers: ["attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"],
        settings: ["rope_local_base_freq": "rope.freq_base_swa"])

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults([
            "vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216,
            "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4,
            "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh",
            "max_position_embeddings": 131072, "tie_word_embeddings": true, "pad_token_id": 0,
            "eos_token_id": 1, "bos_token_id": 2, "sliding_window": 4096, "rope_theta": 1_000_000,
        ])
        guard try json.softCap("attn_logit_softcapping") == nil else {
            throw json.unsupported("attn_logit_softcapping is no setting of Gemma 3.")
        }
        var result = try Gemma.decoder(json)
        if let (theta, scaling) = try json.rope(
            ofLayers: "full_attention", maxPositions: result.maxPositions)
        {
            result.ropeTheta = theta ?? 1_000_000
            // The older spelling counts where there is one.
            if !json.hasOlderRopeScaling { result.ropeScaling = scaling }
        }
        _ = try Self.localRope(json, result)
        json.knows("query_pre_attn_scalar", "rope_local_base_freq")
        let period = try json.optionalInteger("sliding_window_pattern") ?? 6
        guard period > 0 else { throw json.wrong("sliding_window_pattern", "a number above 0") }
        result.windows = try json.windows(layers: result.layerCount) { ($0 + 1) % period != 0 }
        result.logitSoftCap = try json.softCap("final_logit_softcapping")
        return result
    }

    /// Layers of the largest model, whose scores are scaled in another way.
    private static let layersOfLargest = 62

    /// What files of llama.cpp leave out.
    public func describe(_ configuration: DecoderConfiguration, in json: inout JSONValue) {
        configuration.describeQueryScalar(layersOfLargest: Self.layersOfLargest, in: &json)
    }

    /// The table of the tokens' vectors, which are multiplied by √channels.
    public func embedding(_ weights: inout WeightReader) throws -> Embedding {
        try weights.scaledEmbedding()
    }

    /// A norm that is stored around 0.
    public func lastNorm(_ weights: inout WeightReader) throws -> RMSNorm {
        try weights.offsetNorm("model.norm")
    }

    /// Attention and a gated MLP between norms.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let c = weights.configuration
        let (theta, scaling) = try Self.localRope(c.reader, c)
        let rotary =
            c.window(ofLayer: index) == nil
            ? weights.rotary()
            : weights.rotary("window") { configuration in
                var local = configuration
                (local.ropeTheta, local.ropeScaling) = (theta, scaling)
                return RotaryPositions(local)
            }
        var options = SelfAttention.Options(
            rotary: rotary, scale: try weights.queryScale(layersOfLargest: Self.layersOfLargest))
        let name = "model.layers.\(index).self_attn"
        options.queryNorm = try weights.offsetNorm("\(name).q_norm", c.headDimension)
        options.keyNorm = try weights.offsetNorm("\(name).k_norm", c.headDimension)
        let attention = try weights.attention(index, options, biasSetting: "attention_bias")
        return try weights.sandwichBlock(index, attention)
    }

    /// The angles of layers with a window.
    private static func localRope(
        _ json: ConfigurationReader, _ configuration: DecoderConfiguration
    ) throws -> (theta: Double, scaling: RopeScaling) {
        let stated = try json.rope(
            ofLayers: "sliding_attention", maxPositions: configuration.maxPositions)
        let theta = try stated?.theta ?? json.optionalNumber("rope_local_base_freq") ?? 10000
        guard theta > 1, theta.isFinite else {
            throw json.wrong("rope_local_base_freq", "a number above 1")
        }
        return (theta, stated?.scaling ?? .none)
    }
}
