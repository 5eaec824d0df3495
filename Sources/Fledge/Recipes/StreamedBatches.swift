internal import FledgeCore
package import FledgeData
internal import FledgeTrain
internal import Synchronization

/// The micro-batches of rows that are read and tokenised when their turn comes.
///
/// A batch is a pure function of epoch and index, so nothing is read again when a run is resumed. A
/// row that has to be dropped gives its place to the next one of the epoch that fits.
package final class StreamedBatches: BatchSource {
    package let sampleCount: Int
    private let stream: DatasetStream
    private let processor: SupervisedProcessor
    private let batchSize: Int
    private let dropsLast: Bool
    private let sharesPrefixes: Bool
    private let quirks: ReferenceQuirks
    private let mergingLimit: Int
    private let dropped = Mutex<[FledgeError.Location: String]>([:])

    /// So many rows are looked at for one that fits.
    private static let mostTries = 1000

    package init(
        _ stream: DatasetStream, _ processor: SupervisedProcessor, batchSize: Int,
        dropsLast: Bool = false, quirks: ReferenceQuirks = [], mergingUpTo limit: Int = 0,
        sharesPrefixes: Bool = false
    ) {
        (self.stream, self.processor, self.batchSize) = (stream, processor, batchSize)
        (self.dropsLast, self.quirks, mergingLimit) = (dropsLast, quirks, limit)
        (self.sharesPrefixes, sampleCount) = (sharesPrefixes, stream.count)
    }

    package var batchesPerEpoch: Int {
        dropsLast ? sampleCount / batchSize : (sampleCount + batchSize - 1) / batchSize
    }

    /// The rows that were dropped so far, with the reasons.
    package var drops: [FledgeError.Location: String] { dropped.withLock { $0 } }

    package func batch(epoch: Int, index: Int) throws -> TokenBatch {
        batch(of: try samples(epoch, index), epoch)
    }

    package func batches(epoch: Int, indices: [Int]) throws -> [TokenBatch] {
        var groups: [(samples: [(Int, ProcessedSample)], tokens: Int)] = []
        for index in indices {
            let picked = try samples(epoch, index)
            let tokens = picked.reduce(0) { $0 + $1.1.inputIDs.count }
            if let last = groups.last, last.tokens + tokens <= mergingLimit {
                groups[groups.count - 1].samples += picked
                groups[groups.count - 1].tokens += tokens
            } else {
                groups.append((picked, tokens))
            }
        }
        return groups.map { batch(of: $0.samples, epoch) }
    }

    private func batch(of samples: [(Int, ProcessedSample)], _ epoch: Int) -> TokenBatch {
        SupervisedCollator(quirks: quirks, sharesPrefixes: sharesPrefixes).batch(
            samples.map(\.1), indices: samples.map(\.0), epoch: epoch)
    }

    private func samples(_ epoch: Int, _ index: Int) throws -> [(Int, ProcessedSample)] {
        let start = index * batchSize
        return try (start..<min(start + batchSize, sampleCount)).map {
            ($0, try sample(epoch: epoch, place: $0))
        }
    }

    /// The sample at a place of an epoch, or the next one that fits.
    package func sample(epoch: Int, place: Int) throws -> ProcessedSample {
        for step in 0..<min(Self.mostTries, sampleCount) {
            let row = try stream.sample(epoch: epoch, place: (place + step) % sampleCount)
            var report = DataReport()
            if let sample = try processor.sample(row, &report) { return sample }
            let reason = report.dropped.first?.reason ?? "it does not fit"
            guard stream.allowsFaults else {
                throw FledgeError(
                    .data, "The row does not fit: \(reason).",
                    advice:
                        "Correct it, or set drop_invalid_rows: true to train without such rows.",
                    at: row.source)
            }
            dropped.withLock { $0[row.source] = reason }
        }
        throw FledgeError(
            .data, "\(min(Self.mostTries, sampleCount)) rows in a row do not fit.",
            advice: drops.first.map { "One at \($0.key): \($0.value)." } ?? "")
    }
}
