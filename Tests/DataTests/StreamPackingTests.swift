import FledgeCore
import FledgeData
import FledgeTokenize
import Foundation
import Synchronization
import Testing

/// Streamed rows in every form are what loaded ones are, in the order of the data.
@Suite struct StreamPackingTests {
    private let folder = TestFolder()

    /// Rows of different lengths, some of which are repeated or left out by the mix.
    private func options(_ mix: DatasetMix = .concat) throws -> DatasetOptions {
        var entries: JSONValue = [:]
        for (name, count) in [("a", 83), ("b", 41)] {
            let lines = (0..<count).map { row in
                let answer = String(repeating: "x", count: 1 + row * 7 % 23)
                return #"{"instruction": "\#(name)\#(row)", "input": "", "output": "\#(answer)"}"#
            }
            _ = try folder.write(lines.joined(separator: "\n"), "\(name).jsonl")
            entries[name] = ["file_name": .string(name + ".jsonl")]
        }
        var options = DatasetOptions()
        options.folder = folder.path
        options.entries = entries
        options.names = ["a", "b"]
        options.mix = mix
        return options
    }

    private let packing = Packing(capacity: 60, batchSize: 50)

    private func supervised() throws -> SupervisedProcessor {
        try SupervisedProcessor(
            tokenizer: ToyTokenizer(), template: ToyTokenizer.template(efficientEnd: false),
            cutoffLength: 60)
    }

    private func texts(_ quirks: ReferenceQuirks = []) throws -> PretrainingProcessor {
        try PretrainingProcessor(
            tokenizer: ToyTokenizer(), cutoffLength: 17, addsBeginOfText: true, quirks: quirks)
    }

    private func all<Sample>(
        _ stream: any SampleSource<Sample>, _ epoch: Int = 0
    ) throws -> [Sample] {
        var report = DataReport()
        return try (0..<stream.count).compactMap {
            try stream.sample(epoch: epoch, place: $0, &report)
        }
    }

    @Test(arguments: DatasetMix.allCases)
    func packedRowsAreThoseOfLoadedData(_ mix: DatasetMix) throws {
        let options = try options(mix)
        let processor = try supervised()
        let loaded = try processor.process(DatasetLoader(options).load().train)
        let expected = packing.joined(loaded.samples)
        let rows = try DatasetStream(options)
        let lengths = try StreamLengths(of: rows, processor)
        #expect(lengths.report.tokenCount == loaded.report.tokenCount)
        #expect(lengths.report.rowCount == loaded.report.rowCount)
        let ordered = SampleStream(
            rows, processor, joining: packing, lengths: lengths, seed: nil)
        expectSame(try all(ordered), expected)
        let shuffled = SampleStream(
            rows, processor, joining: packing, lengths: lengths, seed: 3)
        let (first, second) = (try all(shuffled), try all(shuffled, 1))
        let isShuffled = first != expected && first != second
        #expect(isShuffled)
        expectSame([Set(first), Set(second)], [Set(expected), Set(expected)])
    }

    @Test(arguments: [ReferenceQuirks(), .pretrainingMapBatches])
    func blocksAreThoseOfLoadedData(_ quirks: ReferenceQuirks) throws {
        let options = try options()
        let processor = try texts(quirks)
        let loaded = try processor.process(DatasetLoader(options).load().train)
        let blocks = TokenBlocks(processor, batchSize: 30)
        let expected = blocks.joined(loaded.samples)
        let rows = try DatasetStream(options)
        let lengths = try StreamLengths(of: rows, processor)
        let ordered = SampleStream(
            rows, processor, joining: blocks, lengths: lengths, seed: nil)
        expectSame(try all(ordered), expected)
        let shuffled = SampleStream(
            rows, processor, joining: blocks, lengths: lengths, seed: 1)
        expectSame(Set(try all(shuffled)), Set(expected))
    }

    @Test func otherStagesAreThoseOfLoadedData() throws {
        let options = try options()
        let loaded = try DatasetLoader(options).load().train
        let rows = try DatasetStream(options, shuffles: false)
        let prompts = try PromptProcessor(
            tokenizer: ToyTokenizer(), template: ToyTokenizer.template(efficientEnd: false))
        expectSame(try all(SampleStream(rows, prompts)), try prompts.process(loaded).samples)
        let dialogues = try supervised()
        expectSame(
            try all(SampleStream(rows, dialogues)), try dialogues.process(loaded).samples)
    }

    @Test func answersOfOtherRowsAreThoseOfLoadedData() throws {
        let lines = (0..<37).map { row -> String in
            // Some rows have no answer that another question could be given.
            let messages =
                row % 5 == 2
                ? #"[{"from": "human", "value": "q\#(row)"}]"#
                : #"[{"from": "human", "value": "q\#(row)"}, {"from": "gpt", "value": "a\#(row)"}]"#
            return #"{"conversations": \#(messages), "label": \#(row % 3 == 0)}"#
        }
        _ = try folder.write(lines.joined(separator: "\n"), "k.jsonl")
        var options = DatasetOptions()
        options.folder = folder.path
        options.entries = [
            "k": [
                "file_name": "k.jsonl", "formatting": "sharegpt", "columns": ["kto_tag": "label"],
            ]
        ]
        options.names = ["k"]
        options.dropsInvalidRows = true
        let processor = try FeedbackProcessor(
            tokenizer: ToyTokenizer(), template: ToyTokenizer.template(efficientEnd: false))
        let pairs = FeedbackPairs(processor)
        let expected = try pairs.loaded(DatasetLoader(options).load().train)
        let rows = try DatasetStream(options, shuffles: false)
        #expect(expected.count == 30 && expected.report?.dropped.count == 7)
        let streamed = try pairs.samples(of: RowSet(streaming: rows, seed: nil))
        expectSame(try all(streamed), Array(expected))
    }

    @Test func lengthsAreKept() throws {
        let (options, cache) = (try options(), folder.path + "/kept/lengths")
        let rows = try DatasetStream(options)
        let measured = Atomic<Int>(0)
        let first = try StreamLengths(of: rows, supervised(), cache: cache) { done, _ in
            measured.store(done, ordering: .relaxed)
        }
        #expect(measured.load(ordering: .relaxed) > 0)
        measured.store(-1, ordering: .relaxed)
        let second = try StreamLengths(of: rows, supervised(), cache: cache) { done, _ in
            measured.store(done, ordering: .relaxed)
        }
        #expect(measured.load(ordering: .relaxed) == -1)
        #expect(first.counts == second.counts && first.report == second.report)
        // A file of other rows is not taken.
        try AtomicFile.write([1, 2, 3, 4], to: cache)
        #expect(try StreamLengths(of: rows, supervised(), cache: cache).counts == first.counts)
    }

    @Test func changedDataAreNoticed() throws {
        let options = try options()
        let rows = try DatasetStream(options)
        let processor = try supervised()
        let lengths = try StreamLengths(of: rows, processor)
        let other = try SupervisedProcessor(
            tokenizer: ToyTokenizer(), template: ToyTokenizer.template(efficientEnd: false),
            cutoffLength: 9)
        let stream = SampleStream(
            rows, other, joining: packing, lengths: lengths, seed: 42)
        #expect(throws: FledgeError.self) { _ = try all(stream) }
    }
}
