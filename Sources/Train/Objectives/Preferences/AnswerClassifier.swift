import FledgeCore
package import FledgeTensor

/// Tells better answers from worse ones by their rewards (BCO, Jung et al. 2024), beside the loss of
/// ``PreferenceOptimization``: −ln σ(βρ_c − δ) − ln σ(δ − βρ_r).
///
/// δ is the mean over all batches so far, this one included, of a batch's mean reward, so that the size
/// of batches matters and the past does; checkpoints hold it.
package final class AnswerClassifier {
    private var mean = 0.0
    private var count = 0

    package init() {}

    /// The losses of the pairs, `[pairs]`.
    ///
    /// - Parameter isTraining: Whether the batch counts from now on: an evaluation looks at δ and leaves
    ///   it as it is.
    package func losses(
        _ scores: PreferenceScores, beta: Double, isTraining: Bool
    ) -> Tensor {
        let (chosen, rejected) = (scores.chosenRatios * beta, scores.rejectedRatios * beta)
        let rewards = chosen.doubles() + rejected.doubles()
        let reward = rewards.reduce(0, +) / Double(max(rewards.count, 1))
        let delta = mean + (reward - mean) / Double(count + 1)
        if isTraining { (mean, count) = (delta, count + 1) }
        let shift = Tensor(Array(repeating: delta, count: chosen.count), shape: chosen.shape)
        return (logSigmoid(chosen - shift) + logSigmoid(shift - rejected)) * -1
    }

    /// Mean and count, as a checkpoint holds them.
    package var state: StageState {
        get {
            StageState(values: [
                "preference_baseline": ["mean": .number(mean), "count": .integer(count)]
            ])
        }
        set {
            let values = newValue.values["preference_baseline"]
            mean = values?["mean"]?.doubleValue ?? 0
            count = values?["count"]?.intValue ?? 0
        }
    }
}
