public import FledgeCore

/// Puts samples into a batch: each token predicts the next one where that is learned.
public struct SupervisedCollator: Sendable {
    private let quirks: ReferenceQuirks

    /// Creates a collator.
    ///
    /// - Parameter quirks: With `unshifted_label_count`, labels at places that predict nothing enter
    ///   the mean's denominator.
    public init(quirks: ReferenceQuirks = []) { self.quirks = quirks }

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
            if quirks.contains(.unshiftedLabelCount), let first = sample.labels.first,
                first != ProcessedSample.ignored
            {
                supervision.extraWeight += 1
            }
        }
        return TokenBatch(
            ids: samples.flatMap(\.inputIDs),
            layout: SequenceLayout(lengths: samples.map(\.inputIDs.count)),
            supervision: supervision, samples: indices, epoch: epoch)
    }
}
