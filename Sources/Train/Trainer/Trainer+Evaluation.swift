internal import FledgeCore

/// What a trainer measures on evaluation sets.
extension Trainer {
    /// The loss of an evaluation set, and what else was measured; of a stage that measures no loss there
    /// the loss is zero, and so is its weight.
    ///
    /// - Throws: ``FledgeError`` with `data` when there is nothing to evaluate, with `interrupted` when
    ///   it was asked to stop; what the source and the stage throw.
    public func evaluate(_ source: any BatchSource<Batch>) throws -> (
        loss: Double, report: LossReport
    ) {
        var total = LossReport()
        var (means, weights) = (0.0, 0.0)
        for index in 0..<source.batchesPerEpoch
        where index % communicator.count == communicator.rank {
            guard !stop.isSet else { throw interruption() }
            let samples = source.sampleCount(ofBatch: index)
            let report = metricMean.weighted(
                try stage.evaluate(source.batch(epoch: 0, index: index)), samples: samples)
            total += report
            let weight = evaluationMean.weight(samples: samples)
            means += report.mean * weight
            weights += weight
        }
        var sums = [total.sum, total.weight, means, weights]
        try communicator.sum(&sums)
        (total.sum, total.weight) = (sums[0], sums[1])
        guard total.weight > 0 || !total.metrics.isEmpty else {
            throw FledgeError(
                .data,
                "There is nothing to evaluate: of \(source.sampleCount) evaluation rows none has a token to predict.",
                advice:
                    "Give evaluation rows with answers that cutoff_len leaves, or set eval_strategy: no."
            )
        }
        switch evaluationMean {
        case .weighted: return (total.mean, total)
        case .ofBatches, .ofBatchesBySamples: return (sums[3] > 0 ? sums[2] / sums[3] : 0, total)
        }
    }

    /// Loss, metrics and speed of an evaluation set under names such as `eval_loss`.
    public func evaluationValues(
        _ source: any BatchSource<Batch>, prefix: String
    ) throws -> [String: Double] {
        try evaluationValues([(prefix, source)])
    }

    /// Loss, metrics and speed of evaluation sets under their names, and of several sets the loss of
    /// all together as `eval_loss`.
    public func evaluationValues(_ sets: [EvaluationSet]) throws -> [String: Double] {
        var values: [String: Double] = [:]
        var (sum, weight, means, batches) = (0.0, 0.0, 0.0, 0.0)
        for (prefix, source) in sets {
            let (part, loss, report) = try result(of: source, prefix)
            values.merge(part) { $1 }
            sum += report.sum
            weight += report.weight
            let count = (0..<source.batchesPerEpoch).reduce(0) {
                $0 + evaluationMean.weight(samples: source.sampleCount(ofBatch: $1))
            }
            means += loss * count
            batches += count
        }
        guard sets.count > 1, weight > 0 else { return values }
        switch evaluationMean {
        case .weighted: values["eval_loss"] = sum / max(weight, 1)
        case .ofBatches, .ofBatchesBySamples: values["eval_loss"] = means / max(batches, 1)
        }
        return values
    }

    private func result(
        of source: any BatchSource<Batch>, _ prefix: String
    ) throws -> (values: [String: Double], loss: Double, report: LossReport) {
        let watch = Stopwatch()
        let (loss, report) = try evaluate(source)
        var values = Dictionary(
            uniqueKeysWithValues: completed(report.metrics).map {
                ("\(prefix)_\($0.key)", $0.value)
            })
        if report.weight > 0 { values["\(prefix)_loss"] = loss }
        values.merge(
            ResultFiles.speed(
                prefix, seconds: watch.seconds, samples: source.sampleCount,
                steps: source.batchesPerEpoch)
        ) { $1 }
        return (values, loss, report)
    }
}
