import FledgeKernels

/// The forward pass of attention, over a run or over a cache.
struct AttentionForward {
    let q: Tensor
    let k: Tensor
    let v: Tensor
    let output: Tensor
    let logSums: Tensor?
    let heads: Int
    let keyValueHeads: Int
    let options: AttentionOptions

    /// Writes the outputs of stretches of queries.
    ///
    /// - Parameter stretches: Rows of queries, and the rows of keys that their last query sees, in
    ///   the order of the sequence; the queries' own keys are the last of them.
    func run(_ stretches: [(queries: Range<Int>, keys: [Range<Int>])]) {
        var runs: [fledge_run] = []
        var jobs: [(first: Int, job: fledge_attention)] = []
        // The last queries see the most keys: longest tasks first.
        var tasks: [(job: Int, block: Int)] = []
        for (queries, keys) in stretches {
            for block in (0..<(queries.count + 63) / 64).reversed() {
                tasks.append((jobs.count, block))
            }
            jobs.append((runs.count, job(queries, keyCount: keys.reduce(0) { $0 + $1.count })))
            runs += keys.map { fledge_run(start: $0.lowerBound, count: $0.count) }
        }
        let kernel = Kernels.of(q.elementType).attention_forward
        let sinks = options.sinks?.value.detached
        runs.withUnsafeBufferPointer { runs in
            let base = runs.baseAddress
            parallelFor(tasks.count * keyValueHeads) { index in
                let task = tasks[index / keyValueHeads]
                var (first, job) = jobs[task.job]
                job.runs = base.map { $0 + first }
                job.sinks = sinks?.pointer
                kernel(&job, index % keyValueHeads, task.block)
            }
        }
        withExtendedLifetime((self, sinks)) {}
    }

    private func job(_ queries: Range<Int>, keyCount: Int) -> fledge_attention {
        var job = fledge_attention()
        (job.query_start, job.query_count) = (queries.lowerBound, queries.count)
        job.key_count = keyCount
        (job.dimension, job.group) = (q.shape[1] / heads, heads / keyValueHeads)
        (job.query_stride, job.key_stride) = (q.shape[1], k.shape[1])
        (job.heads, job.scale) = (heads, Double(options.scale))
        (job.window, job.soft_cap) = (options.windowLength, options.softCap ?? 0)
        (job.q, job.k, job.v) = (q.pointer, k.pointer, v.pointer)
        (job.output, job.log_sums) = (output.freshPointer, logSums?.freshPointer)
        return job
    }
}
