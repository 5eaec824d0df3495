/// How evaluation losses become one number.
public enum EvaluationMean: Sendable {
    /// The mean over all weights (tokens).
    case weighted
    /// The mean of the batches' means, as the reference has it in supervised fine-tuning (quirk
    /// `eval_batch_mean`).
    case ofBatches
    /// The same, where a batch counts by its samples, as in the reference's other stages.
    case ofBatchesBySamples

    /// How much a batch's mean counts.
    func weight(samples: Int) -> Double {
        self == .ofBatchesBySamples ? Double(samples) : 1
    }
}
