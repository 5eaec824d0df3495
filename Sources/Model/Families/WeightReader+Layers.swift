public import FledgeTensor

extension WeightReader {
    /// A block of a pre-norm decoder under Llama's names.
    ///
    /// - Parameter setting: What of config.json says whether attention has biases; nil where the
    ///   model's type does.
    public mutating func layer(_ index: Int, biasSetting setting: String?) throws -> DecoderLayer {
        let name = "model.layers.\(index)"
        let attention = try attention(
            "\(name).self_attn", SelfAttention.Options(rotary: rotary()), biasSetting: setting)
        let mlp = try gatedMLP("\(name).mlp")
        return DecoderLayer(
            inputNorm: try norm("\(name).input_layernorm"), attention: attention,
            postAttentionNorm: try norm("\(name).post_attention_layernorm"), mlp: mlp)
    }

    /// Attention under Llama's names.
    ///
    /// - Parameter setting: As in ``layer(_:biasSetting:)``.
    public mutating func attention(
        _ name: String, _ options: SelfAttention.Options, biasSetting setting: String?
    ) throws -> SelfAttention {
        let c = configuration
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

    /// The angles of the configuration's positions, the same table for all layers that ask.
    public mutating func rotary() -> RotaryTable {
        if let table = tables[""] { return table }
        let (frequencies, factor) = configuration.rotaryFrequencies()
        let table = RotaryTable(inverseFrequencies: frequencies, attentionFactor: factor)
        tables[""] = table
        return table
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
