public import FledgeTensor

/// What a block adds to the residual stream: attention, another mixer of tokens, or a feed-forward layer.
public protocol Sublayer: Module {
    /// What is added for each token, shape `[tokens, channels]` as `x`.
    func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor

    /// What the layer holds for a run of tokens, with the adapters that take part.
    func activationBytes(_ run: TokenMemory) -> ActivationBytes

    /// Bytes of what the layer keeps in a cache.
    func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int
}

extension Sublayer {
    /// Nothing.
    public func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int { 0 }
}
