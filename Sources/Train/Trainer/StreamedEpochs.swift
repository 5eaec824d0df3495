public import FledgeCore
public import FledgeData
internal import Synchronization

/// The micro-batches of samples that are read and made when their turn comes.
///
/// A batch is a pure function of epoch and index, so nothing is read again when a run is resumed. A
/// row that is dropped gives its place to the next one of the epoch that fits.
public final class StreamedEpochs<Sample: Sendable, Batch: Sendable>: BatchSource {
    private let stream: SampleStream<Sample>
    private let batchSize: Int
    private let dropsLast: Bool
    private let merging: Epochs<Sample, Batch>.Merging?
    private let collate:
        @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws -> Batch
    private let dropped = Mutex<[FledgeError.Location: String]>([:])

    /// So many rows are looked at for one that fits.
    private static var mostTries: Int { 1000 }

    /// Creates the batches of a stream; the parameters are those of ``Epochs``.
    public init(
        _ stream: SampleStream<Sample>, batchSize: Int, dropsLast: Bool = false,
        merging: Epochs<Sample, Batch>.Merging? = nil,
        collate:
            @escaping @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws ->
            Batch
    ) {
        precondition(batchSize > 0, "StreamedEpochs: batch size \(batchSize)")
        (self.stream, self.batchSize, self.dropsLast) = (stream, batchSize, dropsLast)
        (self.merging, self.collate) = (merging, collate)
    }

    /// Number of samples of an epoch.
    public var sampleCount: Int { stream.count }

    /// Number of micro-batches of an epoch.
    public var batchesPerEpoch: Int {
        dropsLast ? sampleCount / batchSize : (sampleCount + batchSize - 1) / batchSize
    }

    /// Number of samples of a micro-batch.
    public func sampleCount(ofBatch index: Int) -> Int {
        min(batchSize, sampleCount - index * batchSize)
    }

    /// The rows that were dropped so far, with the reasons.
    public var drops: [FledgeError.Location: String] { dropped.withLock { $0 } }

    /// The micro-batch `index` of an epoch.
    public func batch(epoch: Int, index: Int) throws -> Batch {
        try collate(picked(epoch, index), epoch)
    }

    /// The micro-batches of one optimizer step, neighbours put together while they are small.
    public func batches(epoch: Int, indices: [Int]) throws -> [Batch] {
        guard let merging else { return try indices.map { try batch(epoch: epoch, index: $0) } }
        let picked = try indices.map { try self.picked(epoch, $0) }
        return try merging.groups(picked, sample: \.sample).map { try collate($0, epoch) }
    }

    private func picked(
        _ epoch: Int, _ index: Int
    ) throws -> [(index: Int, sample: Sample)] {
        let start = index * batchSize
        return try (start..<min(start + batchSize, sampleCount)).map {
            ($0, try sample(epoch: epoch, place: $0))
        }
    }

    /// The sample at a place of an epoch, or the next one that fits.
    ///
    /// - Throws: ``FledgeError`` when none of many rows fits.
    public func sample(epoch: Int, place: Int) throws -> Sample {
        for step in 0..<min(Self.mostTries, sampleCount) {
            var report = DataReport()
            let sample = try stream.sample(
                epoch: epoch, place: (place + step) % sampleCount, &report)
            if !report.dropped.isEmpty {
                dropped.withLock { known in
                    for row in report.dropped { known[row.source] = row.reason }
                }
            }
            if let sample { return sample }
        }
        throw FledgeError(
            .data, "\(min(Self.mostTries, sampleCount)) rows in a row do not fit.",
            advice: drops.first.map { "One at \($0.key): \($0.value)." } ?? "")
    }
}
