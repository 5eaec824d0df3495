import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

@Suite struct PackingTests {
    @Test func knapsacks() {
        #expect(
            Packing.knapsacks([5, 3, 9, 2, 7, 4, 6, 10, 1], capacity: 10)
                == [[10], [9, 1], [7, 3], [6, 4], [5, 2]])
        #expect(
            Packing.knapsacks([60, 40, 40, 30, 30, 30, 10], capacity: 100)
                == [[60, 40], [40, 30, 30], [30, 10]])
        #expect(Packing.knapsacks([], capacity: 3).isEmpty)
        #expect(Packing.knapsacks([4, 5], capacity: 3).isEmpty)
        // As much room as the key takes, and more.
        for capacity in [1 << 30, Int(Int32.max), 1 << 31, .max] {
            #expect(Packing.knapsacks([4, 5, 1], capacity: capacity) == [[5, 4, 1]])
        }
    }

    private func rows() throws -> [PackedRow] {
        let answers = [(1, "a"), (5, "b"), (2, "c"), (9, "d"), (1, "e")]
        let processor = try SupervisedProcessor(
            tokenizer: ToyTokenizer(), template: ToyTokenizer.template(efficientEnd: false),
            cutoffLength: 20)
        let dataset = try processor.process(
            answers.map { count, answer in
                AlignedSample(
                    prompt: [Message(.user, String(repeating: "1", count: count))],
                    response: [Message(.assistant, answer)], system: "S")
            })
        return Packing(capacity: 20).joined(dataset.samples)
    }

    @Test func columnsAreThoseOfTheReference() throws {
        let rows = try rows()
        let plain = rows.map { $0.columns(length: 21, padding: 0x5F, neat: false) }
        let neat = rows.map { $0.columns(length: 21, padding: 0x5F, neat: true) }
        #expect(
            plain.map { ToyTokenizer.text($0.inputIDs) } == [
                "^sSu111111111ad$_____", "^sSu11111ab$^sSu1ae$_", "^sSu11ac$^sSu1aa$____",
            ])
        #expect(
            plain.map { ToyTokenizer.text($0.labels) } == [
                "..............d$.....", "..........b$......e$.", ".......c$......a$....",
            ])
        #expect(plain[0].positions == Array(0...15) + [0, 0, 0, 0, 0])
        #expect(plain[1].positions == Array(0...11) + Array(0...7) + [0])
        #expect(plain[2].positions == Array(0...8) + Array(0...7) + [0, 0, 0, 0])
        #expect(plain.allSatisfy { $0.attention == Array(repeating: 1, count: 21) })
        func runs(_ counts: [(Int32, Int)]) -> [Int32] {
            counts.flatMap { Array(repeating: $0.0, count: $0.1) }
        }
        #expect(
            neat.map(\.attention) == [
                runs([(1, 16), (0, 5)]), runs([(1, 12), (2, 8), (0, 1)]),
                runs([(1, 9), (2, 8), (0, 4)]),
            ])
        #expect(neat.map(\.boundaries) == [[0, 16, 21], [0, 12, 20, 21], [0, 9, 17, 21]])
        #expect(rows.map(\.indices) == [[3], [1, 4], [2, 0]])
    }

    @Test func packedSamplesAreSegments() throws {
        let row = try rows()[1]
        let batch = SupervisedCollator().batch(row.samples, indices: row.indices)
        #expect(batch.layout.segments.map(\.length) == [12, 8])
        #expect(batch.samples == [1, 4])
        #expect(batch.supervision.rows == [9, 10, 17, 18])
        #expect(batch.supervision.targets == Array("b$e$".utf8).map { Int32($0) })
        #expect(batch.supervision.samples == [0, 0, 1, 1])
        #expect(batch.layout.positions == Array(0..<12) + Array(0..<8))
    }
}

@Suite struct CollatorTests {
    @Test func labelsAreShiftedInsideOfEachSample() {
        let place = FledgeError.Location(file: "")
        let samples = [
            ProcessedSample(inputIDs: [5, 6, 7], labels: [5, -100, 7], source: place),
            ProcessedSample(inputIDs: [], labels: [], source: place),
            ProcessedSample(inputIDs: [8], labels: [8], source: place),
        ]
        let collator = SupervisedCollator()
        let batch = collator.batch(samples, indices: [9, 3, 4], epoch: 2)
        #expect(batch.ids == [5, 6, 7, 8])
        #expect(batch.supervision.rows == [1] && batch.supervision.targets == [7])
        #expect(batch.samples == [9, 3, 4] && batch.epoch == 2)
        #expect(batch.supervision.totalWeight == 1)
        let counted = SupervisedCollator(quirks: .unshiftedLabelCount).batch(samples)
        #expect(counted.supervision.count == 1 && counted.supervision.totalWeight == 3)
        #expect(collator.batch([]).ids.isEmpty)
    }

    /// In the reference's plain packing a sample sees those before it in its row.
    @Test func leakingBatchesChainTheSamplesOfARow() {
        func sample(_ ids: [Int32], _ labels: [Int32]) -> ProcessedSample {
            ProcessedSample(inputIDs: ids, labels: labels, source: .init(file: "toy"))
        }
        let rows = [
            PackedRow(
                samples: [sample([1, 2], [1, 2]), sample([3, 4, 5], [3, -100, 5])],
                indices: [7, 8]),
            PackedRow(samples: [sample([6], [6])], indices: [9]),
        ]
        let batch = SupervisedCollator(quirks: .all).leakingBatch(rows)
        #expect(batch.ids == [1, 2, 3, 4, 5, 6])
        #expect(batch.layout.segments.map(\.parent) == [nil, 0, nil])
        #expect(batch.layout.positions == [0, 1, 0, 1, 2, 0])
        #expect(batch.samples == [7, 8, 9])
        // 1 predicts 2, 2 the next sample's 3, 4 its 5; the first tokens of rows only count.
        #expect(batch.supervision.rows == [0, 1, 3])
        #expect(batch.supervision.targets == [2, 3, 5])
        #expect(batch.supervision.extraWeight == 2)
        #expect(SupervisedCollator().leakingBatch(rows).supervision.extraWeight == 0)
    }
}
