import FledgeCore
package import FledgeData
import FledgeModel
package import FledgeTensor

/// The mean of all logits of a sample, without any logit: its mean state times the head's mean row.
///
/// The head's mean row is kept until the head changes, which is once a step where it is trained.
package final class MeanLogits {
    private var kept: (head: ObjectIdentifier, revision: Int, row: [Double])?
    /// How often a head was read.
    package private(set) var readCount = 0

    package init() {}

    /// For each sample the mean over its tokens and the vocabulary.
    package func callAsFunction(
        _ hidden: Tensor, head: LinearMatrix, _ batch: AnswerBatch
    ) -> [Double] {
        let row = meanRow(of: head)
        let states = hidden.detached.converted(to: .float64)
        let channels = hidden.shape[1]
        let layout = batch.tokens.layout
        return states.withUnsafeBytes { bytes in
            let values = bytes.assumingMemoryBound(to: Double.self)
            /// Of a token, as often as samples go through it.
            var tokens: [Double?] = Array(repeating: nil, count: layout.count)
            func mean(_ token: Int) -> Double {
                if let known = tokens[token] { return known }
                var total = 0.0
                for channel in 0..<channels {
                    total += values[token * channels + channel] * row[channel]
                }
                tokens[token] = total
                return total
            }
            return batch.leaves.map { leaf in
                let path = layout.ranges(to: leaf).joined()
                return path.reduce(0) { $0 + mean($1) } / Double(max(path.count, 1))
            }
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
