public import FledgeCore
public import FledgeData
internal import Synchronization

/// The micro-batches of samples, epoch after epoch, whether they are in memory or made when their turn
/// comes.
///
/// A batch is a pure function of epoch and index, so nothing is read again when a run is resumed. A row
/// of a stream that is dropped gives its place to the next one of the epoch that fits.
public struct Epochs<Sample: Sendable, Batch: Sendable>: BatchSource {
    /// Samples of a micro-batch; the last one of an epoch may have fewer.
    public let batchSize: Int
    private let source: any SampleSource<Sample>
    private let dropsLast: Bool
    private let merging: Merging?
    private let collate:
        @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws -> Batch
    private let dropped = DroppedRows()

    /// So many rows are looked at for one that fits.
    private static var mostTries: Int { 1000 }

    /// How micro-batches of one optimizer step are put together.
    public struct Merging: Sendable {
        /// The most tokens of a batch that is put together.
        public var limit: Int
        /// Number of tokens of a sample.
        public var length: @Sendable (Sample) -> Int

        /// Creates a rule.
        public init(limit: Int, length: @escaping @Sendable (Sample) -> Int) {
            (self.limit, self.length) = (limit, length)
        }

        /// Puts micro-batches of an optimizer step together while they are small.
        func groups<Element>(
            _ batches: [[Element]], sample: (Element) -> Sample
        ) -> [[Element]] {
            var groups: [(elements: [Element], tokens: Int)] = []
            for batch in batches {
                let tokens = batch.reduce(0) { $0 + length(sample($1)) }
                if let last = groups.last, last.tokens + tokens <= limit {
                    groups[groups.count - 1].elements += batch
                    groups[groups.count - 1].tokens += tokens
                } else {
                    groups.append((batch, tokens))
                }
            }
            return groups.map(\.elements)
        }
    }

    /// Creates the batches of samples, in the order that their source gives each epoch.
    ///
    /// - Parameters:
    ///   - dropsLast: Whether a last batch with fewer samples is left out.
    ///   - merging: How small micro-batches of one optimizer step become one; nil leaves them apart.
    ///   - collate: Makes a batch of samples and their numbers in the data set.
    public init(
        _ source: any SampleSource<Sample>, batchSize: Int, dropsLast: Bool = false,
        merging: Merging? = nil,
        collate:
            @escaping @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws ->
            Batch
    ) {
        precondition(batchSize > 0, "Epochs: batch size \(batchSize)")
        (self.source, self.batchSize, self.dropsLast) = (source, batchSize, dropsLast)
        (self.merging, self.collate) = (merging, collate)
    }

    /// Creates the batches of samples that are in memory.
    ///
    /// - Parameters:
    ///   - seed: The seed of the order, see ``LoadedSamples``.
    ///   - shuffles: False keeps the order of the data.
    ///   - dropsLast: Whether a last batch with fewer samples is left out.
    ///   - merging: How small micro-batches of one optimizer step become one; nil leaves them apart.
    ///   - collate: Makes a batch of samples and their numbers in the data set.
    public init(
        _ samples: [Sample], batchSize: Int, seed: UInt64 = 42, shuffles: Bool = true,
        dropsLast: Bool = false, merging: Merging? = nil,
        collate:
            @escaping @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws ->
            Batch
    ) {
        self.init(
            LoadedSamples(samples, seed: shuffles ? seed : nil), batchSize: batchSize,
            dropsLast: dropsLast, merging: merging, collate: collate)
    }

    /// Number of samples.
    public var sampleCount: Int { source.count }

    /// Number of micro-batches of an epoch.
    public var batchesPerEpoch: Int {
        dropsLast ? sampleCount / batchSize : (sampleCount + batchSize - 1) / batchSize
    }

    /// Number of samples of a micro-batch.
    public func sampleCount(ofBatch index: Int) -> Int {
        min(batchSize, sampleCount - index * batchSize)
    }

    /// The rows that were dropped so far, with the reasons.
    public var drops: [FledgeError.Location: String] { dropped.all }

    /// The micro-batch `index` of an epoch.
    public func batch(epoch: Int, index: Int) throws -> Batch {
        try collate(picked(epoch, index), epoch)
    }

    /// The micro-batches of one optimizer step, neighbours put together while they are small.
    public func batches(epoch: Int, indices: [Int]) throws -> [Batch] {
        try pickedGroups(epoch, indices).map { try collate($0, epoch) }
    }

    /// The samples of each batch of ``batches(epoch:indices:)``, as their numbers in the data set.
    public func groups(epoch: Int, indices: [Int]) throws -> [[Int]] {
        guard merging != nil else {
            return indices.map { places(ofBatch: $0).map { source.index(epoch: epoch, place: $0) } }
        }
        return try pickedGroups(epoch, indices).map { $0.map(\.index) }
    }

    private func pickedGroups(
        _ epoch: Int, _ indices: [Int]
    ) throws -> [[(index: Int, sample: Sample)]] {
        let picked = try indices.map { try self.picked(epoch, $0) }
        return merging?.groups(picked, sample: \.sample) ?? picked
    }

    private func picked(_ epoch: Int, _ index: Int) throws -> [(index: Int, sample: Sample)] {
        try places(ofBatch: index).map {
            (source.index(epoch: epoch, place: $0), try sample(epoch: epoch, place: $0))
        }
    }

    private func places(ofBatch index: Int) -> Range<Int> {
        let start = index * batchSize
        return start..<min(start + batchSize, sampleCount)
    }

    /// The sample at a place of an epoch, or the next one that fits.
    ///
    /// - Throws: ``FledgeError`` when none of many rows fits.
    private func sample(epoch: Int, place: Int) throws -> Sample {
        for step in 0..<min(Self.mostTries, sampleCount) {
            var report = DataReport()
            let sample = try source.sample(
                epoch: epoch, place: (place + step) % sampleCount, &report)
            if !report.dropped.isEmpty { dropped.add(report.dropped) }
            if let sample { return sample }
        }
        throw FledgeError(
            .data, "\(min(Self.mostTries, sampleCount)) rows in a row do not fit.",
            advice: drops.first.map { "One at \($0.key): \($0.value)." } ?? "")
    }
}

/// Remembers which rows were dropped.
private final class DroppedRows: Sendable {
    private let rows = Mutex<[FledgeError.Location: String]>([:])

    var all: [FledgeError.Location: String] { rows.withLock { $0 } }

    func add(_ dropped: [DataReport.Dropped]) {
        rows.withLock { rows in
            for row in dropped { rows[row.source] = row.reason }
        }
    }
}

extension Epochs where Sample == ProcessedSample, Batch == TokenBatch {
    /// Creates the batches of samples for supervised fine-tuning.
    ///
    /// - Parameters:
    ///   - limit: The most tokens that small micro-batches of an optimizer step are put
    ///     together to; nil leaves them apart.
    ///   - sharesPrefixes: Whether what samples of a batch begin with is computed once; not for
    ///     models with dropout.
    public init(
        _ samples: [ProcessedSample], batchSize: Int, seed: UInt64 = 42, shuffles: Bool = true,
        dropsLast: Bool = false, mergingUpTo limit: Int? = nil, sharesPrefixes: Bool = false
    ) {
        self.init(
            samples, batchSize: batchSize, seed: seed, shuffles: shuffles, dropsLast: dropsLast,
            merging: limit.map { Merging(limit: $0) { $0.inputIDs.count } }
        ) { picked, epoch in
            SupervisedCollator(sharesPrefixes: sharesPrefixes).batch(
                picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
        }
    }
}
