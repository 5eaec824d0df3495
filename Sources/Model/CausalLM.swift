public import FledgeCore
public import FledgeTensor

/// A language model that predicts the next token.
///
/// Hidden states and head stay apart, so that a loss can fuse the head and compute it only where
/// something is supervised: logits of every token times the vocabulary never exist.
public protocol CausalLM: Module {
    /// Sizes and constants.
    var configuration: DecoderConfiguration { get }

    /// The element type that plain matrices are stored in and activations are computed in.
    var elementType: ElementType { get }

    /// From states to logits; its matrix is the embedding table itself where tied.
    var head: LanguageHead { get }

    /// What the model's folder holds beside it, to be written back with it; nil for nothing.
    var surroundings: Surroundings? { get }

    /// The decoder's blocks, in their order.
    var blocks: [any DecoderBlock] { get }

    /// The states after the final norm for a flat run of sequences, shape `[tokens, channels]`.
    ///
    /// - Precondition: Every id is inside the vocabulary.
    func hiddenStates(_ ids: [Int32], layout: SequenceLayout, _ pass: ForwardPass) -> Tensor

    /// The states after the final norm for tokens that extend branches of a cache, shape
    /// `[tokens, channels]`; the extensions' tokens lie one after another in `ids`.
    func hiddenStates(
        _ ids: [Int32], extending branches: [KeyValueCache.Extension], of cache: KeyValueCache,
        _ pass: ForwardPass
    ) -> Tensor

    /// An empty cache for the model's tokens.
    ///
    /// - Parameter capacity: Tokens that there is room for at first; it grows.
    func makeCache(capacity: Int) -> KeyValueCache

    /// Throws what went wrong beside the numbers of the passes so far, which are right: a model may keep
    /// something in files.
    func requireSound() throws
}

extension CausalLM {
    /// One that layers put what they need into.
    public func makeCache(capacity: Int = 0) -> KeyValueCache { KeyValueCache(capacity: capacity) }

    /// Nothing.
    public var surroundings: Surroundings? { nil }

    /// Nothing did.
    public func requireSound() throws {}

    /// The states of a batch, shape `[tokens, channels]`.
    public func hiddenStates(_ batch: TokenBatch, _ pass: ForwardPass) -> Tensor {
        hiddenStates(batch.ids, layout: batch.layout, pass)
    }

    /// The states after the final norm for tokens that follow what the cache's trunk holds.
    public func hiddenStates(_ ids: [Int32], cache: KeyValueCache, _ pass: ForwardPass) -> Tensor {
        hiddenStates(ids, extending: [.init(cache.trunk, by: ids.count)], of: cache, pass)
    }
}
