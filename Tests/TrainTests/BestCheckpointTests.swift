import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Foundation
import Testing

/// A stage that trains one number and evaluates to those that are given.
private final class ScriptedStage: Stage {
    let parameters = [Parameter("number", Tensor([Float(1)], shape: [1]), isTrainable: true)]
    private var losses: [Double]

    init(_ losses: [Double]) { self.losses = losses }

    func accumulate(_ batch: TokenBatch, into gradients: inout Gradients) throws -> LossReport {
        gradients[parameters[0]] = Tensor([Float(1)], shape: [1])
        return LossReport(sum: 1, weight: 1, tokens: 1)
    }

    func evaluate(_ batch: TokenBatch) throws -> LossReport {
        LossReport(sum: losses.removeFirst(), weight: 1)
    }
}

private struct OneNumber: ModelArtifact {
    let parameter: Parameter

    func save(to folder: String) throws {
        try SafetensorsWriter.write(
            [(parameter.name, parameter.value)], to: folder + "/model.safetensors")
    }

    func restore(from folder: String) throws {
        parameter.value = try SafetensorsFile(path: folder + "/model.safetensors")
            .tensor(named: parameter.name).owned()
    }
}

/// Which checkpoint is the best one, where not every step that is evaluated is saved: as in
/// transformers, where the best metric is that of all evaluations, and the best checkpoint that of the
/// last improvement that was saved.
@Suite struct BestCheckpointTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func path(_ step: Int) -> String { "\(folder.path)/checkpoint-\(step)" }

    /// Six steps, or those up to `steps`, each of them evaluated.
    private func train(
        _ losses: [Double], saving interval: Int?, limit: Int? = nil, steps: Int = 6,
        onStart: Bool = false, into output: String? = nil, from checkpoint: String? = nil
    ) throws -> TrainerState {
        let stage = ScriptedStage(losses)
        let artifact = OneNumber(parameter: stage.parameters[0])
        let saver = CheckpointSaver(
            output ?? folder.path, interval.map { .every($0) } ?? .never, saving: artifact,
            keeping: limit, best: .init("eval_loss"), savesBest: interval == nil)
        let trainer = Trainer(
            stage, schedule: .constant(0.1), evaluation: .every(1), evaluatesOnStart: onStart,
            callbacks: [saver])
        try trainer.fit(
            ToyData.epochs(batchSize: 4), evaluating: ToyData.epochs(batchSize: 8), steps: steps,
            resuming: checkpoint.map { try TrainingCheckpoint(folder: $0) })
        return saver.state
    }

    @Test func anEvaluationThatWasNotSavedHasNoCheckpoint() throws {
        let state = try train([3, 1, 2, 4, 5, 6], saving: 3)
        #expect(state.bestMetric == 1 && state.bestGlobalStep == 2)
        #expect(state.bestModelCheckpoint == nil)
        let saved = try TrainerState(path: path(3) + "/trainer_state.json")
        #expect(saved.bestGlobalStep == 2 && saved.bestModelCheckpoint == nil)
    }

    @Test func theBestCheckpointStaysWhereALaterOneWasNotSaved() throws {
        let state = try train([6, 5, 3, 2, 7, 8], saving: 3, limit: 1)
        #expect(state.bestGlobalStep == 4 && state.bestModelCheckpoint == path(3))
        #expect(Folder.exists(path(3)) && Folder.exists(path(6)))
        let saved = try TrainerState(path: path(3) + "/trainer_state.json")
        #expect(saved.bestModelCheckpoint == path(3))
    }

    @Test func whatWasThereBeforeTheFirstStepIsNoCheckpoint() throws {
        let state = try train([0, 3, 2, 4, 5, 6, 7], saving: 1, onStart: true)
        #expect(state.bestMetric == 2 && state.bestModelCheckpoint == path(2))
    }

    private var saved: [Int] {
        TrainingCheckpoint.all(in: folder.path).compactMap {
            Int($0.split(separator: "-").last ?? "")
        }
    }

    /// `save_strategy: best`: as in transformers, where the last step is not saved either.
    @Test func whatBecomesBetterIsSaved() throws {
        let state = try train([3, 4, 2, 2, 1, 6], saving: nil)
        #expect(saved == [1, 3, 5] && state.bestModelCheckpoint == path(5))
        for step in saved {
            let own = try TrainerState(path: path(step) + "/trainer_state.json")
            #expect(own.bestModelCheckpoint == path(step) && own.bestGlobalStep == step)
        }
    }

    @Test func ofWhatBecomesBetterTheLastOnesAreKept() throws {
        let state = try train([0, 3, 4, 2, 2, 1, 6], saving: nil, limit: 1, onStart: true)
        #expect(saved == [5] && state.bestMetric == 1 && state.bestModelCheckpoint == path(5))
    }

    /// A run that goes on from its best checkpoint saves what an uninterrupted one saves.
    @Test func whatGoesOnComparesWithWhatWasBestBefore() throws {
        _ = try train([3, 4, 2], saving: nil, steps: 3)
        #expect(saved == [1, 3])
        let state = try train([5, 1, 6], saving: nil, from: path(3))
        #expect(saved == [1, 3, 5] && state.bestModelCheckpoint == path(5))
        // What was only met again is no better.
        _ = try train([5, 1, 6, 1], saving: nil, steps: 9, from: path(5))
        #expect(saved == [1, 3, 5])
    }

    @Test func aRunThatGoesOnKnowsTheBestCheckpoint() throws {
        _ = try train([6, 5, 3], saving: 3, steps: 3)
        let state = try train([7, 8, 9], saving: 3, from: path(3))
        #expect(state.bestGlobalStep == 3 && state.bestModelCheckpoint == path(3))
        // In another folder too.
        let other = try TemporaryFolder()
        let moved = try train([7, 8, 9], saving: 3, into: other.path, from: path(3))
        #expect(moved.bestModelCheckpoint == path(3))
        // One that the run before had not saved is none.
        _ = try train([6, 4, 5], saving: 3, steps: 3)
        let none = try train([7, 8, 9], saving: 3, from: path(3))
        #expect(none.bestGlobalStep == 2 && none.bestModelCheckpoint == nil)
    }
}
