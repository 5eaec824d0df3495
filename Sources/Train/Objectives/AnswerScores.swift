import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor

/// Sums of log-probabilities by sample.
enum AnswerScores {
    /// Σ weight·ln p of each sample's predictions, `[samples]`, float64: differences of long answers
    /// are small beside their sums.
    ///
    /// - Parameters:
    ///   - values: ln p of each prediction.
    ///   - weights: Those of the supervision when left out.
    static func sums(
        _ values: Tensor, _ batch: AnswerBatch, weights: [Float]? = nil
    ) -> Tensor {
        let supervision = batch.tokens.supervision
        return segmentSums(
            values.converted(to: .float64), supervision.samples, count: batch.sampleCount,
            weights: weights ?? supervision.weights)
    }

    /// What the reference gives the samples.
    static func sums(_ reference: any ReferencePolicy, _ batch: AnswerBatch) throws -> Tensor {
        Tensor(try reference.scores(batch), shape: [batch.sampleCount])
    }

    /// The weights with those of tokens behind the shorter answer of a pair multiplied by `alpha`
    /// (LD-DPO, Liu et al. 2024).
    static func desensitized(_ batch: PreferenceBatch, alpha: Double) -> [Float] {
        let supervision = batch.tokens.supervision
        var counts = [Int](repeating: 0, count: batch.answers.sampleCount)
        for sample in supervision.samples { counts[Int(sample)] += 1 }
        let pairs = batch.pairCount
        var seen = [Int](repeating: 0, count: counts.count)
        return zip(supervision.samples, supervision.weights).map { sample, weight in
            let (sample, pair) = (Int(sample), Int(sample) % pairs)
            defer { seen[sample] += 1 }
            return seen[sample] < min(counts[pair], counts[pair + pairs])
                ? weight : weight * Float(alpha)
        }
    }

    /// For each sample the factor that makes a mean of its sum; of nothing the sum is zero.
    static func meanFactors(_ batch: AnswerBatch) -> Tensor {
        let lengths = batch.answerLengths
        return Tensor(lengths.map { $0 > 0 ? 1 / $0 : 1 }, shape: [lengths.count])
    }
}
