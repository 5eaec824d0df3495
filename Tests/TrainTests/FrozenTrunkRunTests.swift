import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Foundation
import Testing

/// Runs that keep what enters the first trained block end in the bits of those that do not.
@Suite("Runs with a frozen trunk")
struct FrozenTrunkRunTests {
    private static var sizes: DecoderConfiguration {
        var sizes = TinyModel.configuration
        sizes.layerCount = 3
        return sizes
    }

    private func model(_ type: ElementType) throws -> DecoderLM {
        let model = try TinyModel.make(Self.sizes, storing: type)
        model.makeTrainable { $0.name.contains(".2.") }
        return model
    }

    /// What a run comes to, and the tokens that were computed below what is trained.
    private struct Outcome {
        var numbers: [Double]
        var weights: [[Float]]
        var computed = 0
        var kept = 0
    }

    /// Twelve steps, evaluated on the way; with a trunk or without.
    private func train<Source: BatchSource, Loss: Objective>(
        _ source: Source, _ type: ElementType, keeps: Bool, recomputes: Bool = false,
        _ objective: (DecoderLM, FrozenTrunk?) -> Loss
    ) throws -> Outcome where Source.Batch == Loss.Batch {
        let folder = try TemporaryFolder()
        let model = try model(type)
        let trunk = keeps ? try FrozenTrunk(model, folder: folder.path) : nil
        let recorder = StepRecorder()
        func trainer(_ computed: some CausalLM) -> Trainer<Source.Batch> {
            Trainer(
                ObjectiveStage(computed, objective(model, trunk), recomputesBlocks: recomputes),
                schedule: .constant(0.01), accumulation: 2, logging: .every(1),
                evaluation: .every(3), callbacks: [recorder])
        }
        let computed: any CausalLM = trunk ?? model
        let run = try trainer(computed).fit(source, evaluating: source, steps: 12)
        let evaluations = run.history.compactMap { $0["eval_loss"] }
        #expect(recorder.reports.count == 12 && evaluations.count == 4)
        return Outcome(
            numbers: recorder.reports.flatMap { [$0.loss, $0.gradientNorm] } + evaluations,
            weights: model.parameters.map { $0.kept.scalars() },
            computed: trunk?.states.computedTokens ?? 0, kept: trunk?.keptBytes ?? 0)
    }

    /// Expects equal bits with a trunk and without; returns the tokens that it computed.
    private func compare<Source: BatchSource, Loss: Objective>(
        _ source: Source, _ type: ElementType, recomputes: Bool = false,
        _ objective: (DecoderLM, FrozenTrunk?) -> Loss
    ) throws -> Int where Source.Batch == Loss.Batch {
        let plain = try train(
            source, type, keeps: false, recomputes: recomputes, objective)
        let kept = try train(source, type, keeps: true, recomputes: recomputes, objective)
        #expect(kept.numbers == plain.numbers)
        #expect(kept.weights == plain.weights)
        #expect(Set(plain.numbers).count > 12)
        #expect(kept.kept > 0)
        return kept.computed
    }

    private static let samples = ToyData.samples.enumerated().map { index, sample in
        ProcessedSample(
            inputIDs: sample.ids,
            labels: sample.ids.enumerated().map {
                $0.offset < sample.answer ? ProcessedSample.ignored : $0.element
            }, source: .init(file: "toy", line: index + 1))
    }
    private static let tokens = samples.reduce(0) { $0 + $1.inputIDs.count }

    /// Three epochs of four steps, in an order that changes, and the evaluations.
    @Test(arguments: [ElementType.float32, .bfloat16], [1, 3])
    func shuffledBatches(_ type: ElementType, batchSize: Int) throws {
        let source = Epochs(Self.samples, batchSize: batchSize)
        let computed = try compare(source, type) { _, _ in TokenCrossEntropy() }
        #expect(computed == Self.tokens)
    }

    @Test(arguments: [ElementType.float32, .bfloat16])
    func recomputedBlocks(_ type: ElementType) throws {
        let source = Epochs(Self.samples, batchSize: 1)
        let computed = try compare(source, type, recomputes: true) { _, _ in TokenCrossEntropy() }
        #expect(computed == Self.tokens)
    }

    @Test(arguments: [ElementType.float32, .bfloat16])
    func mergedBatchesThatSharePrefixes(_ type: ElementType) throws {
        let source = Epochs(
            Self.samples, batchSize: 1, mergingUpTo: 100, sharesPrefixes: true)
        let computed = try compare(source, type) { _, _ in TokenCrossEntropy() }
        #expect(computed <= Self.tokens)
    }

    @Test(arguments: [ElementType.float32, .bfloat16], [false, true])
    func packedRows(_ type: ElementType, leaking: Bool) throws {
        let lengths = Self.samples.map(\.inputIDs.count)
        let rows = Packing.groups(lengths, capacity: 24).map { group in
            PackedRow(samples: group.map { Self.samples[$0] }, indices: group)
        }
        #expect(rows.contains { $0.samples.count > 1 })
        let source = Epochs(rows, batchSize: 1) { picked, epoch in
            let collator = SupervisedCollator()
            let rows = picked.map(\.sample)
            return leaking
                ? collator.leakingBatch(rows, epoch: epoch)
                : collator.batch(rows: rows, epoch: epoch)
        }
        let computed = try compare(source, type) { _, _ in TokenCrossEntropy() }
        #expect(computed == Self.tokens)
    }

    /// Pairs with their question once, held against a copy of the start that reads what the policy
    /// keeps.
    @Test(arguments: [ElementType.float32, .bfloat16], [false, true])
    func preferencesWithAReference(_ type: ElementType, shares: Bool) throws {
        let start = try TinyModel.make(Self.sizes, storing: type)
        let source = ToyPreferences.pairEpochs(batchSize: 1, shares: shares)
        let computed = try compare(source, type) { _, trunk in
            PreferenceOptimization(
                loss: SigmoidPreference(),
                reference: trunk.map { ModelReference($0.shared(with: start)) }
                    ?? ModelReference(start))
        }
        let tokens = try (0..<8).reduce(0) {
            try $0 + source.batch(epoch: 0, index: $1).tokens.ids.count
        }
        #expect(computed == tokens)
    }

    @Test(arguments: [ElementType.float32, .bfloat16])
    func rewardsAndFeedback(_ type: ElementType) throws {
        _ = try compare(
            ToyPreferences.pairEpochs(batchSize: 1, lastTokens: true, shares: true), type
        ) { _, _ in
            RewardRanking(head: ValueHead(channels: 16, seed: 3))
        }
        let start = try TinyModel.make(Self.sizes, storing: type)
        _ = try compare(ToyPreferences.feedbackEpochs(batchSize: 2), type) { _, trunk in
            FeedbackOptimization(
                reference: trunk.map { ModelReference($0.shared(with: start)) }
                    ?? ModelReference(start))
        }
    }

    /// A run that goes on has a trunk of its own.
    @Test(arguments: [ElementType.float32, .bfloat16], [1, 5, 9])
    func aResumedRun(_ type: ElementType, interruption: Int) throws {
        let folder = try TemporaryFolder()
        func run(_ name: String, keeps: Bool, stopAfter: Int?) throws -> [[Float]] {
            let model = try model(type)
            let (stop, artifact) = (StopFlag(), TrainedModel(model))
            let path = folder.path + "/" + name
            var checkpoint: TrainingCheckpoint?
            if let newest = TrainingCheckpoint.newest(in: path) {
                checkpoint = try TrainingCheckpoint(folder: newest)
                try artifact.restore(from: newest)
            }
            let saver = CheckpointSaver(path, .every(100), saving: artifact)
            func trainer(_ computed: some CausalLM) -> Trainer<TokenBatch> {
                Trainer(
                    ObjectiveStage(computed, TokenCrossEntropy()),
                    schedule: .cosine(peak: 0.01, warmup: 1, total: 12), accumulation: 2,
                    callbacks: [saver, StopAfterSteps(stopAfter, stop)], stop: stop)
            }
            let computed: any CausalLM =
                keeps ? try FrozenTrunk(model, folder: path) : model
            try trainer(computed).fit(
                Epochs(Self.samples, batchSize: 1), steps: 12, resuming: checkpoint)
            return model.parameters.map { $0.kept.scalars() }
        }
        let whole = try run("whole", keeps: false, stopAfter: nil)
        #expect(throws: FledgeError.self) {
            try run("parts", keeps: true, stopAfter: interruption)
        }
        #expect(try run("parts", keeps: true, stopAfter: nil) == whole)
    }

    /// What the file lacks room for ends the run, and not its numbers.
    @Test func aFullDiskEndsTheRun() throws {
        let full = open("/dev/full", O_RDWR)
        try #require(full >= 0)
        let model = try model(.float32)
        let trunk = try FrozenTrunk(
            model, keeping: KeptStates(file: ScratchFile(descriptor: full, folder: "out")))
        let trainer = Trainer(
            ObjectiveStage(trunk, TokenCrossEntropy()), schedule: .constant(0.01))
        let source = Epochs(Self.samples, batchSize: 1)
        let error = #expect(throws: FledgeError.self) { try trainer.fit(source, steps: 2) }
        #expect(error?.code == .fileAccess)
        let evaluated = #expect(throws: FledgeError.self) { try trainer.evaluate(source) }
        #expect(evaluated?.code == .fileAccess)
    }
}

private final class StopAfterSteps: Callback {
    private let steps: Int?
    private let stop: StopFlag

    init(_ steps: Int?, _ stop: StopFlag) { (self.steps, self.stop) = (steps, stop) }

    func didFinishStep(_ report: StepReport, _ run: TrainingRun) {
        if report.step == steps { stop.set() }
    }
}
