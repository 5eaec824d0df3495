import Fledge
import FledgeTesting
import Testing

/// The largest micro-batches are those of the run: every one is made and counted here.
@Suite struct LargestBatchesTests {
    /// Rows of 20 to 300 tokens, half of them learned, whose samples begin with the same ones.
    private func rows(_ count: Int, shared: Int) -> [PackedRow] {
        (0..<count).map { index in
            var random = KeyedGenerator(RandomKey(seed: 7).appending(index))
            let length = shared + 20 + Int(random.next() % 280)
            let ids = (0..<length).map { place in
                place < shared ? Int32(place) : Int32(1000 * (index + 1) + place)
            }
            let labels = ids.enumerated().map { $0.offset < length / 2 ? -100 : $0.element }
            return PackedRow(
                samples: [
                    ProcessedSample(inputIDs: ids, labels: labels, source: .init(file: "rows"))
                ], indices: [index])
        }
    }

    private func rule(
        _ batchSize: Int, sharesPrefixes: Bool = false
    ) -> BatchRule<PackedRow, TokenBatch> {
        BatchRule(batchSize: batchSize, length: \.length) { picked, epoch in
            SupervisedCollator(sharesPrefixes: sharesPrefixes).batch(
                rows: picked.map(\.sample), epoch: epoch)
        }
    }

    private func sizes(_ rows: [PackedRow]) -> [LargestBatches.Size] {
        rows.map { .init(tokens: $0.length, supervised: $0.supervisedCount) }
    }

    @Test(arguments: [false, true], [1, 3]) func agreeWithWhatIsMade(
        sharesPrefixes: Bool, batchSize: Int
    ) throws {
        let rows = rows(40, shared: 60)
        var rule = rule(batchSize, sharesPrefixes: sharesPrefixes)
        rule.mergingLimit = 500
        let epochs = rule.epochs(rows, seed: 3)
        for steps in [1, 2, 5, 40] {
            let plan = TrainingPlan(
                batchesPerEpoch: epochs.batchesPerEpoch, accumulation: 4, steps: steps)
            let found = try #require(
                LargestBatches(epochs, plan, sizes: sizes(rows), sharesPrefixes: sharesPrefixes))
            var (first, later) = (0, 0)
            for step in 0..<steps {
                let (epoch, indices) = plan.batches(ofStep: step)
                let made = try epochs.batches(epoch: epoch, indices: Array(indices))
                first = max(first, made.first?.ids.count ?? 0)
                later = max(later, made.dropFirst().map(\.ids.count).max() ?? 0)
            }
            #expect(found.first.tokens == first, "\(steps)")
            #expect((found.later?.tokens ?? 0) == later, "\(steps)")
            #expect(found.first.supervised <= found.first.tokens)
        }
    }

    @Test func aStepOfOneBatchFindsNoGradients() throws {
        let rows = rows(8, shared: 0)
        var rule = rule(1)
        rule.mergingLimit = 100_000
        let epochs = rule.epochs(rows, seed: nil)
        let plan = TrainingPlan(batchesPerEpoch: 8, accumulation: 4, steps: 2)
        let found = LargestBatches(epochs, plan, sizes: sizes(rows), sharesPrefixes: false)
        #expect(found != nil && found?.later == nil)
    }

    @Test func tooManyToLookAtAreNot() throws {
        let rows = rows(8, shared: 0)
        let epochs = rule(1).epochs(rows, seed: 1)
        for (accumulation, steps) in [(1, Int(1e15)), (Int.max, Int(1e15)), (Int.max, Int.max)] {
            let plan = TrainingPlan(
                batchesPerEpoch: 8, accumulation: accumulation, steps: steps)
            #expect(LargestBatches(epochs, plan, sizes: sizes(rows), sharesPrefixes: false) == nil)
        }
    }
}
