public import FledgeTensor

/// A block of two layers that are each added to the residual stream: `x + scale·after(layer(before(x)))`.
///
/// Families differ in which norms there are: before the layer (Llama), behind it (OLMo 2), or both
/// (Gemma 2).
public final class ResidualBlock: DecoderBlock {
    /// A layer with its norms.
    public struct Branch {
        let before: RMSNorm?
        let layer: any Sublayer
        let after: RMSNorm?
        let scale: Double

        /// Creates a branch.
        ///
        /// - Parameters:
        ///   - before: The norm of what the layer reads.
        ///   - after: The norm of what it gives.
        ///   - scale: What is added is multiplied by it.
        public init(
            before: RMSNorm? = nil, _ layer: any Sublayer, after: RMSNorm? = nil, scale: Double = 1
        ) {
            (self.before, self.layer, self.after, self.scale) = (before, layer, after, scale)
        }

        fileprivate func added(to x: Tensor, _ pass: ForwardPass) -> Tensor {
            let given = layer(before.map { $0(x) } ?? x, pass)
            let normed = after.map { $0(given) } ?? given
            return x + (scale == 1 ? normed : normed * scale)
        }

        fileprivate func describe(to description: inout ModuleDescription) {
            description.add(before)
            description.add(layer)
            description.add(after)
        }

        /// Norms and scale keep what they make, or what they read.
        fileprivate func bytes(_ run: TokenMemory) -> ActivationBytes {
            let norms = [before, after].compactMap { $0?.activationBytes(run) }
            var bytes = layer.activationBytes(run)
            bytes.kept += norms.reduce(0) { $0 + $1.kept }
            bytes.forward += norms.first?.forward ?? 0
            return bytes
        }
    }

    private let mixing: Branch
    private let feedForward: Branch
    private let channelCount: Int

    /// Creates a block.
    ///
    /// - Parameters:
    ///   - mixing: The layer that reaches from one token to another.
    ///   - feedForward: The layer that follows it.
    ///   - channels: Those of the residual stream.
    public init(_ mixing: Branch, _ feedForward: Branch, channels: Int) {
        (self.mixing, self.feedForward, channelCount) = (mixing, feedForward, channels)
    }

    /// Lists the parts.
    public func describe(to description: inout ModuleDescription) {
        mixing.describe(to: &description)
        feedForward.describe(to: &description)
    }

    /// The states behind the block, shape `[tokens, channels]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        feedForward.added(to: mixing.added(to: x, pass), pass)
    }

    /// What the parts hold, and the residual stream before and after each.
    public func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let (mixed, fed) = (mixing.bytes(run), feedForward.bytes(run))
        let stream = run.bytes(channelCount)
        let released = feedForward.layer.activationBytes(run).kept
        return ActivationBytes(
            kept: mixed.kept + fed.kept, forward: 2 * stream + max(mixed.forward, fed.forward),
            // The mixer's turn comes when what the other layer kept is released.
            backward: 2 * stream + max(fed.backward, mixed.backward - released))
    }

    /// What the mixer keeps.
    public func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int {
        mixing.layer.stateBytes(cache, type) + feedForward.layer.stateBytes(cache, type)
    }
}
