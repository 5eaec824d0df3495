import FledgeCore
import FledgeData
import FledgeTrain
import Testing

/// The batches of samples do not tell whether these are in memory or made when their turn comes.
@Suite struct EpochsTests {
    /// What a batch is made of.
    private struct Made: Equatable {
        var epoch: Int
        var indices: [Int]
        var samples: [Int]
    }

    private func epochs(
        _ source: any SampleSource<Int>, batchSize: Int, dropsLast: Bool = false,
        limit: Int? = nil
    ) -> Epochs<Int, Made> {
        Epochs(
            source, batchSize: batchSize, dropsLast: dropsLast,
            merging: limit.map { .init(limit: $0) { $0 } }
        ) { picked, epoch in
            Made(epoch: epoch, indices: picked.map(\.index), samples: picked.map(\.sample))
        }
    }

    private func lengths(_ count: Int) -> [Int] {
        (0..<count).map { index in
            var random = KeyedGenerator(RandomKey(seed: 3).appending(index))
            return 1 + Int(random.next() % 40)
        }
    }

    /// Sets of one sample, smaller than a batch, with a rest and without one.
    @Test(arguments: [1, 2, 3, 4, 20, 21], [false, true])
    func streamedBatchesAreLoadedOnes(_ count: Int, _ dropsLast: Bool) throws {
        let samples = lengths(count)
        let stream = SampleStream(count: count, dropsInvalidRows: false) { _, place, _ in
            samples[place]
        }
        for (batchSize, limit) in [(1, nil), (1, 50), (4, nil), (4, 90), (30, 50)] as [(Int, Int?)]
        {
            let loaded = epochs(
                LoadedSamples(samples), batchSize: batchSize, dropsLast: dropsLast, limit: limit)
            let streamed = epochs(
                stream, batchSize: batchSize, dropsLast: dropsLast, limit: limit)
            #expect(loaded.sampleCount == count && streamed.sampleCount == count)
            let batches = loaded.batchesPerEpoch
            #expect(batches == streamed.batchesPerEpoch)
            #expect(batches == (dropsLast ? count : count + batchSize - 1) / batchSize)
            let all = Array(0..<batches)
            let made = try loaded.batches(epoch: 2, indices: all)
            #expect(try streamed.batches(epoch: 2, indices: all) == made)
            #expect(try loaded.groups(epoch: 2, indices: all) == made.map(\.indices))
            #expect(try streamed.groups(epoch: 2, indices: all) == made.map(\.indices))
            #expect(made.flatMap(\.samples) == Array(samples.prefix(made.flatMap(\.indices).count)))
            for index in all {
                #expect(
                    try loaded.batch(epoch: 1, index: index)
                        == streamed.batch(epoch: 1, index: index))
            }
        }
    }

    @Test func shuffledBatchesFollowTheSampler() throws {
        let loaded = epochs(LoadedSamples(lengths(23), seed: 8), batchSize: 4)
        for epoch in [0, 3, 0] {
            let batches = try loaded.batches(epoch: epoch, indices: Array(0..<6))
            let order = TrainingOrder(count: 23, seed: 8).indices(epoch: epoch)
            #expect(batches.flatMap(\.indices) == order)
            #expect(batches.flatMap(\.samples) == order.map { lengths(23)[$0] })
            #expect(try loaded.groups(epoch: epoch, indices: [5]) == [Array(order.suffix(3))])
        }
    }

    /// A row that is dropped gives its place, and its number, to the next one that fits.
    @Test func droppedRowsAreSteppedOver() throws {
        let stream = SampleStream<Int>(count: 6, dropsInvalidRows: true) { _, place, report in
            guard place % 3 == 0 else {
                report.dropped.append(.init(source: .init(file: "\(place)"), reason: "no third"))
                return nil
            }
            return place
        }
        let streamed = epochs(stream, batchSize: 3)
        #expect(streamed.drops.isEmpty)
        let batch = try streamed.batch(epoch: 0, index: 1)
        #expect(batch == Made(epoch: 0, indices: [3, 4, 5], samples: [3, 0, 0]))
        #expect(Set(streamed.drops.keys.map(\.file)) == ["4", "5"])
        let none = SampleStream<Int>(count: 6, dropsInvalidRows: true) { _, place, report in
            report.dropped.append(.init(source: .init(file: "\(place)"), reason: "none"))
            return nil
        }
        let error = #expect(throws: FledgeError.self) {
            _ = try epochs(none, batchSize: 2).batch(epoch: 0, index: 0)
        }
        #expect(error?.message == "6 rows in a row do not fit.")
    }
}
