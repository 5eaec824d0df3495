public import FledgeCore

/// Puts samples into a batch: each token predicts the next one where that is learned.
public struct SupervisedCollator: Sendable {
    private let quirks: ReferenceQuirks
    private let sharesPrefixes: Bool
    private let joinsPredictions: Bool

    /// Creates a collator.
    ///
    /// - Parameters:
    ///   - quirks: With `unshifted_label_count`, labels at places that predict nothing enter the
    ///     mean's denominator.
    ///   - sharesPrefixes: Whether what several samples begin with is computed once. Exact, but for
    ///     the order of sums; not for models with dropout, which draws for every sample.
    ///   - joinsPredictions: Whether what samples with a shared prefix predict alike becomes one
    ///     prediction; not where it matters whose it is.
    public init(
        quirks: ReferenceQuirks = [], sharesPrefixes: Bool = false, joinsPredictions: Bool = true
    ) {
        (self.quirks, self.sharesPrefixes) = (quirks, sharesPrefixes)
        self.joinsPredictions = joinsPredictions
    }

    /// The batch of packed rows whose samples see those before them in their row, as in the
    /// reference's plain packing: positions begin anew, and a sample's last token predicts the first
    /// of the next one where that is learned.
    public func leakingBatch(_ rows: [PackedRow], epoch: Int = 0) -> TokenBatch {
        var supervision = Supervision()
        var (lengths, parents, indices) = ([Int](), [Int?](), [Int]())
        var (ids, start) = ([Int32](), 0)
        for row in rows {
            for (place, sample) in row.samples.enumerated() {
                let segment = lengths.count
                for (token, label) in sample.labels.enumerated()
                where label != ProcessedSample.ignored {
                    // The first token of a row is predicted by none.
                    guard token > 0 || place > 0 else {
                        if quirks.contains(.unshiftedLabelCount) { supervision.extraWeight += 1 }
                        continue
                    }
                    supervision.append(
                        row: start + token - 1, target: label,
                        weight: sample.weights?[token] ?? 1, sample: segment)
                }
                lengths.append(sample.inputIDs.count)
                parents.append(place > 0 ? segment - 1 : nil)
                indices.append(row.indices[place])
                ids += sample.inputIDs
                start += sample.inputIDs.count
            }
        }
        return TokenBatch(
            ids: ids,
            layout: SequenceLayout(lengths: lengths, parents: parents, restartsPositions: true),
            supervision: supervision, samples: indices, epoch: epoch)
    }

    /// The batch of the samples of some rows, which do not see each other.
    public func batch(rows: [PackedRow], epoch: Int = 0) -> TokenBatch {
        batch(rows.flatMap(\.samples), indices: rows.flatMap(\.indices), epoch: epoch)
    }

    /// The batch of some samples.
    ///
    /// - Parameters:
    ///   - indices: The samples' places in the data set, which keyed randomness uses.
    ///   - epoch: The epoch, counted from 0.
    public func batch(
        _ samples: [ProcessedSample], indices: [Int]? = nil, epoch: Int = 0
    ) -> TokenBatch {
        var extraWeight = 0.0
        for sample in samples {
            precondition(
                sample.labels.count == sample.inputIDs.count
                    && sample.weights.map { $0.count == sample.labels.count } ?? true,
                "SupervisedCollator: \(sample.inputIDs.count) ids, \(sample.labels.count) labels")
            if quirks.contains(.unshiftedLabelCount), let first = sample.labels.first,
                first != ProcessedSample.ignored
            {
                extraWeight += 1
            }
        }
        var batch = sharesPrefixes ? shared(samples, indices) : apart(samples, indices)
        batch.supervision.extraWeight = extraWeight
        batch.epoch = epoch
        return batch
    }

    private func apart(_ samples: [ProcessedSample], _ indices: [Int]?) -> TokenBatch {
        var supervision = Supervision()
        var start = 0
        for (segment, sample) in samples.enumerated() {
            for (row, label) in sample.labels.dropFirst().enumerated()
            where label != ProcessedSample.ignored {
                supervision.append(
                    row: start + row, target: label, weight: sample.weights?[row + 1] ?? 1,
                    sample: segment)
            }
            start += sample.inputIDs.count
        }
        return TokenBatch(
            ids: samples.flatMap(\.inputIDs),
            layout: SequenceLayout(lengths: samples.map(\.inputIDs.count)),
            supervision: supervision, samples: indices)
    }

    private func shared(_ samples: [ProcessedSample], _ indices: [Int]?) -> TokenBatch {
        let forest = PrefixForest(samples.map(\.inputIDs))
        guard forest.layout.hasSharedSegments else { return apart(samples, indices) }
        var supervision = Supervision()
        // What several samples predict at the same place is one prediction of their common weight.
        var places: [Int64: Int] = [:]
        for (number, (sample, leaf)) in zip(samples, forest.leaves).enumerated() {
            let rows = forest.layout.ranges(to: leaf).joined()
            for (index, (row, label)) in zip(rows, sample.labels.dropFirst()).enumerated()
            where label != ProcessedSample.ignored {
                let key = Int64(row) << 32 | Int64(label)
                let weight = sample.weights?[index + 1] ?? 1
                if joinsPredictions, let place = places[key] {
                    supervision.weights[place] += weight
                } else {
                    places[key] = supervision.count
                    supervision.append(row: row, target: label, weight: weight, sample: number)
                }
            }
        }
        return TokenBatch(
            ids: forest.ids, layout: forest.layout, supervision: supervision,
            samples: forest.owners.map { indices?[$0] ?? $0 })
    }
}
