internal import FledgeCore
internal import FledgeTensor

/// One block of a pre-norm decoder: attention and a gated MLP, each added to the residual stream.
public final class DecoderLayer: Module {
    let inputNorm: RMSNorm
    let attention: SelfAttention
    let postAttentionNorm: RMSNorm
    let mlp: GatedMLP

    /// Creates a block from its parts.
    public init(
        inputNorm: RMSNorm, attention: SelfAttention, postAttentionNorm: RMSNorm, mlp: GatedMLP
    ) {
        (self.inputNorm, self.attention) = (inputNorm, attention)
        (self.postAttentionNorm, self.mlp) = (postAttentionNorm, mlp)
    }

    /// Lists the parts.
    public func describe(to description: inout ModuleDescription) {
        description.add(inputNorm)
        description.add(attention)
        description.add(postAttentionNorm)
        description.add(mlp)
    }

    func callAsFunction(
        _ x: Tensor, rotary: RotaryTable, layout: SequenceLayout, positions: [Int32],
        _ pass: ForwardPass
    ) -> Tensor {
        let attended =
            x
            + attention(
                inputNorm(x), rotary: rotary, layout: layout, positions: positions, pass)
        return attended + mlp(postAttentionNorm(attended), pass)
    }

    func callAsFunction(
        _ x: Tensor, rotary: RotaryTable, run: CachedRun, cache: inout KeyValueBlock,
        _ pass: ForwardPass
    ) -> Tensor {
        let attended =
            x
            + attention(inputNorm(x), rotary: rotary, run: run, cache: &cache, pass)
        return attended + mlp(postAttentionNorm(attended), pass)
    }
}
