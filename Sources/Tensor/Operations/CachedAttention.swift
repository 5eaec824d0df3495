import FledgeKernels

/// Keys and values of the tokens so far, for generation.
public struct KeyValueBlock {
    /// The number of positions that are filled.
    public private(set) var length = 0
    /// The number of positions that there is room for.
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

    /// Adds the next tokens' keys and values, `[tokens, channels]`, making room where it runs out.
    public mutating func append(keys newKeys: Tensor, values newValues: Tensor) {
        precondition(
            newKeys.shape.count == 2 && newKeys.shape == newValues.shape
                && newKeys.shape[1] == keys.shape[1],
            "KeyValueBlock: keys \(newKeys.shape), values \(newValues.shape) for "
                + "\(keys.shape[1]) channels")
        newKeys.requireUntracked("KeyValueBlock.append")
        newValues.requireUntracked("KeyValueBlock.append")
        let needed = length + newKeys.shape[0]
        if needed > capacity {
            let size = max(needed, 2 * capacity)
            keys = keys.grown(to: size, keeping: length)
            values = values.grown(to: size, keeping: length)
        }
        keys.copyRows(of: newKeys.converted(to: keys.elementType), at: length)
        values.copyRows(of: newValues.converted(to: values.elementType), at: length)
        length = needed
    }

    /// Forgets everything; keeps the memory.
    public mutating func removeAll() { length = 0 }

    /// Forgets all positions from `count` on.
    public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= length, "KeyValueBlock: truncate \(length) to \(count)")
        length = count
    }
}

extension Tensor {
    fileprivate mutating func copyRows(of rows: Tensor, at row: Int) {
        let size = shape[1] * elementType.byteCount
        withUnsafeMutableBytes { target in
            rows.withUnsafeBytes { source in
                guard let base = source.baseAddress, let target = target.baseAddress else { return }
                (target + row * size).copyMemory(from: base, byteCount: source.count)
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

/// Attention of the cache's last positions over the whole cache; the bits are those of
/// ``causalAttention(_:_:_:layout:heads:keyValueHeads:scale:)`` over the run as one.
///
/// - Parameters:
///   - q: `[tokens, heads·d]`, the queries of the cache's last positions.
///   - cache: Keys and values, those of `q`'s tokens included.
/// - Returns: `[tokens, heads·d]`.
public func cachedAttention(
    _ q: Tensor, _ cache: KeyValueBlock, heads: Int, keyValueHeads: Int, scale: Float
) -> Tensor {
    q.requireUntracked("cachedAttention")
    precondition(
        heads > 0 && keyValueHeads > 0 && heads % keyValueHeads == 0 && q.shape.count == 2
            && q.shape[0] <= cache.length && q.shape[1] % heads == 0
            && cache.keys.shape[1] == q.shape[1] / heads * keyValueHeads,
        "cachedAttention: q \(q.shape), cache of \(cache.length) × \(cache.keys.shape[1]), "
            + "\(heads) heads, \(keyValueHeads) key-value heads")
    let q = q.converted(to: cache.keys.elementType)
    let result = Tensor(uninitialized: q.shape, q.elementType)
    var job = fledge_attention()
    (job.query_count, job.key_count) = (q.shape[0], cache.length)
    (job.dimension, job.group) = (q.shape[1] / heads, heads / keyValueHeads)
    (job.query_stride, job.key_stride) = (q.shape[1], cache.keys.shape[1])
    (job.scale, job.heads) = (Double(scale), heads)
    (job.q, job.k, job.v) = (q.pointer, cache.keys.pointer, cache.values.pointer)
    job.output = result.freshPointer
    let kernel = Kernels.of(q.elementType).attention_forward
    withUnsafePointer(to: fledge_run(start: 0, count: cache.length)) { run in
        job.runs = run
        withUnsafePointer(to: job) { job in
            parallelFor((q.shape[0] + 63) / 64 * keyValueHeads) { index in
                kernel(job, index % keyValueHeads, index / keyValueHeads)
            }
        }
    }
    withExtendedLifetime((q, cache)) {}
    return result
}
