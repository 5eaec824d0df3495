public import FledgeCore

/// Puts samples into a batch: each token predicts the next one where that is learned.
public struct SupervisedCollator: Sendable {
    /// Creates a collator.
    public init() {}

    /// The batch of some samples.
    ///
    /// - Parameters:
    ///   - indices: The samples' places in the data set, which keyed randomness uses.
    ///   - epoch: The epoch, counted from 0.
    public func batch(
        _ samples: [ProcessedSample], indices: [Int]? = nil, epoch: Int = 0
    ) -> TokenBatch {
        var supervision = Supervision()
        var start = 0
        for (segment, sample) in samples.enumerated() {
            precondition(
                sample.labels.count == sample.inputIDs.count,
                "SupervisedCollator: \(sample.inputIDs.count) ids, \(sample.labels.count) labels")
            for (row, label) in sample.labels.dropFirst().enumerated()
            where label != ProcessedSample.ignored {
                supervision.append(row: start + row, target: label, segment: segment)
            }
            start += sample.inputIDs.count
        }
        return TokenBatch(
            ids: samples.flatMap(\.inputIDs),
            layout: SequenceLayout(lengths: samples.map(\.inputIDs.count)),
            supervision: supervision, samples: indices, epoch: epoch)
    }

    /// The number that a mean loss over some samples is divided by: the predictions that count, or
    /// with the quirk `unshifted_label_count` all labels, also at places that predict nothing.
    public func itemCount(_ samples: [ProcessedSample], quirks: ReferenceQuirks = []) -> Int {
        samples.reduce(0) { sum, sample in
            let count =
                quirks.contains(.unshiftedLabelCount)
                ? sample.labels.count { $0 != ProcessedSample.ignored } : sample.supervisedCount
            return sum + count
        }
    }
}
