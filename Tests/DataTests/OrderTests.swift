import FledgeCore
import FledgeData
import Testing

@Suite struct OrderTests {
    private static let probabilities = [0.2, 0.3, 0.5]

    @Test(arguments: [
        (DatasetMix.interleaveUnder, false, "a0 b0 c0 a1 b1 c1 a2 b2 c2"),
        (.interleaveOver, false, "a0 b0 c0 a1 b1 c1 a2 b2 c2 a0 b3 c3 a1 b0 c4"),
        (.interleaveUnder, true, "c0 b0 c1 c2 a0 c3 c4"),
        (.interleaveOver, true, "c0 b0 c1 c2 a0 c3 c4 c0 a1 b1 b2 c1 c2 c3 b3 b0 c4 a2"),
        (.interleaveOnce, false, "a0 b0 c0 a1 b1 c1 a2 b2 c2 b3 c3 c4"),
        (.concat, true, "a0 a1 a2 b0 b1 b2 b3 c0 c1 c2 c3 c4"),
    ])
    func mixing(mix: DatasetMix, drawn: Bool, expected: String) {
        let order = mix.order(
            counts: [3, 4, 5], probabilities: drawn ? Self.probabilities : nil, seed: 42)
        let names = ["a", "b", "c"]
        #expect(
            order.map { "\(names[$0.dataset])\($0.row)" }.joined(separator: " ") == expected)
    }

    /// `all_exhausted_without_replacement` of `datasets` 5.2, which the reference's version lacks.
    @Test(arguments: [
        ([0.5, 0.3, 0.2], UInt64(42), "b0 a0 c0 b1 a1 c1 b2 b3 a2 c2 c3 c4"),
        ([0.5, 0.3, 0.2], 7, "b0 c0 b1 a0 a1 c1 a2 c2 b2 b3 c3 c4"),
        ([0.1, 0.6, 0.3], 42, "c0 b0 c1 b1 a0 c2 c3 c4 b2 b3 a1 a2"),
        ([0.1, 0.6, 0.3], 7, "b0 c0 c1 b1 b2 c2 a0 c3 c4 b3 a1 a2"),
    ])
    func interleavingOnceDrawsAsDatasets(_ shares: [Double], _ seed: UInt64, _ expected: String) {
        let order = DatasetMix.interleaveOnce.order(
            counts: [3, 4, 5], probabilities: shares, seed: seed)
        let names = ["a", "b", "c"]
        #expect(
            order.map { "\(names[$0.dataset])\($0.row)" }.joined(separator: " ") == expected)
    }

    @Test func interleavingOnceTakesEveryRowOnce() {
        for probabilities in [Self.probabilities, [0, 0.5, 0.5], [1, 0, 0]] {
            let order = DatasetMix.interleaveOnce.order(
                counts: [3, 40, 5], probabilities: probabilities, seed: 1)
            #expect(order.count == 48)
            #expect(Set(order.map { $0.dataset * 100 + $0.row }).count == 48)
        }
        for mix in DatasetMix.allCases {
            #expect(mix.order(counts: [], seed: 1).isEmpty)
            #expect(mix.order(counts: [0, 0], probabilities: [1, 1], seed: 1).isEmpty)
            _ = mix.order(counts: [0, 2], probabilities: [1, 1], seed: 1)
            _ = mix.order(counts: [0, 2], seed: 1)
            _ = mix.order(counts: [1, 2], probabilities: [0, 1], seed: 1)
        }
    }

    @Test func validationSplit() throws {
        let split = try DatasetSampling.split(10, validation: 0.25, seed: 42)
        #expect(split.train == [7, 3, 2, 4, 9, 1, 8] && split.validation == [5, 6, 0])
        let count = try DatasetSampling.split(10, validation: 3, seed: 42)
        #expect(count.validation == [5, 6, 0])
        #expect(try DatasetSampling.split(10, validation: 1, seed: 42).validation == [5])
        #expect(try DatasetSampling.split(3, validation: 0, seed: 42).train == [0, 1, 2])
        #expect(throws: FledgeError.self) {
            try DatasetSampling.split(3, validation: 3, seed: 42)
        }
    }

    @Test func selection() {
        var generator = MersenneTwister(seed: 42)
        #expect(
            DatasetSampling.selection(of: 10, wanted: 15, &generator) == [
                8, 1, 5, 0, 7, 2, 9, 4, 3, 6, 2, 6, 7, 4, 3,
            ])
        var fresh = MersenneTwister(seed: 42)
        #expect(DatasetSampling.selection(of: 10, wanted: 3, &fresh) == [8, 1, 5])
    }

    @Test func trainingOrder() {
        let order = TrainingOrder(count: 7, seed: 42)
        #expect(order.indices(epoch: 0) == [1, 6, 3, 5, 4, 0, 2])
        #expect(order.indices(epoch: 1) == [3, 1, 2, 4, 5, 0, 6])
        #expect(order.batches(epoch: 0, size: 3) == [[1, 6, 3], [5, 4, 0], [2]])
        #expect(order.batches(epoch: 0, size: 3, droppingLast: true).count == 2)
        let plain = TrainingOrder(count: 3, seed: 42, shuffling: false)
        #expect(plain.indices(epoch: 5) == [0, 1, 2])
    }

    @Test func quirksHaveNames() throws {
        #expect(try ReferenceQuirks("none") == [] && ReferenceQuirks(.null) == [])
        #expect(try ReferenceQuirks("all") == .all)
        let some = try ReferenceQuirks(["content_specials", "unshifted_label_count"])
        #expect(some == [.contentSpecials, .unshiftedLabelCount])
        #expect(try ReferenceQuirks(.array(ReferenceQuirks.all.names.map { .string($0) })) == .all)
        #expect(throws: FledgeError.self) { try ReferenceQuirks("everything") }
    }
}

@Suite struct PrefetcherTests {
    private struct Failure: Error {}

    private final class Counter: @unchecked Sendable {
        var value = 0
    }

    /// Of a thread that there can be, and of one that no system gives.
    private static let stackSizes = [8 << 20, 1 << 60]

    @Test(arguments: stackSizes) func orderIsKeptAndTheEndIsSeen(stackSize: Int) throws {
        let counter = Counter()
        let prefetcher = Prefetcher(depth: 3, stackSize: stackSize) {
            counter.value += 1
            return counter.value <= 500 ? counter.value : nil
        }
        for expected in 1...500 { #expect(try prefetcher.next() == expected) }
        #expect(try prefetcher.next() == nil)
        #expect(try prefetcher.next() == nil)
    }

    @Test(arguments: stackSizes) func errorsComeInTheirPlace(stackSize: Int) throws {
        let counter = Counter()
        let prefetcher = Prefetcher(depth: 8, stackSize: stackSize) { () throws -> Int? in
            counter.value += 1
            if counter.value == 3 { throw Failure() }
            return counter.value
        }
        #expect(try prefetcher.next() == 1)
        #expect(try prefetcher.next() == 2)
        #expect(throws: Failure.self) { try prefetcher.next() }
        #expect(throws: Failure.self) { try prefetcher.next() }
    }

    @Test(arguments: stackSizes) func lettingGoStopsTheThread(stackSize: Int) throws {
        let counter = Counter()
        do {
            let prefetcher = Prefetcher(depth: 1, stackSize: stackSize) { () -> Int? in
                counter.value += 1
                return counter.value
            }
            #expect(try prefetcher.next() == 1)
            prefetcher.cancel()
            #expect(try prefetcher.next() == nil)
        }
        #expect(counter.value < 10)
    }
}
