public import FledgeCore
public import FledgeTensor

/// Where the tokens of a pass stand, and which others they see: a layout of whole sequences, or a cache
/// that they extend.
///
/// Layers ask it for what reaches from one token to another; all else they compute row by row. So a layer
/// is written once, for training and for generation.
public struct TokenContext {
    private enum Place {
        case layout(SequenceLayout)
        case cache(CachedRun, KeyValueCache)
    }

    /// For each token of the run its position in its sequence.
    public let positions: [Int32]
    private let place: Place

    /// The context of whole sequences.
    public init(_ layout: SequenceLayout) {
        (positions, place) = (layout.positions, .layout(layout))
    }

    /// The context of tokens that extend branches of a cache; makes room for them.
    init(extending branches: [KeyValueCache.Extension], of cache: KeyValueCache) {
        let run = cache.extend(branches)
        (positions, place) = (run.positions, .cache(run, cache))
    }

    /// A context without tokens.
    static var empty: TokenContext { TokenContext(SequenceLayout(lengths: [])) }

    /// Number of tokens of the run.
    public var count: Int { positions.count }

    /// Causal attention of the run's tokens over those that they see, shape `[tokens, heads·d]`.
    ///
    /// - Parameters:
    ///   - q: Queries, shape `[tokens, heads·d]`.
    ///   - k: Keys of the run's own tokens, shape `[tokens, keyValueHeads·d]`.
    ///   - v: Their values, as `k`.
    ///   - layer: Whose keys and values they are: a cache keeps them under the layer's identity.
    ///   - options: Scale, window, soft cap and sinks.
    public func attend(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, in layer: some AnyObject, heads: Int,
        keyValueHeads: Int, options: AttentionOptions
    ) -> Tensor {
        switch place {
        case .layout(let layout):
            causalAttention(
                q, k, v, layout: layout, heads: heads, keyValueHeads: keyValueHeads,
                options: options)
        case .cache(let run, let cache):
            cache.withState(
                of: layer,
                orNew: KeyValueBlock(
                    channels: k.shape[1], capacity: cache.initialRows, k.elementType)
            ) { block in
                block.store(keys: k, values: v, at: run.rows)
                return cachedAttention(
                    q, block, run, heads: heads, keyValueHeads: keyValueHeads, options: options)
            }
        }
    }
}
