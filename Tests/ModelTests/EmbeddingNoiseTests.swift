import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

@Suite("Noise on embeddings") struct EmbeddingNoiseTests {
    private let zeros = Tensor(zeros: [9, 400])
    private let batch = TokenBatch(
        ids: Array(0..<9), layout: SequenceLayout(lengths: [4, 5]), samples: [3, 8])

    private func noise(_ batch: TokenBatch, seed: UInt64 = 42, alpha: Double = 5) -> [Double] {
        var pass = ForwardPass(.float32, training: batch, seed: seed)
        pass.embeddingNoise = alpha
        return pass.withNoise(Tensor(zeros: [batch.ids.count, 400])).doubles()
    }

    @Test func itIsUniformInTheBoundOfTheSample() {
        let values = noise(batch)
        for (range, length) in [(0..<4, 4.0), (4..<9, 5.0)] {
            let bound = 5 / (length * 400).squareRoot()
            let part = values[range.lowerBound * 400..<range.upperBound * 400]
            let largest = part.map(abs).max() ?? 0
            #expect(largest <= bound && largest > 0.98 * bound)
            let variance = part.reduce(0) { $0 + $1 * $1 } / Double(part.count)
            #expect(abs(variance / (bound * bound / 3) - 1) < 0.1)
        }
    }

    @Test func drawsAreOfSampleAndPositionAlone() {
        let alone = TokenBatch(
            ids: Array(0..<5), layout: SequenceLayout(lengths: [5]), samples: [8])
        #expect(noise(alone) == Array(noise(batch)[(4 * 400)...]))
        #expect(noise(batch, seed: 1) != noise(batch))
        var next = batch
        next.epoch = 1
        #expect(noise(next) != noise(batch))
    }

    @Test func onlyTrainingHasNoise() throws {
        var pass = ForwardPass(.float32)
        pass.embeddingNoise = 5
        #expect(pass.withNoise(zeros).doubles() == zeros.doubles())
        #expect(noise(batch, alpha: 0) == zeros.doubles())
        let model = try TinyModel.make()
        var training = ForwardPass(.float32, training: batch, seed: 42)
        let plain = model.hiddenStates(batch, training).doubles()
        #expect(plain == model.hiddenStates(batch, ForwardPass(.float32)).doubles())
        training.embeddingNoise = 5
        #expect(model.hiddenStates(batch, training).doubles() != plain)
    }
}
