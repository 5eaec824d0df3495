import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// Numbers of the reference's own runs of the toy model.
@Suite("The toy model against the reference")
struct ToyModelTests {
    @Test func weightsFollowFromTheirNames() {
        let head = TinyModel.tensor("lm_head.weight", [24, 16]).scalars()
        for (value, expected) in zip(head, [0.0083927, 0.0568035, 0.0830328, 0.1816403]) {
            #expect(abs(Double(value) - expected) < 1e-7)
        }
        let norm = TinyModel.tensor("model.norm.weight", [16]).scalars()
        #expect(abs(norm[0] - 0.9499205) < 1e-6 && abs(norm[2] - 1.0755851) < 1e-6)
    }

    @Test(arguments: [ElementType.float32, .float64])
    func logitsAreThoseOfTheReference(_ type: ElementType) throws {
        let model = try TinyModel.make(storing: type)
        let ids: [Int32] = [1, 4, 5, 6, 7]
        let hidden = model.hiddenStates(
            ids, layout: SequenceLayout(lengths: [5]), ForwardPass(type))
        let scores = logits(hidden, head: model.head).scalars()
        let last = [-0.0127785, 0.1255223, 0.4408577, -1.1097572, 0.427536, -0.7860851]
        let first = [-0.1204071, 0.5660182, -0.2308033, -0.955622]
        for (value, expected) in zip(scores[(4 * 24)...], last) {
            #expect(abs(Double(value) - expected) < 2e-6)
        }
        for (value, expected) in zip(scores, first) {
            #expect(abs(Double(value) - expected) < 2e-6)
        }
    }

    @Test(arguments: [
        ([3, 4, 5, 6, 2, 3], [4, 4, 4, 4, 4, 4, 4, 4]),
        ([3, 10, 11, 2, 3], [15, 4, 4, 4, 4, 4, 4, 4]),
    ]) func greedyAnswersAreThoseOfTheReference(_ prompt: [Int32], _ answer: [Int32]) throws {
        let generator = TokenGenerator(try TinyModel.make())
        let result = try generator.generate(prompt, .greedy(maxNewTokens: 8))
        #expect(result.ids == answer)
        #expect(result.finishReason == .length)
    }

    @Test func packedSequencesDoNotSeeEachOther() throws {
        let model = try TinyModel.make()
        let sequences: [[Int32]] = [[1, 4, 5], [6], [], [7, 8, 9, 10]]
        let batch = TokenBatch(sequences: sequences)
        let packed = model.hiddenStates(batch, ForwardPass(.float32)).scalars()
        for (segment, ids) in zip(batch.layout.segments, sequences) {
            let alone = model.hiddenStates(
                TokenBatch(sequences: [ids]), ForwardPass(.float32)
            ).scalars()
            let part = packed[(segment.start * 16)..<((segment.start + segment.length) * 16)]
            for (a, b) in zip(alone, part) { #expect(abs(a - b) < 1e-5) }
        }
    }

    @Test func theCacheGivesWhatTheWholeSequenceGives() throws {
        let model = try TinyModel.make()
        let ids: [Int32] = [1, 4, 5, 6, 7, 9]
        let whole = model.hiddenStates(
            ids, layout: SequenceLayout(lengths: [6]), ForwardPass(.float32)
        ).scalars()
        let cache = model.makeCache(capacity: 6)
        var stepwise = model.hiddenStates([1, 4, 5], cache: cache, ForwardPass(.float32)).scalars()
        for id in ids[3...] {
            stepwise += model.hiddenStates([id], cache: cache, ForwardPass(.float32)).scalars()
        }
        for (a, b) in zip(whole, stepwise) { #expect(abs(a - b) < 1e-5) }
    }

    @Test func dynamicScalingLeavesRoomForLongerTexts() throws {
        var dynamic = TinyModel.configuration
        (dynamic.maxPositions, dynamic.ropeScaling) = (8, .dynamic(factor: 2))
        #expect(dynamic.contextLength == 16)
    }
}
