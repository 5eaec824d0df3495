internal import FledgeCore
internal import FledgeData
internal import FledgeTrain

/// The course of training that a configuration describes.
extension RunConfiguration {
    /// How rows become the micro-batches of training.
    func trainingBatches(sharesPrefixes: Bool) -> PackedRowBatches {
        var rule = evaluationBatches(sharesPrefixes: sharesPrefixes)
        rule.batchSize = training.trainBatchSize
        rule.dropsLast = training.dropsLastBatch
        rule.mergingLimit = mergingLimit
        return rule
    }

    /// How rows become the micro-batches of evaluation.
    func evaluationBatches(sharesPrefixes: Bool) -> PackedRowBatches {
        var rule = PackedRowBatches(batchSize: training.evaluationBatchSize)
        rule.quirks = finetuning.referenceQuirks
        rule.sharesPrefixes = sharesPrefixes
        rule.leaks = leaksPackedRows
        return rule
    }

    /// Whether packed samples see those before them.
    var leaksPackedRows: Bool {
        finetuning.stage == .supervised && data.packing == true && !data.neatPacking
            && finetuning.referenceQuirks.contains(.packingAttention)
    }

    /// The optimizer steps over an epoch's micro-batches.
    func trainingPlan(_ batchesPerEpoch: Int) -> TrainingPlan {
        if let steps = training.maxSteps {
            return TrainingPlan(
                batchesPerEpoch: batchesPerEpoch,
                accumulation: training.gradientAccumulationSteps, steps: steps)
        }
        return TrainingPlan(
            batchesPerEpoch: batchesPerEpoch, accumulation: training.gradientAccumulationSteps,
            epochs: training.epochs)
    }
}
