import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Foundation
import Testing

/// Numbers that are none are found, named by their cause, and never saved.
@Suite struct SpoiledNumberTests {
    private func sample(_ count: Int, learned: Bool = true) -> ProcessedSample {
        let ids = (0..<count).map { Int32($0 % 20 + 1) }
        return ProcessedSample(
            inputIDs: ids, labels: learned ? ids : ids.map { _ in -100 },
            source: .init(file: "rows.json"))
    }

    private func trainer(
        _ model: DecoderLM, rate: Double = 0.01, evaluation: Interval = .never,
        callbacks: [any Callback] = []
    ) -> Trainer<TokenBatch> {
        Trainer(
            ObjectiveStage(model, TokenCrossEntropy()), schedule: .constant(rate),
            evaluation: evaluation, callbacks: callbacks)
    }

    private func model() throws -> DecoderLM {
        let model = try TinyModel.make()
        for parameter in model.parameters { parameter.isTrainable = true }
        return model
    }

    @Test func everyPlaceAndKindIsFound() {
        for count in [1, 7, 4095, 4096, 4097, 10_000] {
            let plain = (0..<count).map { Float($0) * 1e30 - 1e34 }
            #expect(Tensor(plain, shape: [count]).isFinite)
            for place in Set([0, count / 2, count - 1]) {
                for wrong in [Float.nan, .infinity, -.infinity, .signalingNaN] {
                    var spoiled = plain
                    spoiled[place] = wrong
                    let tensor = Tensor(spoiled, shape: [count])
                    #expect(!tensor.isFinite, "\(count) \(place)")
                    #expect(!tensor.converted(to: .bfloat16).isFinite)
                }
            }
        }
        let limits: [Float] = [.greatestFiniteMagnitude, -.leastNonzeroMagnitude, -0.0, 0]
        #expect(Tensor(limits, shape: [4]).isFinite)
        #expect(
            FiniteCheck.firstSpoiled([
                (name: "a", tensor: Tensor([Float(1)], shape: [1])),
                (name: "b", tensor: Tensor([Float.nan], shape: [1])),
            ]) == "b")
    }

    @Test func adviceFollowsTheCause() throws {
        let folder = try TemporaryFolder()
        let batches = Epochs([sample(6), sample(5)], batchSize: 1)
        let damaged = try model()
        damaged.parameters[1].value = Tensor(
            [Float](repeating: .nan, count: damaged.parameters[1].value.count),
            shape: damaged.parameters[1].value.shape)
        let first = #expect(throws: FledgeError.self) {
            _ = try trainer(damaged).fit(batches, steps: 2)
        }
        #expect(first?.code == .notFinite && first?.advice.contains("were loaded") == true)
        #expect(first?.advice.contains("Lower learning_rate") == false)
        #expect(first?.advice.contains(damaged.parameters[1].name) == true)
        // A rate that spoils the weights: its last checkpoint is marked and left out.
        let model = try self.model()
        let saver = CheckpointSaver(folder.path, .every(1), saving: TrainedModel(model))
        let later = #expect(throws: FledgeError.self) {
            _ = try trainer(model, rate: 1e20, callbacks: [saver]).fit(batches, steps: 6)
        }
        #expect(later?.code == .notFinite)
        #expect(later?.advice.contains("Lower learning_rate") == true, "\(later?.advice ?? "")")
        #expect(TrainingCheckpoint.newest(in: folder.path) == nil)
    }

    @Test func nothingSpoiledIsSaved() throws {
        let folder = try TemporaryFolder()
        let model = try model()
        let saver = CheckpointSaver(folder.path, .every(1), saving: TrainedModel(model))
        let error = #expect(throws: FledgeError.self) {
            _ = try trainer(model, rate: .greatestFiniteMagnitude, callbacks: [saver]).fit(
                Epochs([sample(6)], batchSize: 1), steps: 1)
        }
        #expect(error?.code == .notFinite && error?.message.contains("nothing is saved") == true)
        #expect(try Folder.names(in: folder.path, hidden: true).isEmpty)
    }

    @Test func anEvaluationOfNothingIsAnError() throws {
        let model = try model()
        for samples in [[], [sample(5, learned: false)]] {
            let error = #expect(throws: FledgeError.self) {
                _ = try trainer(model).evaluate(Epochs(samples, batchSize: 2, shuffles: false))
            }
            #expect(error?.message.contains("of \(samples.count) evaluation rows") == true)
        }
        #expect(
            try trainer(model).evaluate(
                Epochs([sample(5, learned: false), sample(5)], batchSize: 1, shuffles: false)
            ).loss > 0)
    }
}
