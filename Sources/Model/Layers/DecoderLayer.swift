public import FledgeTensor

/// A block of a pre-norm decoder: attention and a gated MLP, each added to the residual stream.
public final class DecoderLayer: DecoderBlock {
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

    /// The states behind the block, shape `[tokens, channels]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let attended = x + attention(inputNorm(x), pass)
        return attended + mlp(postAttentionNorm(attended), pass)
    }

    /// What the parts hold, and the residual stream before and after each.
    public func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let norms = [inputNorm, postAttentionNorm].map { $0.activationBytes(run) }
        let (attended, gated) = (attention.activationBytes(run), mlp.activationBytes(run))
        let stream = run.bytes(inputNorm.channelCount)
        return ActivationBytes(
            kept: norms[0].kept + norms[1].kept + attended.kept + gated.kept,
            forward: 2 * stream + norms[0].forward + max(attended.forward, gated.forward),
            // Attention's turn comes when gate and up are released.
            backward: 2 * stream
                + max(gated.backward, attended.backward - mlp.outputBytes(run)))
    }

    /// Attention's keys and values.
    public func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int {
        attention.stateBytes(cache, type)
    }
}
