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
                accumulation: method.batchesPerStep(self), steps: steps)
        }
        return TrainingPlan(
            batchesPerEpoch: batchesPerEpoch, accumulation: method.batchesPerStep(self),
            epochs: training.epochs)
    }
}
