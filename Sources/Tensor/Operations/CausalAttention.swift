public import FledgeCore
import FledgeKernels

/// Causal attention of each segment over itself, in tiles with a running softmax (Dao et al. 2022).
///
/// No matrix of queries by keys is ever stored; the backward pass computes weights again from the
/// saved log-sum-exp.
///
/// - Parameters:
///   - q: `[tokens, heads·d]`.
///   - k: `[tokens, keyValueHeads·d]`; query head `h` uses head `h·keyValueHeads / heads`.
///   - v: As `k`.
///   - layout: Which tokens see each other.
///   - scale: What products of queries and keys are multiplied by, usually 1 / sqrt(d).
/// - Returns: `[tokens, heads·d]`.
public func causalAttention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, layout: SequenceLayout, heads: Int, keyValueHeads: Int,
    scale: Float
) -> Tensor {
    precondition(
        heads > 0 && keyValueHeads > 0 && heads % keyValueHeads == 0 && q.shape.count == 2
            && q.shape[0] == layout.count && q.shape[1] % heads == 0 && k.shape == v.shape
            && k.shape == [q.shape[0], q.shape[1] / heads * keyValueHeads]
            && q.elementType == k.elementType && q.elementType == v.elementType,
        "causalAttention: q \(q), k \(k), v \(v), \(layout.count) tokens, \(heads) heads, "
            + "\(keyValueHeads) key-value heads")
    let isRecorded = q.isTracked || k.isTracked || v.isTracked
    let result = Tensor(uninitialized: q.shape, q.elementType)
    let logSums =
        isRecorded ? Tensor(uninitialized: [q.shape[0], heads], q.elementType.accumulator) : nil
    let operation = CausalAttention(
        q: q.detached, k: k.detached, v: v.detached, output: result, logSums: logSums,
        layout: layout, heads: heads, keyValueHeads: keyValueHeads, scale: scale)
    operation.forward()
    return result.recorded([q.tapeReference, k.tapeReference, v.tapeReference], operation)
}

/// Keeps its inputs, its output and one number a query and head.
struct CausalAttention: RecordedOperation {
    let q: Tensor
    let k: Tensor
    let v: Tensor
    let output: Tensor
    let logSums: Tensor?
    let layout: SequenceLayout
    let heads: Int
    let keyValueHeads: Int
    let scale: Float

    private var dimension: Int { q.shape[1] / heads }

    /// What a kernel needs to know about one segment.
    private func job(_ segment: SequenceLayout.Segment) -> fledge_attention {
        let (type, sums) = (q.elementType.byteCount, q.elementType.accumulator.byteCount)
        let at = segment.start * q.shape[1] * type
        let keyAt = segment.start * k.shape[1] * type
        var job = fledge_attention()
        (job.query_count, job.key_count) = (segment.length, segment.length)
        (job.dimension, job.group) = (dimension, heads / keyValueHeads)
        (job.query_stride, job.key_stride) = (q.shape[1], k.shape[1])
        (job.scale, job.heads) = (Double(scale), heads)
        (job.q, job.k, job.v) = (q.pointer + at, k.pointer + keyAt, v.pointer + keyAt)
        job.output = output.freshPointer + at
        job.log_sums = logSums.map { $0.freshPointer + segment.start * heads * sums }
        return job
    }

    func forward() {
        // The last queries see the most keys: longest tasks first.
        var tasks: [(segment: SequenceLayout.Segment, head: Int, block: Int)] = []
        for segment in layout.segments {
            for block in (0..<(segment.length + 63) / 64).reversed() {
                for head in 0..<keyValueHeads { tasks.append((segment, head, block)) }
            }
        }
        let kernel = Kernels.of(q.elementType).attention_forward
        parallelFor(tasks.count) { index in
            var job = job(tasks[index].segment)
            kernel(&job, tasks[index].head, tasks[index].block)
        }
        withExtendedLifetime(self) {}
    }

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dout = gradient
        let (type, sums) = (q.elementType, q.elementType.accumulator)
        let tokens = q.shape[0]
        let dq = Tensor(uninitialized: q.shape, type)
        let dk = Tensor(uninitialized: k.shape, type)
        let dv = Tensor(uninitialized: v.shape, type)
        // Each query head has gradients of its own for the keys and values that it shares.
        let keyParts = Tensor(uninitialized: [heads, tokens, dimension], sums)
        let valueParts = Tensor(uninitialized: [heads, tokens, dimension], sums)
        let kernels = Kernels.of(type)
        let segments = layout.segments
        parallelFor(segments.count * heads) { index in
            let segment = segments[index / heads]
            var job = job(segment)
            let at = segment.start * q.shape[1] * type.byteCount
            let partAt = segment.start * dimension * sums.byteCount
            job.head_stride = tokens * dimension
            job.output_gradient = dout.pointer + at
            job.dq = dq.freshPointer + at
            job.dk = keyParts.freshPointer + partAt
            job.dv = valueParts.freshPointer + partAt
            kernels.attention_backward(&job, index % heads)
        }
        let group = heads / keyValueHeads
        parallelFor(2 * keyValueHeads) { index in
            let (target, parts) = index % 2 == 0 ? (dk, keyParts) : (dv, valueParts)
            let head = index / 2
            kernels.fold_heads(
                target.freshPointer + head * dimension * type.byteCount,
                parts.pointer + head * group * tokens * dimension * sums.byteCount,
                tokens * dimension, group, tokens, dimension, k.shape[1])
        }
        withExtendedLifetime((self, dout, keyParts, valueParts)) {}
        pass.add(dq, to: 0)
        pass.add(dk, to: 1)
        pass.add(dv, to: 2)
    }
}
