internal import FledgeCore
internal import FledgeData
internal import FledgeTrain

/// The course of training that a configuration describes.
extension RunConfiguration {
    /// The micro-batches of a supervised run.
    func trainingBatches(
        _ rows: [PackedRow], sharesPrefixes: Bool
    ) -> Epochs<PackedRow, TokenBatch> {
        Epochs(
            rows: rows, batchSize: training.trainBatchSize, seed: training.dataSeed,
            shuffles: !finetuning.disablesShuffling, dropsLast: training.dropsLastBatch,
            quirks: finetuning.referenceQuirks, mergingUpTo: mergingLimit,
            sharesPrefixes: sharesPrefixes, leaks: leaksPackedRows)
    }

    /// Whether packed samples see those before them.
    var leaksPackedRows: Bool {
        data.packing == true && !data.neatPacking
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
