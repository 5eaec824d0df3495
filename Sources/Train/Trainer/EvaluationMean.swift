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

extension EvaluationMean {
    /// A batch's report whose metrics count as this mean has it.
    func weighted(_ report: LossReport, samples: Int) -> LossReport {
        guard self != .weighted else { return report }
        var report = report
        report.metrics = report.metrics.mapValues { metric in
            // A metric without a weight is a sum.
            guard metric.weight > 0 else { return metric }
            let weight = weight(samples: samples)
            return Metric(sum: metric.value * weight, weight: weight)
        }
        return report
    }
}
