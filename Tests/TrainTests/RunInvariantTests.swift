import FledgeAdapters
import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Foundation
import Testing

/// What must not change a run, and what must be reported.
@Suite("Invariants of runs")
struct RunInvariantTests {
    @Test func batchShapeAndAccumulationChangeNoNumber() throws {
        let expected = try losses(batchSize: 2, accumulation: 2, dropout: 0.25)
        for (batchSize, accumulation) in [(1, 4), (4, 1)] {
            let found = try losses(batchSize: batchSize, accumulation: accumulation, dropout: 0.25)
            for (a, b) in zip(expected, found) { #expect(abs(a / b - 1) < 1e-5) }
        }
    }

    @Test func dropoutIsActive() throws {
        let without = try losses(batchSize: 2, accumulation: 2, dropout: 0)
        let with = try losses(batchSize: 2, accumulation: 2, dropout: 0.25)
        #expect(abs(without[0] - with[0]) > 1e-4)
    }

    @Test func twoRanksEqualOne() throws {
        let expected = try losses(batchSize: 2, accumulation: 2, dropout: 0.25)
        let results = try TwoRanks.run { communicator in
            let model = try TinyModel.make()
            try ToyData.attachAdapter(to: model, dropout: 0.25)
            return try ToyData.train(model, rate: 0.01, communicator: communicator).map(\.loss)
        }
        for found in results {
            for (a, b) in zip(expected, found) { #expect(abs(a / b - 1) < 1e-5) }
        }
        #expect(results[0] == results[1])
    }

    @Test func theNumberOfThreadsChangesNoBit() throws {
        let before = Kernels.threads
        defer { Kernels.threads = before }
        Kernels.threads = 1
        let one = try losses(batchSize: 2, accumulation: 2, dropout: 0.25)
        Kernels.threads = 2
        #expect(try losses(batchSize: 2, accumulation: 2, dropout: 0.25) == one)
    }

    @Test(arguments: [1, 2, 3])
    func aResumedRunIsBitEqualToAnUninterruptedOne(_ interruption: Int) throws {
        let folder = try TemporaryFolder()
        func run(_ name: String, stopAfter: Int?) throws -> (weights: [[Float]], run: TrainingRun) {
            let model = try TinyModel.make()
            let adapters = try ToyData.attachAdapter(to: model, dropout: 0.25)
            let stop = StopFlag()
            let saver = CheckpointSaver(folder.path + "/" + name, .every(100), saving: adapters)
            var checkpoint: TrainingCheckpoint?
            if let newest = TrainingCheckpoint.newest(in: folder.path + "/" + name) {
                checkpoint = try TrainingCheckpoint(folder: newest)
                try adapters.restore(from: newest)
            }
            let trainer = Trainer(
                ObjectiveStage(model, TokenCrossEntropy()), optimizer: AdamW(weightDecay: 0.1),
                schedule: .cosine(peak: 0.01, warmup: 1, total: 4), accumulation: 2,
                logging: .every(2), callbacks: [saver, StopAfter(stopAfter, stop)], stop: stop)
            let done = try trainer.fit(ToyData.epochs(), steps: 4, resuming: checkpoint)
            return (adapters.parameters.map { $0.value.scalars() }, done)
        }
        let whole = try run("whole", stopAfter: nil)
        #expect(throws: FledgeError.self) { try run("parts", stopAfter: interruption) }
        let resumed = try run("parts", stopAfter: nil)
        #expect(resumed.run.firstStep == interruption)
        #expect(resumed.weights == whole.weights)
        let logged = { (run: TrainingRun) in run.history.map { $0.values["loss"] } }
        #expect(logged(resumed.run) == logged(whole.run))
        #expect(resumed.run.tokens == whole.run.tokens)
    }

    @Test func aDamagedCheckpointIsRefused() throws {
        let folder = try TemporaryFolder()
        let model = try TinyModel.make()
        let adapters = try ToyData.attachAdapter(to: model)
        let saver = CheckpointSaver(folder.path, .every(4), saving: adapters)
        _ = try ToyData.train(model, rate: 0.01, callbacks: [saver])
        let checkpoint = try #require(TrainingCheckpoint.newest(in: folder.path))
        let path = checkpoint + "/adapter_model.safetensors"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count - 3] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: FledgeError.self) { try TrainingCheckpoint(folder: checkpoint) }
        #expect(error?.code == .fileCorrupt)
        #expect(error?.location?.file == path)
    }

    @Test func onlyTheNewestCheckpointsAreKept() throws {
        let folder = try TemporaryFolder()
        let model = try TinyModel.make()
        let adapters = try ToyData.attachAdapter(to: model)
        let saver = CheckpointSaver(folder.path, .every(1), saving: adapters, keeping: 2)
        _ = try ToyData.train(model, rate: 0.01, callbacks: [saver])
        #expect(
            try Folder.names(in: folder.path, hidden: true) == ["checkpoint-3", "checkpoint-4"])
    }

    @Test func aLossThatIsNoNumberEndsTheRun() throws {
        let model = try TinyModel.make()
        let adapters = try ToyData.attachAdapter(to: model)
        let parameter = adapters.parameters[0]
        parameter.value = Tensor(
            Array(repeating: Float.nan, count: parameter.value.count), shape: parameter.value.shape)
        let error = #expect(throws: FledgeError.self) { try ToyData.train(model, rate: 0.01) }
        #expect(error?.code == .notFinite)
    }

    @Test func aStepWithNothingToLearnEndsTheRun() throws {
        let model = try TinyModel.make()
        try ToyData.attachAdapter(to: model)
        let batches = Epochs([0, 1], batchSize: 1) { _, _ in TokenBatch(sequences: [[4, 5, 6]]) }
        let trainer = Trainer(
            ObjectiveStage(model, TokenCrossEntropy()), schedule: .constant(0.01))
        let error = #expect(throws: FledgeError.self) { try trainer.fit(batches, steps: 1) }
        #expect(error?.code == .data)
    }

    @Test func evaluationIsAMeanOverTokensOrOverBatches() throws {
        let model = try TinyModel.make()
        let stage = ObjectiveStage(model, TokenCrossEntropy())
        let batches = ToyData.epochs(batchSize: 3, shuffles: false)
        let reports = try (0..<batches.batchesPerEpoch).map {
            try stage.evaluate(batches.batch(epoch: 0, index: $0))
        }
        let weighted = reports.map(\.sum).reduce(0, +) / reports.map(\.weight).reduce(0, +)
        let ofBatches = reports.map(\.mean).reduce(0, +) / Double(reports.count)
        #expect(abs(weighted - ofBatches) > 1e-4)
        let means: [(EvaluationMean, Double)] =
            [(.weighted, weighted), (.ofBatches, ofBatches)]
        for (mean, expected) in means {
            let trainer = Trainer(stage, schedule: .constant(0), evaluationMean: mean)
            #expect(abs(try trainer.evaluate(batches).loss - expected) < 1e-9)
        }
    }

    private func losses(batchSize: Int, accumulation: Int, dropout: Double) throws -> [Double] {
        let model = try TinyModel.make()
        try ToyData.attachAdapter(to: model, dropout: dropout)
        return try ToyData.train(
            model, rate: 0.01, batchSize: batchSize, accumulation: accumulation
        ).map(\.loss)
    }
}

/// Asks to stop once a number of steps are done.
private final class StopAfter: Callback {
    private let steps: Int?
    private let stop: StopFlag

    init(_ steps: Int?, _ stop: StopFlag) { (self.steps, self.stop) = (steps, stop) }

    func didFinishStep(_ report: StepReport, _ run: TrainingRun) {
        if report.step == steps { stop.set() }
    }
}
