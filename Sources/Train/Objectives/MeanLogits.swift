import FledgeCore
package import FledgeData
import FledgeModel
package import FledgeTensor

/// The mean of all logits of a sample, without any logit: its mean state times the head's mean row.
///
/// The head's mean row is kept until the head changes, which is once a step where it is trained. Logits
/// that are bounded are no such product, and are computed a few rows at a time.
package final class MeanLogits {
    private var kept: (head: ObjectIdentifier, revision: Int, row: [Double])?
    /// How often a head was read.
    package private(set) var readCount = 0

    package init() {}

    /// For each sample the mean over its tokens and the vocabulary.
    package func callAsFunction(
        _ hidden: Tensor, head: LanguageHead, _ batch: AnswerBatch
    ) -> [Double] {
        guard head.softCap == nil else {
            return means(batch) { token in
                let logits = logits(hidden.detached, head: head, rows: [Int32(token)]).doubles()
                return logits.reduce(0, +) / Double(logits.count)
            }
        }
        let row = meanRow(of: head.matrix)
        let states = hidden.detached.converted(to: .float64)
        let channels = hidden.shape[1]
        return states.withUnsafeBytes { bytes in
            let values = bytes.assumingMemoryBound(to: Double.self)
            return means(batch) { token in
                var total = 0.0
                for channel in 0..<channels {
                    total += values[token * channels + channel] * row[channel]
                }
                return total * head.scale
            }
        }
    }

    /// For each sample the mean of what its tokens have, each computed once.
    private func means(_ batch: AnswerBatch, _ mean: (_ token: Int) -> Double) -> [Double] {
        let layout = batch.tokens.layout
        var tokens: [Double?] = Array(repeating: nil, count: layout.count)
        return batch.leaves.map { leaf in
            let path = layout.ranges(to: leaf).joined()
            let sum = path.reduce(0.0) { sum, token in
                let value = tokens[token] ?? mean(token)
                tokens[token] = value
                return sum + value
            }
            return sum / Double(max(path.count, 1))
        }
    }

    private func meanRow(of head: LinearMatrix) -> [Double] {
        let identity =
            head.parameter.map { ObjectIdentifier($0) }
            ?? head.blocks.map { ObjectIdentifier($0) }
        let revision = head.parameter?.revision ?? 0
        if let kept, kept.head == identity, kept.revision == revision { return kept.row }
        let row = head.meanRow().doubles()
        readCount += 1
        if let identity { kept = (identity, revision, row) }
        return row
    }
}
