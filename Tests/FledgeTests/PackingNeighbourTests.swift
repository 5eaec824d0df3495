import Fledge
import FledgeTesting
import Foundation
import Testing

/// Packed samples cannot leak: what one learns does not depend on which others are in its row.
@Suite struct PackingNeighbourTests {
    /// A sample of which every token is learned.
    private func sample(_ ids: [Int32], learned: Bool) -> ProcessedSample {
        ProcessedSample(
            inputIDs: ids, labels: learned ? ids : ids.map { _ in ProcessedSample.ignored },
            source: .init(file: "row"))
    }

    /// Some tokens that follow from a number.
    private func ids(_ seed: Int, count: Int, below limit: Int) -> [Int32] {
        (0..<count).map { Int32((seed * 7919 + $0 * 104_729 + $0 * $0 * 31) % limit) }
    }

    /// The loss of a sample between others, and the gradients that it gives a model's adapters.
    private func learn(
        _ model: DecoderLM, _ own: [Int32], before: [[Int32]], after: [[Int32]]
    ) throws -> (loss: Double, gradients: [[Float]]) {
        let row =
            before.map { sample($0, learned: false) } + [sample(own, learned: true)]
            + after.map { sample($0, learned: false) }
        let batch = SupervisedCollator().batch(row, indices: Array(row.indices))
        let stage = ObjectiveStage(model, TokenCrossEntropy())
        var gradients = Gradients()
        let report = try stage.accumulate(batch, into: &gradients)
        #expect(report.weight == Double(own.count - 1))
        return (report.sum, stage.parameters.compactMap { gradients[$0]?.scalars() })
    }

    private func check(_ model: DecoderLM, _ type: ElementType, vocabulary: Int) throws {
        let own = ids(1, count: 23, below: vocabulary)
        func others(_ seed: Int, _ lengths: [Int]) -> [[Int32]] {
            lengths.enumerated().map { ids(seed + $0.offset, count: $0.element, below: vocabulary) }
        }
        let expected = try learn(model, own, before: others(2, [17, 5]), after: others(8, [11]))
        // Other neighbours of the same lengths: the same bits.
        let same = try learn(model, own, before: others(20, [17, 5]), after: others(31, [11]))
        #expect(same.loss == expected.loss && same.gradients == expected.gradients)
        // Of other lengths, at other places, or none.
        for (before, after) in [([], []), ([40], []), ([], [3, 3, 3]), ([1, 70], [2])] {
            let found = try learn(model, own, before: others(50, before), after: others(90, after))
            if type == .bfloat16 {
                #expect(found.loss == expected.loss, "\(before) \(after)")
            } else {
                #expect(abs(found.loss / expected.loss - 1) < 1e-6, "\(before) \(after)")
            }
            for (a, b) in zip(found.gradients, expected.gradients) {
                let scale = b.map(abs).max() ?? 0
                let difference = zip(a, b).map { abs($0 - $1) }.max() ?? 0
                #expect(difference <= scale * (type == .bfloat16 ? 1e-2 : 1e-5))
            }
        }
        // What a leak would look like: neighbours that are learned change the loss.
        let leaking = SupervisedCollator().leakingBatch([
            PackedRow(
                samples: [sample(ids(2, count: 17, below: vocabulary), learned: false)]
                    + [sample(own, learned: true)], indices: [0, 1])
        ])
        var gradients = Gradients()
        let leak = try ObjectiveStage(model, TokenCrossEntropy())
            .accumulate(leaking, into: &gradients)
        #expect(abs(leak.sum / leak.weight - expected.loss / 22) > 1e-4)
    }

    /// Where samples see those before them, each draws for itself alone all the same.
    @Test func samplesThatSeeOthersHaveDrawsOfTheirOwn() throws {
        let rows = [
            PackedRow(
                samples: [sample([4, 5, 6], learned: true), sample([7, 8], learned: true)],
                indices: [3, 9])
        ]
        func keys(_ batch: TokenBatch) -> [UInt64]? {
            ForwardPass(.float32, training: batch, seed: 1).dropout(0.5, at: "x")?.rowKeys
        }
        let leaking = SupervisedCollator().leakingBatch(rows)
        #expect(leaking.layout.hasSharedSegments && !leaking.layout.hasSharedTokens)
        #expect(keys(leaking) == keys(SupervisedCollator().batch(rows: rows)))
        let shared = PrefixForest([[4, 5, 6], [4, 5, 6, 7]], minimumLength: 1).layout
        #expect(shared.hasSharedTokens)
        // A whole step, with adapters' dropout and noise on embeddings.
        let model = try TinyModel.make()
        _ = try model.attach(
            LoRA(rank: 4, alpha: 8, dropout: 0.3, targets: .allLinear), seed: 3)
        var gradients = Gradients()
        let report = try ObjectiveStage(model, TokenCrossEntropy(), embeddingNoise: 5)
            .accumulate(leaking, into: &gradients)
        #expect(report.sum.isFinite && report.weight == 4)
    }

    @Test(arguments: [ElementType.float32, .bfloat16])
    func theLossOfASampleDoesNotChangeWithItsNeighbours(_ type: ElementType) throws {
        let model = try TinyModel.make(storing: type)
        _ = try model.attach(LoRA(rank: 4, alpha: 8, targets: .allLinear), seed: 3)
        try check(model, type, vocabulary: TinyModel.configuration.vocabularySize)
    }

    @Test(
        .enabled(if: CachedModel.path != nil, "fetch the default model"),
        arguments: [ElementType.float32, .bfloat16])
    func norDoesThatOfSmolLM2(_ type: ElementType) throws {
        let model = try Checkpoint(path: try #require(CachedModel.path)).causalLM(storing: type)
        _ = try model.attach(LoRA(rank: 4, alpha: 8, targets: .allLinear), seed: 3)
        try check(model, type, vocabulary: 40_000)
    }
}
