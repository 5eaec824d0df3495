import Fledge
import FledgeTesting
import Foundation
import Synchronization
import Testing

/// A stage that counts what it has trained on, and whose evaluations tell of that alone.
private final class CountingStage: Stage {
    private let base: ObjectiveStage<PreferenceOptimization>
    private let best: Int
    private var count = 0

    /// - Parameter best: The count at which the evaluation loss is least.
    init(_ base: ObjectiveStage<PreferenceOptimization>, best: Int) {
        (self.base, self.best) = (base, best)
    }

    var parameters: [Parameter] { base.parameters }

    func accumulate(
        _ batch: PreferenceBatch, into gradients: inout Gradients
    ) throws -> LossReport {
        count += 1
        return try base.accumulate(batch, into: &gradients)
    }

    func evaluate(_ batch: PreferenceBatch) throws -> LossReport {
        LossReport(
            sum: Double(abs(count - best)), weight: 1,
            metrics: ["counted": Metric(sum: Double(count), weight: 1)])
    }

    var state: StageState {
        get { StageState(values: ["count": .integer(count)]) }
        set { count = newValue.values["count"]?.intValue ?? 0 }
    }
}

/// A method of somebody else's, `stage: counting`.
private struct CountingTraining: TrainingMethod {
    typealias Sample = PairwiseSample

    var best = 0
    var merges = false
    var stop = StopFlag()
    /// Hears of the batches that are prepared.
    var heard: (@Sendable (PreferenceBatch) -> Void)?

    var name: String { "counting" }
    var rows: RowTraits { RowTraits(isRanking: true, learnsLastAnswer: true) }

    func mergesBatches(_ configuration: RunConfiguration) -> Bool { merges }

    func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<PreferenceBatch> {
        let objective = PreferenceOptimization(loss: SimplePreference())
        var parts = TrainingParts(side, objective, seed: 1, usesDropout: false)
        parts.stage = { [best] _ in
            CountingStage(ObjectiveStage(side.model, objective, seed: 1), best: best)
        }
        if let heard {
            parts.preparation = { coming in try coming.forEach { batch, _ in heard(batch) } }
        }
        return parts
    }
}

/// Damages a checkpoint after the last step.
private final class Damage: Callback {
    private let file: String
    init(_ file: String) { self.file = file }
    func trainingDidEnd(_ summary: LogEntry, _ run: TrainingRun) throws {
        try FileManager.default.removeItem(atPath: file)
    }
}

/// The course of a run beyond its steps: what comes before the first one and after the last.
@Suite struct CourseTests {
    private let project: ToyProject
    private var output: String { project.path + "/out" }

    init() throws { project = try ToyProject() }

    /// Four steps of two micro-batches, each step evaluated.
    @discardableResult
    private func run(
        _ method: CountingTraining, _ more: [String] = [], callbacks: [any Callback] = []
    ) throws -> [String] {
        var heard: [String] = []
        let configuration = try project.configuration(
            [
                "stage=counting", "dataset=pairs", "eval_dataset=pairs", "eval_strategy=steps",
                "eval_steps=1", "per_device_eval_batch_size=8", "learning_rate=0.05",
            ] + more, methods: .standard + [method])
        try TrainingRecipe(
            configuration, callbacks: callbacks, stop: method.stop, cache: project.cache,
            announce: { heard.append($0) }
        ).run()
        return heard
    }

    private func counted() throws -> Int? {
        try JSONValue(contentsOf: output + "/eval_results.json")["eval_counted"]?.doubleValue
            .map { Int($0) }
    }

    private func weights(_ folder: String) -> Data? {
        FileManager.default.contents(atPath: folder + "/adapter_model.safetensors")
    }

    private func saving(_ steps: Int, _ more: String...) -> [String] {
        ["save_strategy=steps", "save_steps=\(steps)", "load_best_model_at_end=true"] + more
    }

    @Test func theLastEvaluationIsThatOfTheStageThatWasTrained() throws {
        try run(CountingTraining())
        #expect(try counted() == 8)
        let state = try TrainerState(path: output + "/trainer_state.json")
        #expect(state.logHistory.compactMap { $0["eval_counted"] } == [2, 4, 6, 8])
    }

    @Test func theBestWeightsComeWithWhatTheStageKnewThere() throws {
        let heard = try run(CountingTraining(best: 4), saving(1))
        #expect(heard.contains { $0.hasPrefix("The best checkpoint is \(output)/checkpoint-2;") })
        #expect(weights(output) == weights(output + "/checkpoint-2"))
        #expect(weights(output) != weights(output + "/checkpoint-4"))
        #expect(try counted() == 4)
    }

    @Test func aBestStepThatWasNotSavedLeavesTheLastWeights() throws {
        let heard = try run(CountingTraining(best: 2), saving(3))
        #expect(
            heard.contains {
                $0.hasPrefix("Warning: there is no best checkpoint: the best evaluation is")
            }, "\(heard)")
        #expect(weights(output) != nil && weights(output) == weights(output + "/checkpoint-4"))
        #expect(try counted() == 8)
    }

    @Test func theStartIsNoCheckpoint() throws {
        try run(CountingTraining(best: 0), saving(1, "eval_on_start=true"))
        #expect(weights(output) == weights(output + "/checkpoint-1"))
    }

    @Test func anEarlierBestCheckpointIsTakenWhereTheBestStepWasNotSaved() throws {
        let heard = try run(CountingTraining(best: 6), saving(2))
        #expect(heard.contains { $0.contains("is that of step 3, which was not saved") })
        #expect(weights(output) == weights(output + "/checkpoint-2"))
    }

    @Test func aBestCheckpointThatIsDamagedLeavesTheLastWeights() throws {
        let damage = Damage(output + "/checkpoint-2/adapter_model.safetensors")
        let heard = try run(CountingTraining(best: 4), saving(1), callbacks: [damage])
        #expect(
            heard.contains {
                $0.hasPrefix("Warning: the best checkpoint, \(output)/checkpoint-2, cannot")
            }, "\(heard)")
        #expect(weights(output) != nil && weights(output) == weights(output + "/checkpoint-4"))
    }

    /// Batches that were prepared.
    private final class Heard: Sendable {
        private let counts = Mutex<[Int]>([])
        var pairCounts: [Int] { counts.withLock { $0 } }
        func note(_ batch: PreferenceBatch) { counts.withLock { $0.append(batch.pairCount) } }
    }

    @Test func aPreparationHearsOfARequestToStop() throws {
        let (heard, stop) = (Heard(), StopFlag())
        let method = CountingTraining(stop: stop) { batch in
            heard.note(batch)
            stop.set()
        }
        let error = #expect(throws: FledgeError.self) { try run(method) }
        #expect(error?.code == .interrupted)
        #expect(heard.pairCounts == [2] && weights(output) == nil)
    }

    /// What is prepared is what the steps of the run will see, in the batches that they have, and then
    /// the rows of evaluation.
    @Test func preparationsSeeTheBatchesOfTheSteps() throws {
        let keys = [
            "per_device_train_batch_size=1", "gradient_accumulation_steps=3", "max_steps=1",
        ]
        for (merges, expected) in [(false, [1, 1, 1, 8]), (true, [3, 8])] {
            let heard = Heard()
            let method = CountingTraining(merges: merges) { heard.note($0) }
            try run(method, keys + ["cutoff_len=256"])
            #expect(heard.pairCounts == expected)
        }
    }
}
