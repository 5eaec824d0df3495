import FledgeAdapters
import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Foundation
import Testing

/// What must hold when a model's own weights are trained.
@Suite("Full fine-tuning")
struct FullTuningTests {
    /// How weights are kept.
    enum Keeping: CaseIterable {
        case float32, masters, bfloat16Alone

        var type: ElementType { self == .float32 ? .float32 : .bfloat16 }
        func mark(_ model: DecoderLM) {
            model.makeTrainable(keepingMasters: self != .bfloat16Alone)
        }
    }

    private func model(_ keeping: Keeping) throws -> DecoderLM {
        let model = try TinyModel.make(storing: keeping.type)
        keeping.mark(model)
        return model
    }

    private func weights(_ model: DecoderLM) -> [[Float]] {
        model.parameters.map { $0.kept.scalars() }
    }

    @Test(arguments: Keeping.allCases, [1, 3])
    func aResumedRunIsBitEqualToAnUninterruptedOne(_ keeping: Keeping, interruption: Int) throws {
        let folder = try TemporaryFolder()
        func run(_ name: String, stopAfter: Int?) throws -> [[Float]] {
            let model = try model(keeping)
            let (stop, artifact) = (StopFlag(), TrainedModel(model))
            let saver = CheckpointSaver(folder.path + "/" + name, .every(100), saving: artifact)
            var checkpoint: TrainingCheckpoint?
            if let newest = TrainingCheckpoint.newest(in: folder.path + "/" + name) {
                checkpoint = try TrainingCheckpoint(folder: newest)
                try artifact.restore(from: newest)
            }
            let stopper = Stopper(stopAfter, stop)
            let trainer = Trainer(
                ObjectiveStage(model, TokenCrossEntropy()), optimizer: AdamW(weightDecay: 0.1),
                schedule: .cosine(peak: 0.01, warmup: 1, total: 4), accumulation: 2,
                callbacks: [saver, stopper], stop: stop)
            try trainer.fit(ToyData.epochs(), steps: 4, resuming: checkpoint)
            return weights(model)
        }
        let whole = try run("whole", stopAfter: nil)
        #expect(throws: FledgeError.self) { try run("parts", stopAfter: interruption) }
        #expect(try run("parts", stopAfter: nil) == whole)
    }

    @Test(arguments: Keeping.allCases)
    func recomputingChangesNoBit(_ keeping: Keeping) throws {
        func run(_ recomputes: Bool) throws -> [[Float]] {
            let model = try model(keeping)
            let trainer = Trainer(
                ObjectiveStage(model, TokenCrossEntropy(), recomputesBlocks: recomputes),
                schedule: .constant(0.01), accumulation: 2)
            try trainer.fit(ToyData.epochs(), steps: 4)
            return weights(model)
        }
        #expect(try run(false) == run(true))
    }

    @Test(arguments: [ElementType.float32, .bfloat16])
    func recomputingAdaptersWithDropoutChangesNoBit(_ type: ElementType) throws {
        func run(_ recomputes: Bool) throws -> [[Float]] {
            let model = try TinyModel.make(storing: type)
            let adapters = try ToyData.attachAdapter(to: model, dropout: 0.25)
            let trainer = Trainer(
                ObjectiveStage(model, TokenCrossEntropy(), recomputesBlocks: recomputes),
                schedule: .constant(0.01), accumulation: 2)
            try trainer.fit(ToyData.epochs(), steps: 4)
            return adapters.parameters.map { $0.value.scalars() }
        }
        #expect(try run(false) == run(true))
    }

    @Test func batchShapeAndAccumulationChangeNoNumber() throws {
        func losses(_ batchSize: Int, _ accumulation: Int) throws -> [Double] {
            try ToyData.train(
                model(.float32), rate: 0.001, batchSize: batchSize, accumulation: accumulation
            ).map(\.loss)
        }
        let expected = try losses(2, 2)
        for (batchSize, accumulation) in [(1, 4), (4, 1)] {
            for (a, b) in zip(expected, try losses(batchSize, accumulation)) {
                #expect(abs(a / b - 1) < 1e-5)
            }
        }
    }

    @Test(arguments: Keeping.allCases)
    func everyWeightMovesAndRoundsItsMaster(_ keeping: Keeping) throws {
        let (model, before) = (try model(keeping), weights(try model(keeping)))
        _ = try ToyData.train(model, rate: 0.01)
        for (parameter, old) in zip(model.parameters, before) {
            #expect(parameter.kept.scalars() != old, "\(parameter.name)")
            let rounded = parameter.kept.converted(to: parameter.value.elementType)
            #expect(rounded.scalars() == parameter.value.scalars(), "\(parameter.name)")
            let isMatrix = parameter.value.shape.count == 2
            #expect((parameter.master != nil) == (keeping == .masters && isMatrix))
        }
    }

    @Test func mastersFollowFloat32() throws {
        let exact = try ToyData.train(model(.float32), rate: 0.001)
        let narrow = try ToyData.train(model(.masters), rate: 0.001)
        for (a, b) in zip(exact, narrow) { #expect(abs(a.loss / b.loss - 1) < 1e-2) }
    }

    @Test func aTiedTableGetsBothGradients() throws {
        // The head's part reaches every row, the embedding's part those that were looked up.
        var configuration = TinyModel.configuration
        configuration.tieWordEmbeddings = true
        let model = try TinyModel.make(configuration)
        model.makeTrainable()
        let batch = try ToyData.epochs().batch(epoch: 0, index: 0)
        var gradients = Gradients()
        _ = try ObjectiveStage(model, TokenCrossEntropy()).accumulate(batch, into: &gradients)
        let head = try #require(model.head.parameter)
        let table = try #require(gradients[head]).scalars()
        let width = TinyModel.configuration.hiddenSize
        for row in 0..<TinyModel.configuration.vocabularySize {
            #expect(table[(row * width)..<((row + 1) * width)].contains { $0 != 0 })
        }
        let frozen = try TinyModel.make(configuration)
        frozen.makeTrainable { !$0.name.contains("embed") }
        _ = try ObjectiveStage(frozen, TokenCrossEntropy()).accumulate(batch, into: &gradients)
        let untrained = try #require(frozen.head.parameter)
        #expect(gradients[untrained] == nil)
    }

    @Test func aCheckpointOfAnotherModelIsRefused() throws {
        let folder = try TemporaryFolder()
        var other = TinyModel.configuration
        other.intermediateSize = 40
        try TrainedModel(TinyModel.make(other)).save(to: folder.path)
        let error = #expect(throws: FledgeError.self) {
            try TrainedModel(model(.float32)).restore(from: folder.path)
        }
        #expect(error?.code == .mismatch)
    }
}

private final class Stopper: Callback {
    private let steps: Int?
    private let stop: StopFlag

    init(_ steps: Int?, _ stop: StopFlag) { (self.steps, self.stop) = (steps, stop) }

    func didFinishStep(_ report: StepReport, _ run: TrainingRun) {
        if report.step == steps { stop.set() }
    }
}
