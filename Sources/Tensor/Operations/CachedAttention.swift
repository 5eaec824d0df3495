import FledgeKernels

/// Keys and values of tokens, for generation: rows in any order, see ``CachedRun``.
public struct KeyValueBlock {
    /// The number of rows that there is room for.
    public var capacity: Int { keys.shape[0] }
    private(set) var keys: Tensor
    private(set) var values: Tensor

    /// Creates an empty block.
    ///
    /// - Parameter channels: Key-value heads times head dimension.
    public init(channels: Int, capacity: Int, _ type: ElementType) {
        keys = Tensor(uninitialized: [capacity, channels], type)
        values = Tensor(uninitialized: [capacity, channels], type)
    }

    /// Puts new tokens' keys and values, `[tokens, channels]`, into rows, making room where there
    /// is none.
    public mutating func store(keys newKeys: Tensor, values newValues: Tensor, at rows: [Int]) {
        precondition(
            newKeys.shape == [rows.count, keys.shape[1]] && newValues.shape == newKeys.shape,
            "KeyValueBlock: keys \(newKeys.shape), values \(newValues.shape) for \(rows.count) "
                + "rows of \(keys.shape[1]) channels")
        newKeys.requireUntracked("KeyValueBlock.store")
        newValues.requireUntracked("KeyValueBlock.store")
        let needed = (rows.max() ?? -1) + 1
        if needed > capacity {
            let (size, held) = (max(needed, 2 * capacity), capacity)
            keys = keys.grown(to: size, keeping: held)
            values = values.grown(to: size, keeping: held)
        }
        keys.copyRows(of: newKeys.converted(to: keys.elementType), to: rows)
        values.copyRows(of: newValues.converted(to: values.elementType), to: rows)
    }
}

/// Where the tokens of a run go in a cache, and what they see of it.
///
/// The cache is the forest of ``SequenceLayout`` in another place: tokens that a run adds to a
/// sequence see all of the sequence's rows before them.
public struct CachedRun: Hashable, Sendable {
    /// New tokens of one sequence.
    public struct Stretch: Hashable, Sendable {
        /// Number of new tokens.
        public var count: Int
        /// The sequence's rows from its first token on; the last `count` are the new tokens'.
        public var rows: [Range<Int>]

        /// Creates a stretch.
        public init(count: Int, rows: [Range<Int>]) {
            precondition(
                count >= 0 && rows.reduce(0) { $0 + $1.count } >= count,
                "CachedRun: \(count) tokens see \(rows)")
            (self.count, self.rows) = (count, rows)
        }
    }

    /// Each sequence's new tokens, in the order of the run.
    public var stretches: [Stretch]
    /// For each token of the run the row that its key and value go to.
    public var rows: [Int]
    /// For each token of the run its position in its sequence.
    public var positions: [Int32]

    /// Creates a run from its stretches.
    public init(_ stretches: [Stretch]) {
        self.stretches = stretches
        rows = []
        positions = []
        for stretch in stretches {
            let all = stretch.rows.reduce(0) { $0 + $1.count }
            rows += stretch.rows.joined().suffix(stretch.count)
            positions += (all - stretch.count..<all).map { Int32($0) }
        }
    }
}

extension Tensor {
    /// Copies rows, those that go to neighbouring places at once.
    fileprivate mutating func copyRows(of source: Tensor, to rows: [Int]) {
        let size = shape[1] * elementType.byteCount
        withUnsafeMutableBytes { target in
            source.withUnsafeBytes { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                var start = 0
                while start < rows.count {
                    var end = start + 1
                    while end < rows.count, rows[end] == rows[end - 1] + 1 { end += 1 }
                    (to + rows[start] * size).copyMemory(
                        from: from + start * size, byteCount: (end - start) * size)
                    start = end
                }
            }
        }
    }

    fileprivate func grown(to capacity: Int, keeping rows: Int) -> Tensor {
        let result = Tensor(uninitialized: [capacity, shape[1]], elementType)
        result.freshPointer.copyMemory(
            from: pointer, byteCount: rows * shape[1] * elementType.byteCount)
        return result
    }
}

/// Attention of new tokens over what a cache holds of their sequences; the bits are those of
/// ``causalAttention(_:_:_:layout:heads:keyValueHeads:options:)`` over the sequences as a whole.
///
/// - Parameters:
///   - q: `[tokens, heads·d]`, the queries of the run's tokens.
///   - cache: Keys and values, those of `q`'s tokens included.
///   - run: What each token sees.
///   - options: Scale, window, soft cap and sinks.
/// - Returns: `[tokens, heads·d]`.
public func cachedAttention(
    _ q: Tensor, _ cache: KeyValueBlock, _ run: CachedRun, heads: Int, keyValueHeads: Int,
    options: AttentionOptions
) -> Tensor {
    q.requireUntracked("cachedAttention")
    precondition(
        heads > 0 && keyValueHeads > 0 && heads % keyValueHeads == 0 && q.shape.count == 2
            && q.shape[0] == run.rows.count && q.shape[1] % heads == 0
            && cache.keys.shape[1] == q.shape[1] / heads * keyValueHeads,
        "cachedAttention: q \(q.shape) for \(run.rows.count) tokens, cache of "
            + "\(cache.keys.shape[1]) channels, \(heads) heads, \(keyValueHeads) key-value heads")
    precondition(
        run.stretches.allSatisfy { $0.rows.allSatisfy { $0.upperBound <= cache.capacity } },
        "cachedAttention: a row is outside \(cache.capacity) rows")
    let q = q.converted(to: cache.keys.elementType)
    options.requireSinks(of: heads, q.elementType, "cachedAttention")
    let result = Tensor(uninitialized: q.shape, q.elementType)
    let attention = AttentionForward(
        q: q, k: cache.keys, v: cache.values, output: result, logSums: nil, heads: heads,
        keyValueHeads: keyValueHeads, options: options)
    var start = 0
    attention.run(
        run.stretches.map { stretch in
            defer { start += stretch.count }
            return (start..<(start + stretch.count), stretch.rows)
        })
    return result
}
