public import FledgeData

extension Epochs where Sample == PackedRow, Batch == TokenBatch {
    /// The micro-batches of rows for supervised fine-tuning; a batch of rows is one flat run.
    ///
    /// - Parameters:
    ///   - mergingUpTo: The most tokens that small micro-batches of an optimizer step are put
    ///     together to; nil leaves them apart.
    ///   - sharesPrefixes: Whether what samples of a batch begin with is computed once; not for
    ///     models with dropout.
    ///   - leaks: Whether samples of a row see those before them, as in the reference's plain packing.
    public init(
        rows: [PackedRow], batchSize: Int, seed: UInt64 = 42, shuffles: Bool = true,
        dropsLast: Bool = false, quirks: ReferenceQuirks = [], mergingUpTo limit: Int? = nil,
        sharesPrefixes: Bool = false, leaks: Bool = false
    ) {
        self.init(
            rows, batchSize: batchSize, seed: seed, shuffles: shuffles, dropsLast: dropsLast,
            merging: limit.map { limit in
                Merging(limit: limit) { row in row.samples.reduce(0) { $0 + $1.inputIDs.count } }
            }
        ) { picked, epoch in
            if leaks {
                return SupervisedCollator(quirks: quirks).leakingBatch(
                    picked.map(\.sample), epoch: epoch)
            }
            return SupervisedCollator(quirks: quirks, sharesPrefixes: sharesPrefixes).batch(
                picked.flatMap(\.sample.samples), indices: picked.flatMap(\.sample.indices),
                epoch: epoch)
        }
    }
}
