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
        case groups(ShiftedGroups, SequenceLayout)
        case cache(CachedRun, KeyValueCache, KeyValueCache.Continuations)
    }

    /// For each token of the run its position in its sequence.
    public let positions: [Int32]
    /// Runs of tokens with the length of their sequence, counted by positions.
    private let stretches: [(tokens: Range<Int>, length: Int)]
    private let place: Place

    /// The context of whole sequences.
    ///
    /// A token that several sequences share counts as one of the longest.
    ///
    /// - Parameter shifts: Whether tokens see those of a group alone (``ForwardPass/shiftsAttention``).
    public init(_ layout: SequenceLayout, shifts: Bool = false) {
        positions = layout.positions
        place = shifts ? .groups(ShiftedGroups(layout), layout) : .layout(layout)
        var lengths = layout.segments.map(\.endPosition)
        for (index, segment) in layout.segments.enumerated().reversed() {
            if let parent = segment.parent {
                lengths[parent] = max(lengths[parent], lengths[index])
            }
        }
        // All of a sequence has the same angles.
        for (index, segment) in layout.segments.enumerated() {
            if let parent = segment.parent { lengths[index] = max(lengths[index], lengths[parent]) }
        }
        stretches = zip(layout.segments, lengths).map { ($0.range, $1) }
    }

    /// The context of tokens that extend branches of a cache; makes room for them.
    init(extending branches: [KeyValueCache.Extension], of cache: KeyValueCache) {
        let continuations = cache.continuations(of: branches)
        let run = cache.extend(branches)
        (positions, place) = (run.positions, .cache(run, cache, continuations))
        var start = 0
        stretches = zip(run.stretches, branches).map { stretch, branch in
            defer { start += stretch.count }
            let rows = stretch.rows.reduce(0) { $0 + $1.count }
            return (start..<start + stretch.count, max(rows, branch.knownLength))
        }
    }

    /// A context without tokens.
    static var empty: TokenContext { TokenContext(SequenceLayout(lengths: [])) }

    /// Number of tokens of the run.
    public var count: Int { positions.count }

    /// How many sequences each token belongs to; nil where every one belongs to one alone.
    public var copies: [Int]? {
        guard case .layout(let layout) = place else { return nil }
        return layout.copies
    }

    /// Queries or keys turned by the angles of their positions, shape `[tokens, heads·headDimension]`.
    public func rotated(_ x: Tensor, _ rotary: RotaryPositions, headDimension: Int) -> Tensor {
        let tables = stretches.map { (tokens: $0.tokens, table: rotary.table(length: $0.length)) }
        let dependsOnLength = stretches.contains { rotary.depends(on: $0.length) }
        return dependsOnLength
            ? rotaryEmbedded(x, tables, positions: positions, headDimension: headDimension)
            : rotaryEmbedded(
                x, rotary.table(length: 0), positions: positions, headDimension: headDimension)
    }

    /// Causal attention of the run's tokens over those that they see, shape `[tokens, heads·d]`.
    ///
    /// - Parameters:
    ///   - q: Queries, shape `[tokens, heads·d]`.
    ///   - k: Keys of the run's own tokens, shape `[tokens, keyValueHeads·d]`.
    ///   - v: Their values, as `k`.
    ///   - layer: Whose keys and values they are: a cache keeps them under the layer's identity.
    ///   - stores: Whether they are put there; false where an earlier layer of the pass has done so.
    ///   - options: Scale, window, soft cap and sinks.
    public func attend(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, in layer: some AnyObject, stores: Bool = true,
        heads: Int, keyValueHeads: Int, options: AttentionOptions
    ) -> Tensor {
        switch place {
        case .layout(let layout):
            causalAttention(
                q, k, v, layout: layout, heads: heads, keyValueHeads: keyValueHeads,
                options: options)
        case .groups(let groups, _):
            groups.attend(
                q, k, v, heads: heads, keyValueHeads: keyValueHeads, options: options)
        case .cache(let run, let cache, _):
            cache.withState(
                of: layer,
                orNew: KeyValueBlock(
                    channels: k.shape[1], capacity: cache.initialRows, k.elementType)
            ) { block in
                if stores { block.store(keys: k, values: v, at: run.rows) }
                return cachedAttention(
                    q, block, run, heads: heads, keyValueHeads: keyValueHeads, options: options)
            }
        }
    }

    /// Runs a layer that carries a state along each sequence.
    ///
    /// Over whole sequences it begins with nothing, and nothing is kept of it; in a cache it goes on from
    /// what it left there, branch by branch.
    ///
    /// - Parameters:
    ///   - layer: Whose states they are: a cache keeps them under the layer's identity.
    ///   - body: Is given which tokens follow which, and in a cache the tensors of each segment that goes
    ///     on from an earlier run, none where a sequence begins or goes on from another segment of the
    ///     run. It has to put those behind each segment's last token there.
    public func scan(
        in layer: some AnyObject,
        _ body: (_ layout: ScanLayout, _ states: inout [[Tensor]]?) -> Tensor
    ) -> Tensor {
        var states: [[Tensor]]?
        switch place {
        case .layout(let layout), .groups(_, let layout):
            return body(ScanLayout(layout), &states)
        case .cache(_, let cache, let continuations):
            states = cache.takeStates(of: layer, continuations)
            let result = body(continuations.layout, &states)
            cache.keep(states ?? [], of: layer, continuations)
            return result
        }
    }
}
