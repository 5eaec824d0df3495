import FledgeTrain
import Testing

@Suite("Training plans")
struct TrainingPlanTests {
    @Test func theLastStepOfAnEpochMayBeShort() {
        let plan = TrainingPlan(batchesPerEpoch: 5, accumulation: 2, epochs: 2)
        #expect(plan.stepsPerEpoch == 3)
        #expect(plan.totalSteps == 6)
        #expect(plan.batches(ofStep: 0).indices == 0..<2)
        #expect(plan.batches(ofStep: 2).indices == 4..<5)
        #expect(plan.batches(ofStep: 3).epoch == 1)
        #expect(plan.batches(ofStep: 3).indices == 0..<2)
    }

    @Test func epochsAreCountedInMicroBatches() {
        let plan = TrainingPlan(batchesPerEpoch: 5, accumulation: 2, epochs: 2)
        #expect(plan.epochs(after: 0) == 0)
        #expect(plan.epochs(after: 1) == 0.4)
        #expect(plan.epochs(after: 3) == 1)
        #expect(plan.epochs(after: 6) == 2)
    }

    @Test func aFractionOfAnEpochIsRoundedUp() {
        let plan = TrainingPlan(batchesPerEpoch: 10, accumulation: 4, epochs: 0.5)
        #expect(plan.stepsPerEpoch == 3)
        #expect(plan.totalSteps == 2)
    }

    @Test(arguments: [1, 2, 3, 7]) func everyBatchOfAnEpochBelongsToOneStep(_ accumulation: Int) {
        let plan = TrainingPlan(batchesPerEpoch: 7, accumulation: accumulation, epochs: 1)
        let indices = (0..<plan.totalSteps).flatMap { plan.batches(ofStep: $0).indices }
        #expect(indices == Array(0..<7))
    }
}
