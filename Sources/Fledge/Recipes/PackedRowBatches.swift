public import FledgeData
public import FledgeTrain

/// How rows of packed samples become micro-batches; a batch of rows is one flat run.
public struct PackedRowBatches: Sendable {
    /// Samples of a micro-batch.
    public var batchSize: Int
    /// Whether a last batch with fewer samples is left out.
    public var dropsLast = false
    /// Where to be as wrong as the reference.
    public var quirks: ReferenceQuirks = []
    /// The most tokens that small micro-batches of an optimizer step are put together to; nil leaves
    /// them apart.
    public var mergingLimit: Int?
    /// Whether what samples of a batch begin with is computed once; not for models with dropout.
    public var sharesPrefixes = false
    /// Whether samples of a row see those before them, as in the reference's plain packing.
    public var leaks = false

    /// Creates a rule for batches of so many rows.
    public init(batchSize: Int) { self.batchSize = batchSize }

    /// The batches of rows that are in memory, in an order that follows from the seed; nil keeps
    /// that of the data.
    public func epochs(_ rows: [PackedRow], seed: UInt64?) -> Epochs<PackedRow, TokenBatch> {
        Epochs(
            rows, batchSize: batchSize, seed: seed ?? 0, shuffles: seed != nil,
            dropsLast: dropsLast, merging: merging, collate: collate)
    }

    /// The batches of rows that are read while training.
    public func epochs(
        _ stream: SampleStream<PackedRow>
    ) -> StreamedEpochs<PackedRow, TokenBatch> {
        StreamedEpochs(
            stream, batchSize: batchSize, dropsLast: dropsLast, merging: merging, collate: collate)
    }

    private var merging: Epochs<PackedRow, TokenBatch>.Merging? {
        mergingLimit.map { limit in .init(limit: limit) { $0.length } }
    }

    @Sendable private func collate(
        _ picked: [(index: Int, sample: PackedRow)], _ epoch: Int
    ) -> TokenBatch {
        if leaks {
            return SupervisedCollator(quirks: quirks).leakingBatch(
                picked.map(\.sample), epoch: epoch)
        }
        return SupervisedCollator(quirks: quirks, sharesPrefixes: sharesPrefixes).batch(
            picked.flatMap(\.sample.samples), indices: picked.flatMap(\.sample.indices),
            epoch: epoch)
    }
}

extension PackedRow {
    /// Number of tokens.
    public var length: Int { samples.reduce(0) { $0 + $1.inputIDs.count } }

    /// Number of tokens that are learned.
    public var supervisedCount: Int { samples.reduce(0) { $0 + $1.supervisedCount } }
}
