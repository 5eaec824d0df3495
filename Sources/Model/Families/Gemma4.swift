public import FledgeCore
internal import FledgeTensor

/// Gemma 4, its text models: layers of two kinds of heads, of which the last attend over keys and values of
/// earlier ones; vectors of tokens for each layer; or, instead, experts beside the MLP.
public struct Gemma4: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `gemma4_text`.
    public let modelTypes = ["gemma4_text": "Gemma4"]
    /// `gemma4`.
    public let enclosing = ["gemma4": "Gemma4"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = Gemma4Settings.namesOfFiles

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = Gemma4Settings.withDefaults(json)
        if let direction = json["use_bidirectional_attention"], !direction.isNull,
            direction != "vision"
        {
            throw json.unsupported(
                "use_bidirectional_attention is \(direction.serialized()); known are null, and "
                    + "\"vision\", which changes nothing for texts.")
        }
        guard try !(json.flag("enable_moe_block") ?? false) else {
            throw json.unsupported(
                "enable_moe_block is true: experts of Gemma 4 are not known yet.")
        }
        guard !json.hasOlderRopeScaling else {
            throw json.unsupported("rope_scaling is no setting of Gemma 4.")
        }
        var result = try json.decoder()
        result.attentionBias = try json.flag("attention_bias") ?? false
        result.attentionOutputBias = result.attentionBias
        result.windows = try json.windows(layers: result.layerCount) { ($0 + 1) % 6 != 0 }
        // The last layer sees all, whatever the file says.
        if !result.windows.isEmpty { result.windows[result.layerCount - 1] = nil }
        result.logitSoftCap = try json.softCap("final_logit_softcapping")
        let settings = try Gemma4Settings(json, result)
        (result.ropeTheta, result.ropeScaling) = (settings.full.theta, settings.full.scaling)
        return result
    }

    /// The table of the tokens' vectors, which are multiplied by √channels.
    public func embedding(_ weights: inout WeightReader) throws -> Embedding {
        try weights.scaledEmbedding()
    }

    /// The tokens' vectors for each layer.
    public func sideInputs(_ weights: inout WeightReader) throws -> (any SideInputs)? {
        let c = weights.configuration
        let settings = try Gemma4Settings(c)
        let (channels, all) = (settings.sideChannels, c.layerCount * settings.sideChannels)
        guard channels > 0 else { return nil }
        let table = Embedding(
            matrix: try weights.table(
                "model.embed_tokens_per_layer", [settings.sideVocabulary, all]),
            paddingID: c.paddingID.flatMap { Int32(exactly: $0) },
            scale: .init(Double(channels).squareRoot(), isRounded: true))
        return PerLayerInputs(
            table, try weights.linear("model.per_layer_model_projection", c.hiddenSize, all),
            norm: try weights.norm("model.per_layer_projection_norm", channels, rounds: false))
    }

    /// The norm behind the blocks.
    public func lastNorm(_ weights: inout WeightReader) throws -> RMSNorm {
        try weights.norm("model.norm", rounds: false)
    }

    /// Attention and a gated MLP between norms, and what the tokens' vectors for the layer add.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let (name, c) = ("model.layers.\(index)", weights.configuration)
        let settings = try Gemma4Settings(c)
        func norm(_ part: String) throws -> RMSNorm {
            try weights.norm("\(name).\(part)", rounds: false)
        }
        let isWide = settings.source(ofLayer: index) != nil && settings.widensShared
        let attention = try settings.attention(index, &weights)
        let mlp = try weights.gatedMLP("\(name).mlp", isWide ? 2 * c.intermediateSize : nil)
        let core = try weights.sandwichBlock(index, attention, mlp, offset: 0)
        let channels = settings.sideChannels
        let side =
            channels == 0
            ? nil
            : Gemma4Block.Side(
                stream: PerLayerInputs.stream(index),
                gate: try weights.linear("\(name).per_layer_input_gate", c.hiddenSize, channels),
                projection: try weights.linear(
                    "\(name).per_layer_projection", channels, c.hiddenSize),
                norm: try norm("post_per_layer_input_norm"),
                activation: Activation(c.hiddenActivation))
        return Gemma4Block(
            core, attention, side, scale: try weights.buffer("\(name).layer_scalar", [1]))
    }

    /// What `rope_parameters` are where the file has none.
    public func describe(_ configuration: DecoderConfiguration, in json: inout JSONValue) {
        if json["rope_parameters"]?.members == nil {
            json["rope_parameters"] = Gemma4Settings.usualRope
        }
    }
}
