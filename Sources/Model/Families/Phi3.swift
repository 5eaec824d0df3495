import FledgeCore

/// Phi 3, 3.5 and 4, dense: Llama with fused projections, of which a part of each head may be rotated.
public struct Phi3: ModelFamily {
    /// Creates the family.
    public init() {}

    /// `phi3`.
    public let modelTypes = ["phi3": "Phi3"]
    /// As llama.cpp writes them.
    public let gguf: GGUFNames? = GGUFNames(
        ["phi3": "phi3"],
        layers: ["attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"])

    /// The settings that decoders have in common, and the family's own.
    public func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        let json = json.withDefaults(["rms_norm_eps": 1e-5, "max_position_embeddings": 4096])
        for key in ["resid_pdrop", "embd_pdrop"] where try json.optionalNumber(key) ?? 0 != 0 {
            throw json.unsupported("\(key) is not 0; it is not supported.")
        }
        var result = try json.decoder(rotatesPart: true)
        result.windows = try json.windows(layers: result.layerCount)
        return result
    }

    /// A pre-norm block of attention and a gated MLP.
    public func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let attention = try weights.fusedAttention(
            index, SelfAttention.Options(rotary: weights.rotary()))
        let mlp = try weights.fusedMLP("model.layers.\(index).mlp")
        return try weights.preNormBlock(index, attention, mlp)
    }
}
