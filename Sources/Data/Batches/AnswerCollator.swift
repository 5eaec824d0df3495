package import FledgeCore

/// Puts samples together whose predictions are summed up sample by sample.
package struct AnswerCollator: Sendable {
    /// What is looked at in a sample.
    package enum Supervised: Sendable {
        /// Every token of the answer, as the token before it predicts it.
        case answers
        /// The state of the last token; the target says nothing.
        case lastTokens
    }

    private let supervised: Supervised

    /// Creates a collator.
    package init(supervised: Supervised) { self.supervised = supervised }

    /// The batch of some samples, which share what they begin with where a layout is given.
    package func batch(
        _ samples: [ProcessedSample], indices: [Int], epoch: Int, forest: PrefixForest?
    ) -> AnswerBatch {
        let layout = forest?.layout ?? SequenceLayout(lengths: samples.map(\.inputIDs.count))
        let leaves = forest?.leaves ?? Array(samples.indices)
        var supervision = Supervision()
        for (number, (sample, leaf)) in zip(samples, leaves).enumerated() {
            let rows = layout.ranges(to: leaf)
            switch supervised {
            case .lastTokens:
                guard let last = rows.last, let id = sample.inputIDs.last else { continue }
                supervision.append(row: last.upperBound - 1, target: id, sample: number)
            case .answers:
                for (index, (row, label)) in zip(rows.joined(), sample.labels.dropFirst())
                    .enumerated() where label != ProcessedSample.ignored
                {
                    supervision.append(
                        row: row, target: label, weight: sample.weights?[index + 1] ?? 1,
                        sample: number)
                }
            }
        }
        return AnswerBatch(
            tokens: TokenBatch(
                ids: forest?.ids ?? samples.flatMap(\.inputIDs), layout: layout,
                supervision: supervision,
                samples: forest.map { $0.owners.map { indices[$0] } } ?? indices, epoch: epoch),
            leaves: leaves, indices: indices)
    }

    /// How samples share what they begin with; nil where nothing is shared.
    ///
    /// - Parameter threshold: The longest sequence whose tokens have the angles of all shorter ones; nil
    ///   where length does not matter to them. Longer ones share nothing.
    package static func forest(
        of samples: [ProcessedSample], angleThreshold threshold: Int? = nil
    ) -> PrefixForest? {
        guard samples.allSatisfy({ $0.inputIDs.count <= threshold ?? .max }) else { return nil }
        let forest = PrefixForest(samples.map(\.inputIDs))
        return forest.layout.hasSharedSegments ? forest : nil
    }
}
