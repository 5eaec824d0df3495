import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Testing

/// Sharing what samples begin with, and putting micro-batches together, changes no number.
@Suite("Shared prefixes in training")
struct SharedPrefixTests {
    /// Samples with a system prompt, some with a common question, two equal ones, one by itself;
    /// with `prompts`, prompts are learned too, so shared rows are supervised.
    private func samples(learningPrompts: Bool) -> [ProcessedSample] {
        func words(_ count: Int, _ seed: Int) -> [Int32] {
            (0..<count).map { Int32((seed * 7 + $0 * $0 * 3 + $0) % 20 + 4) }
        }
        let (system, question) = (words(12, 1), words(9, 2))
        let rows: [(prompt: [Int32], answer: [Int32])] = [
            (system + words(5, 3), words(4, 4)), (system + question, words(6, 5)),
            (words(3, 6), words(3, 7)), (system + question, words(2, 8)),
            (system + question, words(6, 5)), (system, words(7, 9)),
        ]
        return rows.map { prompt, answer in
            let ignored = prompt.map { _ in ProcessedSample.ignored }
            return ProcessedSample(
                inputIDs: prompt + answer,
                labels: learningPrompts ? prompt + answer : ignored + answer,
                source: .init(file: "toy"))
        }
    }

    @Test(arguments: [false, true]) func lossAndGradientsAreEqual(learningPrompts: Bool) throws {
        let samples = samples(learningPrompts: learningPrompts)
        for type in [ElementType.float32, .float64] {
            let model = try TinyModel.make(storing: type)
            for parameter in model.parameters { parameter.isTrainable = true }
            let stage = ObjectiveStage(model, TokenCrossEntropy())
            func run(_ shares: Bool) throws -> (LossReport, Gradients, TokenBatch) {
                let batch = SupervisedCollator(
                    quirks: [.unshiftedLabelCount], sharesPrefixes: shares
                ).batch(samples)
                var gradients = Gradients()
                return (try stage.accumulate(batch, into: &gradients), gradients, batch)
            }
            let (apart, expected, whole) = try run(false)
            let (shared, found, forest) = try run(true)
            #expect(forest.ids.count == whole.ids.count - 4 * 12 - 2 * 9)
            #expect(shared.tokens == apart.tokens && apart.tokens == whole.ids.count)
            #expect(shared.weight == apart.weight)
            let tolerance = type == .float32 ? 1e-6 : 1e-12
            #expect(abs(shared.sum / apart.sum - 1) < tolerance)
            for parameter in model.parameters {
                let (a, b) = (try #require(found[parameter]), try #require(expected[parameter]))
                #expect(Closeness(a, b).isWithin(tolerance * 4), "\(parameter.name)")
            }
        }
    }

    /// What two samples predict alike is one prediction of weight 2, and nothing is predicted twice.
    @Test func equalPredictionsAreOne() {
        let batch = SupervisedCollator(sharesPrefixes: true)
            .batch(samples(learningPrompts: true), indices: [10, 11, 12, 13, 14, 15])
        let places = zip(batch.supervision.rows, batch.supervision.targets).map { [$0, $1] }
        #expect(Set(places).count == places.count)
        #expect(batch.supervision.weights.contains(5) && batch.supervision.weights.contains(2))
        #expect(batch.supervision.totalWeight == 20 + 26 + 5 + 22 + 26 + 18)
        #expect(batch.samples.allSatisfy { (10...15).contains($0) })
    }

    @Test func aBatchWithoutCommonPrefixesIsAsItWas() {
        let apart = Array(samples(learningPrompts: false)[1...2])
        #expect(
            SupervisedCollator(sharesPrefixes: true).batch(apart)
                == SupervisedCollator().batch(apart))
    }

    /// Six steps with everything on against none of it; and sharing is seen to happen.
    @Test func aWholeRunIsEqual() throws {
        func run(
            merging limit: Int?, sharing: Bool, dropout: Double = 0
        ) throws -> [StepReport] {
            let model = try TinyModel.make()
            try ToyData.attachAdapter(to: model, dropout: dropout)
            let recorder = StepRecorder()
            let trainer = Trainer(
                ObjectiveStage(model, TokenCrossEntropy()), schedule: .constant(0.01),
                accumulation: 3, callbacks: [recorder])
            let batches = Epochs(
                samples(learningPrompts: false), batchSize: 1, mergingUpTo: limit,
                sharesPrefixes: sharing)
            try trainer.fit(batches, steps: 6)
            return recorder.reports
        }
        func expectEqual(_ found: [StepReport], _ expected: [StepReport]) {
            #expect(found.count == 6 && expected.count == 6)
            for (a, b) in zip(found, expected) {
                #expect(abs(a.loss / b.loss - 1) < 1e-6)
                #expect(abs(a.gradientNorm / b.gradientNorm - 1) < 1e-5)
                #expect(a.tokens == b.tokens)
            }
        }
        let plain = try run(merging: nil, sharing: false)
        expectEqual(try run(merging: 1000, sharing: true), plain)
        expectEqual(try run(merging: 50, sharing: true), plain)
        expectEqual(try run(merging: 1000, sharing: false), plain)
        // Draws of dropout belong to samples, so batches that are put together keep them.
        let dropped = try run(merging: nil, sharing: false, dropout: 0.25)
        expectEqual(try run(merging: 1000, sharing: false, dropout: 0.25), dropped)
        #expect(abs(dropped[0].loss - plain[0].loss) > 1e-4)
    }

    @Test func smallBatchesOfAStepArePutTogether() throws {
        let samples = samples(learningPrompts: false)
        let batches = Epochs(
            samples, batchSize: 1, shuffles: false, mergingUpTo: 60, sharesPrefixes: true)
        let merged = try batches.batches(epoch: 0, indices: [0, 1, 2, 3])
        #expect(merged.map(\.samples) == [[0, 0, 1, 2], [3]])
        #expect(merged.map(\.tokenCount) == [54, 23])
        #expect(merged.map(\.ids.count) == [42, 23])
        #expect(try batches.batches(epoch: 0, indices: []).isEmpty)
        let alone = Epochs(samples, batchSize: 1, shuffles: false)
        #expect(try alone.batches(epoch: 0, indices: [0, 1]).map(\.ids.count) == [21, 27])
    }
}
