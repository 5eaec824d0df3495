internal import FledgeTensor

extension WeightReader {
    /// A block of a pre-norm decoder under Llama's names.
    ///
    /// - Parameters:
    ///   - attention: Its attention, or another mixer of tokens.
    ///   - feedForward: A gated MLP where it is left out.
    ///   - scale: What each of them adds is multiplied by it.
    ///   - rounds: As of ``RMSNorm/rounds``.
    public mutating func preNormBlock(
        _ index: Int, _ attention: any Sublayer, _ feedForward: (any Sublayer)? = nil,
        scale: Double = 1, rounds: Bool = true
    ) throws -> ResidualBlock {
        let name = "model.layers.\(index)"
        let feedForward = try feedForward ?? gatedMLP("\(name).mlp")
        return ResidualBlock(
            .init(
                before: try norm("\(name).input_layernorm", rounds: rounds), attention,
                scale: scale),
            .init(
                before: try norm("\(name).post_attention_layernorm", rounds: rounds),
                feedForward, scale: scale),
            channels: configuration.hiddenSize)
    }

    /// A block whose layers are normalised before they are added, under OLMo 2's names.
    ///
    /// - Parameter rounds: As of ``RMSNorm/rounds``.
    public mutating func postNormBlock(
        _ index: Int, _ attention: any Sublayer, rounds: Bool = true
    ) throws -> ResidualBlock {
        let name = "model.layers.\(index)"
        let mlp = try gatedMLP("\(name).mlp")
        return ResidualBlock(
            .init(attention, after: try norm("\(name).post_attention_layernorm", rounds: rounds)),
            .init(mlp, after: try norm("\(name).post_feedforward_layernorm", rounds: rounds)),
            channels: configuration.hiddenSize)
    }

    /// Attention under Llama's names.
    ///
    /// - Parameters:
    ///   - index: The block's.
    ///   - setting: What of config.json says whether there are biases; nil where the model's type does.
    public mutating func attention(
        _ index: Int, _ options: SelfAttention.Options, biasSetting setting: String?
    ) throws -> SelfAttention {
        let name = "model.layers.\(index).self_attn"
        let c = configuration
        let options = windowed(options, index)
        let queries = c.headCount * c.headDimension
        let keys = c.keyValueHeadCount * c.headDimension
        return SelfAttention(
            query: try linear(
                "\(name).q_proj", c.hiddenSize, queries, bias: c.attentionBias, by: setting),
            key: try linear(
                "\(name).k_proj", c.hiddenSize, keys, bias: c.attentionBias, by: setting),
            value: try linear(
                "\(name).v_proj", c.hiddenSize, keys, bias: c.attentionBias, by: setting),
            output: try linear(
                "\(name).o_proj", queries, c.hiddenSize, bias: c.attentionOutputBias, by: setting),
            headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount,
            headDimension: c.headDimension, options)
    }

    /// What the configuration says of a layer's window.
    private func windowed(
        _ options: SelfAttention.Options, _ index: Int
    ) -> SelfAttention.Options {
        var options = options
        options.window = options.window ?? configuration.window(ofLayer: index)
        return options
    }

    /// A gated MLP under Llama's names.
    ///
    /// - Parameter inner: Channels between the projections; those of the configuration when left out.
    public mutating func gatedMLP(_ name: String, _ inner: Int? = nil) throws -> GatedMLP {
        let c = configuration
        let (inner, bias) = (inner ?? c.intermediateSize, "mlp_bias")
        return GatedMLP(
            gate: try linear("\(name).gate_proj", c.hiddenSize, inner, bias: c.mlpBias, by: bias),
            up: try linear("\(name).up_proj", c.hiddenSize, inner, bias: c.mlpBias, by: bias),
            down: try linear("\(name).down_proj", inner, c.hiddenSize, bias: c.mlpBias, by: bias),
            activation: Activation(c.hiddenActivation))
    }

    /// Attention whose queries and keys are normalised head by head, under Qwen 3's names.
    public mutating func headNormedAttention(_ index: Int) throws -> SelfAttention {
        var options = SelfAttention.Options(rotary: rotary())
        let name = "model.layers.\(index).self_attn"
        options.queryNorm = try norm("\(name).q_norm", configuration.headDimension)
        options.keyNorm = try norm("\(name).k_norm", configuration.headDimension)
        return try attention(index, options, biasSetting: "attention_bias")
    }

    /// Attention whose queries, keys and values are one projection, `qkv_proj`.
    public mutating func fusedAttention(
        _ index: Int, _ options: SelfAttention.Options
    ) throws -> SelfAttention {
        let (name, c) = ("model.layers.\(index).self_attn", configuration)
        let queries = c.headCount * c.headDimension
        let all = queries + 2 * c.keyValueHeadCount * c.headDimension
        return SelfAttention(
            fused: try linear("\(name).qkv_proj", c.hiddenSize, all),
            output: try linear("\(name).o_proj", queries, c.hiddenSize), headCount: c.headCount,
            keyValueHeadCount: c.keyValueHeadCount, headDimension: c.headDimension,
            windowed(options, index))
    }

    /// A gated MLP whose gate and up are one projection, `gate_up_proj`.
    public mutating func fusedMLP(_ name: String) throws -> GatedMLP {
        let c = configuration
        return GatedMLP(
            fused: try linear("\(name).gate_up_proj", c.hiddenSize, 2 * c.intermediateSize),
            down: try linear("\(name).down_proj", c.intermediateSize, c.hiddenSize),
            activation: Activation(c.hiddenActivation))
    }

    /// The angles of the configuration's positions, the same table for all layers that ask.
    public mutating func rotary() -> RotaryPositions { rotary("") { RotaryPositions($0) } }

    /// Angles that layers share.
    ///
    /// - Parameters:
    ///   - kind: Tells them apart from others of the model.
    ///   - make: Makes them when the first layer asks.
    public mutating func rotary(
        _ kind: String, _ make: (DecoderConfiguration) -> RotaryPositions
    ) -> RotaryPositions {
        if let made = angles[kind] { return made }
        let made = make(configuration)
        angles[kind] = made
        return made
    }
}

extension Activation {
    init(_ activation: DecoderConfiguration.HiddenActivation) {
        switch activation {
        case .silu: self = .silu
        case .gelu: self = .gelu
        case .geluTanh: self = .geluTanh
        }
    }
}
