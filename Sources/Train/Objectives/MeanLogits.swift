import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor

/// The mean of all logits of a sample, without any logit: its mean state times the head's mean row.
///
/// A frozen head's mean row is kept.
final class MeanLogits {
    private var kept: (head: ObjectIdentifier, row: [Double])?

    /// For each sample the mean over its tokens and the vocabulary.
    func callAsFunction(
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
        if let kept, kept.head == identity { return kept.row }
        let row = head.meanRow().doubles()
        if let identity, head.parameter?.isTrainable != true { kept = (identity, row) }
        return row
    }
}
