import FledgeAdapters
import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Testing

/// An adapter and perhaps a head, as one thing that checkpoints hold.
private struct Both: ModelArtifact {
    let parts: [any ModelArtifact]

    func save(to folder: String) throws { for part in parts { try part.save(to: folder) } }

    func restore(from folder: String) throws {
        for part in parts { try part.restore(from: folder) }
    }
}

/// Whole runs of objectives over answers: what must not change them.
@Suite("Runs of objectives over answers") struct AnswerRunTests {
    private func model() throws -> (DecoderLM, AdapterSet) {
        let model = try TinyModel.make()
        return (model, try ToyData.attachAdapter(to: model, dropout: 0.25))
    }

    private func preferences(_ model: DecoderLM) -> PreferenceOptimization {
        PreferenceOptimization(
            loss: SigmoidPreference(beta: 0.1), reference: PolicyWithoutAdapters(model),
            options: .init(classifierWeight: 0.5))
    }

    /// Asks to stop after some micro-batches.
    private final class StoppingStage<Base: Stage>: Stage where Base.Work == Base.Batch {
        private let base: Base
        private let stop: StopFlag
        private var left: Int?

        init(_ base: Base, after batches: Int?, _ stop: StopFlag) {
            (self.base, self.stop, left) = (base, stop, batches)
        }

        var parameters: [Parameter] { base.parameters }

        func accumulate(
            _ batch: Base.Batch, into gradients: inout Gradients
        ) throws -> LossReport {
            let report = try base.accumulate(batch, into: &gradients)
            left = left.map { $0 - 1 }
            if left == 0 { stop.set() }
            return report
        }

        func evaluate(_ batch: Base.Batch) throws -> LossReport { try base.evaluate(batch) }

        var state: StageState {
            get { base.state }
            set { base.state = newValue }
        }
    }

    /// A run with checkpoints in a folder, which goes on where one is.
    ///
    /// - Parameter stopAfter: Micro-batches after which it is asked to stop, of which a step has two.
    private func run<Loss: Objective, Source: BatchSource>(
        _ folder: String, _ batches: Source, stopAfter: Int?,
        _ make: (DecoderLM) -> (Loss, ValueHead?)
    ) throws -> (losses: [Double], weights: [[Float]]) where Source.Batch == Loss.Batch {
        let (model, adapters) = try model()
        let (objective, head) = make(model)
        let stop = StopFlag()
        var checkpoint: TrainingCheckpoint?
        if let newest = TrainingCheckpoint.newest(in: folder) {
            checkpoint = try TrainingCheckpoint(folder: newest)
            try adapters.restore(from: newest)
            try head?.restore(from: newest)
        }
        let saver = CheckpointSaver(
            folder, .every(100), saving: Both(parts: [adapters] + (head.map { [$0] } ?? [])))
        let recorder = StepRecorder()
        let stage = StoppingStage(ObjectiveStage(model, objective), after: stopAfter, stop)
        let trainer = Trainer(
            stage, schedule: .linear(peak: 0.01, total: 4), accumulation: 2, logging: .every(1),
            callbacks: [recorder, saver], stop: stop)
        try trainer.fit(batches, steps: 4, resuming: checkpoint)
        return (recorder.reports.map(\.loss), stage.parameters.map { $0.value.scalars() })
    }

    /// The classifier's baseline and the head go through the checkpoint; so do dropout's draws. What was
    /// done of the step that is dropped leaves nothing behind.
    @Test(arguments: [2, 3, 6, 7]) func resumedRunsHaveTheSameBits(_ interruption: Int) throws {
        let folder = try TemporaryFolder()
        let pairs = { (model: DecoderLM) in (preferences(model), nil as ValueHead?) }
        func expectSame<Loss: Objective, Source: BatchSource>(
            _ name: String, _ batches: Source, _ make: (DecoderLM) -> (Loss, ValueHead?)
        ) throws where Source.Batch == Loss.Batch {
            let whole = try run("\(folder.path)/\(name)-whole", batches, stopAfter: nil, make)
            let parts = "\(folder.path)/\(name)-parts"
            #expect(throws: FledgeError.self) {
                try run(parts, batches, stopAfter: interruption, make)
            }
            let resumed = try run(parts, batches, stopAfter: nil, make)
            #expect(resumed.weights == whole.weights, "\(name)")
            #expect(resumed.losses == Array(whole.losses.suffix(4 - interruption / 2)), "\(name)")
        }
        try expectSame("pairs", ToyPreferences.pairEpochs(shares: true), pairs)
        try expectSame("feedback", ToyPreferences.feedbackEpochs()) {
            (FeedbackOptimization(reference: PolicyWithoutAdapters($0)), nil)
        }
        try expectSame("rewards", ToyPreferences.pairEpochs(lastTokens: true)) { _ in
            let head = ValueHead(channels: 16, seed: 1)
            return (RewardRanking(head: head), head)
        }
    }

    @Test func theNumberOfThreadsChangesNoBit() throws {
        let before = Kernels.threads
        defer { Kernels.threads = before }
        func losses(_ threads: Int) throws -> [[Double]] {
            Kernels.threads = threads
            let (first, second) = (try model().0, try model().0)
            let tokens: [any Objective<TokenBatch>] = [
                DynamicFineTuning(), EntropyAdaptiveFineTuning(),
                SmoothedCrossEntropy(smoothing: 0.1),
                AnchoredFineTuning(reference: ModelReference(try TinyModel.make())),
            ]
            func run(_ objective: some Objective<TokenBatch>) throws -> [Double] {
                try ToyPreferences.train(try model().0, objective, ToyData.epochs()).map(\.loss)
            }
            return try [
                ToyPreferences.train(
                    first, preferences(first), ToyPreferences.pairEpochs(shares: true)
                ).map(\.loss),
                ToyPreferences.train(
                    second, FeedbackOptimization(reference: PolicyWithoutAdapters(second)),
                    ToyPreferences.feedbackEpochs()
                ).map(\.loss),
            ] + tokens.map { try run($0) }
        }
        #expect(try losses(1) == losses(2))
    }

    /// Micro-batches of one pair, of two, and all at once are one run.
    @Test func batchShapeAndAccumulationChangeNoNumber() throws {
        func losses(_ batchSize: Int, _ accumulation: Int) throws -> [Double] {
            let model = try model().0
            let objective = PreferenceOptimization(
                loss: SigmoidPreference(beta: 0.1), reference: PolicyWithoutAdapters(model))
            let recorder = StepRecorder()
            let trainer = Trainer(
                ObjectiveStage(model, objective), schedule: .linear(peak: 0.01, total: 4),
                accumulation: accumulation, callbacks: [recorder])
            try trainer.fit(ToyPreferences.pairEpochs(batchSize: batchSize, shares: true), steps: 4)
            return recorder.reports.map(\.loss)
        }
        let expected = try losses(2, 2)
        for (batchSize, accumulation) in [(1, 4), (4, 1)] {
            for (a, b) in zip(try losses(batchSize, accumulation), expected) {
                #expect(abs(a / b - 1) < 1e-6)
            }
        }
    }
}
