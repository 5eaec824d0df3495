public import FledgeCore

/// What a policy is held against: the probabilities of a model that does not change.
public protocol ReferencePolicy {
    /// ln p of each prediction of the batch's supervision; weights are not used.
    func logProbabilities(_ batch: TokenBatch) throws -> [Double]
}
