internal import FledgeCore
internal import FledgeData
internal import FledgeTrain

/// The course of training that a configuration describes.
extension RunConfiguration {
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
