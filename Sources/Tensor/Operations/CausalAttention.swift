public import FledgeCore
import FledgeKernels

/// Causal attention of each segment over its ancestors and itself, in tiles with a running softmax
/// (Dao et al. 2022).
///
/// No matrix of queries by keys is ever stored; the backward pass computes weights again from the
/// saved log-sum-exp. A token's result has the same bits whether its sequence lies in one segment or
/// shares some with others; a shared key's gradient is the sum over all that see it.
///
/// - Parameters:
///   - q: `[tokens, heads·d]`.
///   - k: `[tokens, keyValueHeads·d]`; query head `h` uses head `h·keyValueHeads / heads`.
///   - v: As `k`.
///   - layout: Which tokens see each other.
///   - options: Scale, window, soft cap and sinks.
/// - Returns: `[tokens, heads·d]`.
public func causalAttention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, layout: SequenceLayout, heads: Int, keyValueHeads: Int,
    options: AttentionOptions
) -> Tensor {
    precondition(
        heads > 0 && keyValueHeads > 0 && heads % keyValueHeads == 0 && q.shape.count == 2
            && q.shape[0] == layout.count && q.shape[1] % heads == 0 && k.shape == v.shape
            && k.shape == [q.shape[0], q.shape[1] / heads * keyValueHeads]
            && q.elementType == k.elementType && q.elementType == v.elementType,
        "causalAttention: q \(q), k \(k), v \(v), \(layout.count) tokens, \(heads) heads, "
            + "\(keyValueHeads) key-value heads")
    options.requireSinks(of: heads, q.elementType, "causalAttention")
    let references = [q, k, v].map(\.tapeReference) + [options.sinks?.tapeReference]
    let isRecorded = references.contains { $0 != nil }
    let result = Tensor(uninitialized: q.shape, q.elementType)
    let logSums =
        isRecorded ? Tensor(uninitialized: [q.shape[0], heads], q.elementType.accumulator) : nil
    let operation = CausalAttention(
        q: q.detached, k: k.detached, v: v.detached, output: result, logSums: logSums,
        layout: layout, heads: heads, keyValueHeads: keyValueHeads, options: options)
    operation.forward()
    return result.recorded(references, operation)
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
    let options: AttentionOptions

    private var dimension: Int { q.shape[1] / heads }

    func forward() {
        AttentionForward(
            q: q, k: k, v: v, output: output, logSums: logSums, heads: heads,
            keyValueHeads: keyValueHeads, options: options
        ).run(layout.segments.indices.map { (layout.segments[$0].range, layout.ranges(to: $0)) })
    }

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dout = gradient
        let (type, sums) = (q.elementType, q.elementType.accumulator)
        let (tokens, group) = (q.shape[0], heads / keyValueHeads)
        let kernels = Kernels.of(type)
        let width = kernels.attention_width(dimension)
        // Each query head has gradients of its own for the keys and values that it shares.
        let parts = (0..<3).map { _ in Tensor(uninitialized: [heads, tokens, width], sums) }
        let inner = Tensor(uninitialized: [heads, tokens], sums)
        var job = fledge_attention_gradient()
        (job.rows, job.dimension, job.width) = (tokens, dimension, width)
        (job.group, job.heads) = (group, heads)
        (job.query_stride, job.key_stride) = (q.shape[1], k.shape[1])
        (job.scale, job.soft_cap) = (Double(options.scale), options.softCap ?? 0)
        job.window = options.windowLength
        (job.q, job.k, job.v) = (q.pointer, k.pointer, v.pointer)
        (job.output, job.output_gradient) = (UnsafeRawPointer(output.pointer), dout.pointer)
        (job.log_sums, job.inner) = (logSums?.pointer, inner.freshPointer)
        job.dq = parts[0].freshPointer
        (job.dk, job.dv) = (parts[1].freshPointer, parts[2].freshPointer)
        let rows = 256
        let chunks = (tokens + rows - 1) / rows
        withUnsafePointer(to: job) { job in
            parallelFor(heads * chunks) { index in
                let start = index / heads * rows
                kernels.attention_prepare(job, index % heads, start, min(rows, tokens - start))
            }
            AttentionSchedule(layout, window: options.window).run(heads: keyValueHeads) {
                pair, head in
                withUnsafePointer(to: pair) { kernels.attention_backward(job, head, $0) }
            }
        }
        let targets = [
            Tensor(uninitialized: q.shape, type), Tensor(uninitialized: k.shape, type),
            Tensor(uninitialized: v.shape, type),
        ]
        func fold(_ which: Int, head: Int, group: Int, _ start: Int) {
            let (columns, first) = (targets[which].shape[1], head * group * tokens + start)
            kernels.fold_heads(
                targets[which].freshPointer
                    + (start * columns + head * dimension) * type.byteCount,
                parts[which].pointer + first * width * sums.byteCount, width, tokens * width,
                group, min(rows, tokens - start), dimension, columns)
        }
        parallelFor(chunks * (heads + 2 * keyValueHeads)) { index in
            let (start, head) = (index % chunks * rows, index / chunks)
            if head < heads { return fold(0, head: head, group: 1, start) }
            fold(1 + (head - heads) % 2, head: (head - heads) / 2, group: group, start)
        }
        withExtendedLifetime((self, dout, parts, inner)) {}
        for (index, target) in targets.enumerated() { pass.add(target, to: index) }
        if let sinks = options.sinks, let logSums, pass.wants(3) {
            pass.add(
                AttentionOptions.gradient(
                    ofSinks: sinks.value.detached, logSums: logSums, inner: inner), to: 3)
        }
    }
}
