public import FledgeCore
public import FledgeData
internal import FledgeTensor

/// What a policy is held against: the probabilities of a model that does not change.
public protocol ReferencePolicy {
    /// ln p of each prediction of the batch's supervision; weights are not used.
    func logProbabilities(_ batch: TokenBatch) throws -> [Double]

    /// The same where logits are divided by a temperature before they become probabilities.
    ///
    /// - Precondition: The temperature is 1, or the reference can compute others.
    func logProbabilities(_ batch: TokenBatch, temperature: Double) throws -> [Double]

    /// Σ weight·ln p of each sample's predictions.
    func scores(_ batch: AnswerBatch) throws -> [Double]
}

extension ReferencePolicy {
    /// Those at temperature 1, which is all that is asked for of what has no logits.
    public func logProbabilities(_ batch: TokenBatch, temperature: Double) throws -> [Double] {
        precondition(
            temperature == 1, "\(Self.self): no probabilities at temperature \(temperature)")
        return try logProbabilities(batch)
    }

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
