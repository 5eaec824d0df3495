public import FledgeCore
public import FledgeData
internal import FledgeTensor

/// What a policy is held against: the probabilities of a model that does not change.
public protocol ReferencePolicy {
    /// ln p of each prediction of the batch's supervision; weights are not used.
    func logProbabilities(_ batch: TokenBatch) throws -> [Double]

    /// Σ weight·ln p of each sample's predictions.
    func scores(_ batch: AnswerBatch) throws -> [Double]
}

extension ReferencePolicy {
    /// The sums of ``logProbabilities(_:)``.
    public func scores(_ batch: AnswerBatch) throws -> [Double] {
        let supervision = batch.tokens.supervision
        let values = try logProbabilities(batch.tokens)
        precondition(
            values.count == supervision.count,
            "ReferencePolicy: \(values.count) log-probabilities for \(supervision.count) predictions"
        )
        return AnswerScores.sums(Tensor(values, shape: [values.count]), batch).doubles()
    }
}
