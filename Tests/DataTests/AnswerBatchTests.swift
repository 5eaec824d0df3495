import FledgeCore
import FledgeData
import Testing

/// How pairs and feedback become batches.
@Suite("Batches of answers") struct AnswerBatchTests {
    private func sample(_ prompt: [Int32], _ answer: [Int32], weights: [Float]? = nil)
        -> ProcessedSample
    {
        ProcessedSample(
            inputIDs: prompt + answer,
            labels: prompt.map { _ in ProcessedSample.ignored } + answer, weights: weights,
            source: .init(file: "toy"))
    }

    private let prompt: [Int32] = [1, 2, 3, 4, 5, 6, 7, 8, 9]

    private func pair(_ better: [Int32], _ worse: [Int32]) -> PairwiseSample {
        PairwiseSample(
            chosen: sample(prompt, better), rejected: sample(prompt, worse),
            promptCount: prompt.count)
    }

    /// (sample, predicting token's id, target) of every prediction.
    private func predictions(_ batch: TokenBatch) -> [[Int32]] {
        let supervision = batch.supervision
        return supervision.rows.indices.map {
            [
                supervision.samples[$0], batch.ids[Int(supervision.rows[$0])],
                supervision.targets[$0],
            ]
        }
    }

    @Test(arguments: [false, true]) func pairs(shared: Bool) {
        let batch = PreferenceCollator(sharesPrefixes: shared).batch(
            [pair([10, 11], [10, 12, 13]), pair([14], [15])], indices: [7, 3], epoch: 2)
        #expect(batch.pairCount == 2 && batch.tokens.epoch == 2)
        #expect(batch.answers.indices == [14, 6, 15, 7])
        #expect(batch.answers.answerLengths == [2, 1, 3, 1])
        #expect(
            predictions(batch.tokens) == [
                [0, 9, 10], [0, 10, 11], [1, 9, 14], [2, 9, 10], [2, 10, 12], [2, 12, 13],
                [3, 9, 15],
            ])
        #expect(batch.tokens.ids.count == (shared ? 9 + 2 + 1 + 3 + 1 : 4 * 9 + 7))
        #expect(batch.tokens.tokenCount == 4 * 9 + 7)
        for (leaf, last) in zip(batch.answers.leaves, [11, 14, 13, 15]) {
            let path = batch.tokens.layout.ranges(to: leaf).joined().map { batch.tokens.ids[$0] }
            #expect(path.prefix(9) == prompt[...] && path.last == Int32(last))
        }
    }

    @Test(arguments: [false, true]) func lastTokens(shared: Bool) {
        // One answer is the beginning of the other: its last token is inside of what they share.
        let collator = PreferenceCollator(lastTokens: true, sharesPrefixes: shared)
        let batch = collator.batch([pair([10], [10, 11, 12]), pair([20, 21], [22])])
        #expect(predictions(batch.tokens).map { $0[1] } == [10, 21, 12, 22])
        #expect(batch.tokens.supervision.samples == [0, 1, 2, 3])
        #expect(batch.answers.indices == [0, 2, 1, 3])
    }

    @Test func pairsWithoutTokensAreLeftOut() {
        var empty = pair([10], [11])
        empty.rejected = sample([], [])
        let batch = PreferenceCollator().batch([empty, pair([10], [11])], indices: [4, 5])
        #expect(batch.pairCount == 1 && batch.answers.indices == [10, 11])
        #expect(PreferenceCollator(sharesPrefixes: true).batch([empty]).pairCount == 0)
    }

    @Test func answersCutToNothingHaveNoPredictions() {
        let batch = PreferenceCollator(sharesPrefixes: true).batch([pair([], [10, 11])])
        #expect(batch.answers.answerLengths == [0, 2])
    }

    @Test(arguments: [false, true]) func feedback(shared: Bool) {
        let rows = [
            FeedbackSample(
                target: sample(prompt, [10, 11]), mismatched: sample(prompt, [14]),
                isDesirable: true),
            FeedbackSample(
                target: sample([30] + prompt, [12]), mismatched: sample([30] + prompt, [13, 15]),
                isDesirable: false),
        ]
        let batch = FeedbackCollator(sharesPrefixes: shared).batch(rows, indices: [5, 9])
        #expect(batch.isDesirable == [true, false] && batch.rowCount == 2)
        #expect(batch.answers.indices == [10, 18, 11, 19])
        #expect(batch.answers.answerLengths == [2, 1, 1, 2])
        #expect(batch.tokens.layout.hasSharedSegments == shared)
        #expect(
            predictions(batch.tokens) == [
                [0, 9, 10], [0, 10, 11], [1, 9, 12], [2, 9, 14], [3, 9, 13], [3, 13, 15],
            ])
        #expect((batch.answers.part(0..<2) == nil) == shared)
    }

    /// Long answers behind a short question: forward alone is less work than sharing the question.
    @Test func feedbackSharesWhereThatIsLessWork() {
        let row = FeedbackSample(
            target: sample(prompt, Array(20..<60)), mismatched: sample(prompt, Array(60..<100)),
            isDesirable: true)
        let batch = FeedbackCollator(sharesPrefixes: true).batch([row])
        #expect(!batch.tokens.layout.hasSharedSegments)
        #expect(batch == FeedbackCollator().batch([row]))
    }

    /// Adapters' backward pass is half of that of all weights, so that sharing is worth it earlier.
    @Test(arguments: [(20, true, true), (40, false, true), (70, false, false)])
    func whatSharingIsWorthFollowsFromWhatIsTrained(_ count: Int, weights: Bool, adapters: Bool) {
        let question = (0..<30).map { Int32($0) }
        let answers = [100, 200].map { first in (first..<first + count).map { Int32($0) } }
        let row = FeedbackSample(
            target: sample(question, answers[0]), mismatched: sample(question, answers[1]),
            isDesirable: true)
        for (trainsWeights, shares) in [(true, weights), (false, adapters)] {
            let batch = FeedbackCollator(sharesPrefixes: true, trainsWeights: trainsWeights)
                .batch([row])
            #expect(batch.tokens.layout.hasSharedSegments == shares)
        }
    }

    /// What is said of a row is what a batch of it has.
    @Test(arguments: [false, true], [1, 4, 5, 40]) func feedbackIsCounted(
        shared: Bool, answer: Int
    ) {
        let row = FeedbackSample(
            target: sample(prompt, [10, 11]),
            mismatched: sample(prompt, (0..<answer).map { Int32(20 + $0) }), isDesirable: true)
        let collator = FeedbackCollator(sharesPrefixes: shared)
        let count = collator.tokenCount(of: row)
        #expect(count == collator.batch([row]).tokens.ids.count)
        let apart = 2 * prompt.count + 2 + answer
        // Shared where the question has more tokens than the other answer.
        #expect(count == (shared && answer < prompt.count ? apart - prompt.count : apart))
    }

    @Test func partsAreBatchesOfTheirOwn() throws {
        let rows = [1, 2].map { number in
            FeedbackSample(
                target: sample([Int32(number), 8], [10, 11]),
                mismatched: sample([Int32(number), 8], [12]), isDesirable: true)
        }
        let batch = FeedbackCollator().batch(rows, indices: [5, 9], epoch: 3)
        let (own, others) = (
            try #require(batch.answers.part(0..<2)), try #require(batch.answers.part(2..<4))
        )
        #expect(own.tokens.ids == [1, 8, 10, 11, 2, 8, 10, 11])
        #expect(others.tokens.ids == [1, 8, 12, 2, 8, 12])
        #expect(predictions(others.tokens) == [[0, 8, 12], [1, 8, 12]])
        #expect(others.indices == [11, 19] && others.tokens.samples == [11, 19])
        #expect(own.tokens.epoch == 3 && own.answerLengths == [2, 2])
    }

    @Test(arguments: [false, true]) func weightsOfAnswersAreKept(shared: Bool) {
        var row = pair([10, 11], [12])
        row.chosen.weights = Array(repeating: 0.5, count: 11)
        let batch = PreferenceCollator(sharesPrefixes: shared).batch([row])
        #expect(batch.tokens.supervision.weights == [0.5, 0.5, 1])
        #expect(batch.answers.answerLengths == [1, 1])
    }
}
