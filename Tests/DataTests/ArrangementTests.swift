import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Loaded and streamed rows in the same order make the same samples, in every arrangement.
@Suite struct ArrangementTests {
    /// Rows in memory that are read when their turn comes, in another order each epoch.
    private struct Rows: RowSource {
        let rows: [AlignedSample]
        var shuffles = true

        var count: Int { rows.count }
        var dropsInvalidRows: Bool { true }
        var inDataOrder: Rows { Rows(rows: rows, shuffles: false) }

        func sample(epoch: Int, place: Int) throws -> AlignedSample {
            let key = RandomKey(seed: 5).appending(epoch)
            return rows[shuffles ? KeyedPermutation(count: count, key: key)[place] : place]
        }

        func ordered(_ epoch: Int) throws -> [AlignedSample] {
            try rows.indices.map { try sample(epoch: epoch, place: $0) }
        }
    }

    /// How many rows there are, and how many of a hundred do not fit.
    struct Case: CustomTestStringConvertible, Sendable {
        let count: Int
        let faults: Int
        var testDescription: String { "\(count) rows, \(faults)% of them broken" }
    }

    static let cases = [1, 2, 3, 8, 97, 260].flatMap { count in
        [0, 20, 90, 100].map { Case(count: count, faults: $0) }
    }

    /// Rows of random lengths.
    private func rows(_ size: Case, answers: Int) -> [AlignedSample] {
        (0..<size.count).map { index in
            var random = KeyedGenerator(RandomKey(seed: 9).appending(index))
            let source = FledgeError.Location(file: "rows", line: index + 1)
            guard random.next() % 100 >= UInt64(size.faults) else {
                // Of some that do not fit there is an answer all the same.
                let stray = random.next() % 2 == 0 ? [] : [Message(.assistant, "stray")]
                return AlignedSample(prompt: [], response: stray, source: source, fault: "broken")
            }
            func text(_ most: UInt64) -> String {
                let length = Int(random.next() % most)
                return "\(index)" + String(repeating: "x", count: length)
            }
            var row = AlignedSample(
                prompt: [Message(.user, text(30))],
                response: (0..<answers).map { _ in Message(.assistant, text(20)) },
                source: source)
            if answers == 2 { row.isDesirable = random.next() % 2 == 0 }
            return row
        }
    }

    private func expectSame<Sample: Equatable>(
        _ arrangement: some SampleArrangement<Sample>, _ rows: Rows, epoch: Int = 1,
        loaded renumber: (Sample) -> Sample = { $0 },
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let loaded = try arrangement.loaded(rows.ordered(epoch), threads: 3)
        let streamed = try arrangement.samples(of: RowSet(streaming: rows, seed: nil))
        var report = DataReport()
        let samples = try (0..<streamed.count).compactMap {
            try streamed.sample(epoch: epoch, place: $0, &report)
        }
        DataTests.expectSame(samples, loaded.map(renumber), sourceLocation: sourceLocation)
        #expect((streamed.report ?? report) == loaded.report, sourceLocation: sourceLocation)
        let broken = rows.rows.count { $0.fault != nil }
        #expect(loaded.report?.dropped.count == broken, sourceLocation: sourceLocation)
        #expect(loaded.isEmpty == (broken == rows.count), sourceLocation: sourceLocation)
    }

    /// Streamed samples are numbered by their rows, loaded ones by themselves.
    private func numbered(_ rows: [AlignedSample]) -> (PackedRow) -> PackedRow {
        let kept = rows.indices.filter { rows[$0].fault == nil }
        return { PackedRow(samples: $0.samples, indices: $0.indices.map { kept[$0] }) }
    }

    private let template = ToyTokenizer.template(efficientEnd: false)

    @Test(arguments: cases) func single(_ size: Case) throws {
        let dialogues = Rows(rows: rows(size, answers: 1))
        let processor = try SupervisedProcessor(tokenizer: ToyTokenizer(), template: template)
        let alone: SingleSamples<SupervisedProcessor, ProcessedSample> = .init(processor)
        try expectSame(alone, dialogues)
        let wrapped: SingleSamples<SupervisedProcessor, PackedRow> = .init(processor)
        try expectSame(wrapped, dialogues, loaded: numbered(dialogues.ordered(1)))
        let pairs = try PairwiseProcessor(tokenizer: ToyTokenizer(), template: template)
        try expectSame(SingleSamples(pairs), Rows(rows: rows(size, answers: 2)))
    }

    @Test(arguments: cases) func packed(_ size: Case) throws {
        let rows = Rows(rows: rows(size, answers: 1), shuffles: false)
        let processor = try SupervisedProcessor(
            tokenizer: ToyTokenizer(), template: template, cutoffLength: 60)
        for (capacity, batchSize) in [(60, 1000), (90, 7), (40, 1000), (60, 1)] {
            let arrangement = JoinedSamples(
                processor, by: Packing(capacity: capacity, batchSize: batchSize))
            // Longer samples than fit are left out, so that all may be.
            guard try !arrangement.loaded(rows.rows).isEmpty else { continue }
            try expectSame(arrangement, rows, loaded: numbered(rows.rows))
        }
    }

    @Test(arguments: cases, [ReferenceQuirks(), .pretrainingMapBatches])
    func blocks(_ size: Case, _ quirks: ReferenceQuirks) throws {
        let rows = Rows(rows: rows(size, answers: 0), shuffles: false)
        for length in [1, 5, 17, 4000] {
            let processor = try PretrainingProcessor(
                tokenizer: ToyTokenizer(), cutoffLength: length, addsBeginOfText: true,
                quirks: quirks)
            let arrangement = JoinedSamples(
                processor, by: TokenBlocks(processor, batchSize: 30))
            // What fills no block of a batch is left out with the quirk.
            guard try !arrangement.loaded(rows.rows).isEmpty else { continue }
            try expectSame(arrangement, rows)
        }
    }

    @Test(arguments: cases, [ReferenceQuirks(), .ktoMapBatches])
    func feedback(_ size: Case, _ quirks: ReferenceQuirks) throws {
        let processor = try FeedbackProcessor(
            tokenizer: ToyTokenizer(), template: template, quirks: quirks)
        for batchSize in [1, 7, 1000] {
            try expectSame(
                FeedbackPairs(processor, batchSize: batchSize),
                Rows(rows: rows(size, answers: 2)))
        }
    }

    /// The pairing is that of a walk over the rows: each answer goes to the question behind it.
    @Test(arguments: cases, [ReferenceQuirks(), .ktoMapBatches])
    func pairsAreThoseOfAWalk(_ size: Case, _ quirks: ReferenceQuirks) throws {
        let rows = rows(size, answers: 2)
        let processor = try FeedbackProcessor(
            tokenizer: ToyTokenizer(), template: template, quirks: quirks)
        let found = rows.indices.map { place in
            FeedbackPairs(processor, batchSize: 7).row(at: place, of: rows.count) { rows[$0] }
        }
        let length = quirks.isEmpty ? rows.count : 7
        for start in stride(from: 0, to: rows.count, by: length) {
            let batch = start..<min(start + length, rows.count)
            var other = batch.last { rows[$0].fault == nil }
            for place in batch where rows[place].fault == nil {
                #expect(found[place].other.source == other.map { rows[$0] }?.source)
                other = place
            }
        }
    }

    /// What is loaded is a source that was kept, in the order of PyTorch's sampler.
    @Test func anySourceCanBeKept() throws {
        let stream = SampleStream<Int>(count: 500, dropsInvalidRows: true) {
            epoch, place, report in
            report.rowCount += 1
            guard place % 7 != 3 else {
                report.dropped.append(.init(source: .init(file: "\(place)"), reason: "seven"))
                return nil
            }
            return 1000 * epoch + place
        }
        let kept = try LoadedSamples<Int>(keeping: stream, threads: 3)
        #expect(Array(kept) == (0..<500).filter { $0 % 7 != 3 })
        #expect(kept.report?.rowCount == 500 && kept.report?.dropped.count == 71)
        #expect(kept.report?.dropped[1].source.file == "10")
        let shuffled = kept.ordered(seed: 4)
        #expect(Array(shuffled) == Array(kept) && shuffled.report == kept.report)
        for epoch in [0, 1, 0] {
            let order = TrainingOrder(count: kept.count, seed: 4).indices(epoch: epoch)
            var report = DataReport()
            for (place, index) in order.enumerated() {
                #expect(shuffled.index(epoch: epoch, place: place) == index)
                let sample = try shuffled.sample(epoch: epoch, place: place, &report)
                #expect(sample == kept[index])
            }
            #expect(report == DataReport())
        }
    }

    /// A row that does not fit is an error where such rows may not be dropped.
    @Test func strictSourcesThrow() throws {
        let stream = SampleStream<Int>(count: 3, dropsInvalidRows: false) { _, place, report in
            guard place == 1 else { return place }
            report.dropped.append(
                .init(source: .init(file: "rows", line: 2), reason: "it is broken"))
            return nil
        }
        let error = #expect(throws: FledgeError.self) {
            _ = try LoadedSamples<Int>(keeping: stream)
        }
        #expect(error?.location?.line == 2)
        #expect(error?.message == "The row does not fit: it is broken.")
    }
}
