import FledgeCore
import FledgeData
import FledgeTokenize
import Foundation
import Testing

@Suite struct DatasetStreamTests {
    // MARK: Orders

    private func text(_ order: StreamOrder, _ epoch: Int) -> [String] {
        (0..<order.count).map {
            let (dataset, row) = order.row(epoch: epoch, place: $0)
            return "\(["a", "b", "c"][dataset])\(row)"
        }
    }

    @Test func everyRowOnceAnEpoch() {
        let order = StreamOrder(counts: [50, 0, 70], seed: 3)
        let all = (0..<50).map { "a\($0)" } + (0..<70).map { "c\($0)" }
        for epoch in 0..<3 { #expect(text(order, epoch).sorted() == all.sorted()) }
        #expect(text(order, 0) != text(order, 1))
        #expect(text(order, 0) == text(StreamOrder(counts: [50, 0, 70], seed: 3), 0))
        #expect(text(order, 0) != text(StreamOrder(counts: [50, 0, 70], seed: 4), 0))
        // Rows of both data sets are everywhere.
        let half = text(order, 0).prefix(60).count { $0.hasPrefix("a") }
        #expect((12...38).contains(half))
    }

    @Test func sharesAreExact() {
        func quotas(_ mix: DatasetMix, _ shares: [Double]?) -> [Int] {
            StreamOrder(counts: [100, 40, 60], mix: mix, probabilities: shares, seed: 1).quotas
        }
        #expect(quotas(.concat, nil) == [100, 40, 60])
        #expect(quotas(.interleaveOnce, [0.5, 0.25, 0.25]) == [100, 40, 60])
        #expect(quotas(.interleaveUnder, nil) == [40, 40, 40])
        #expect(quotas(.interleaveOver, nil) == [100, 100, 100])
        #expect(quotas(.interleaveUnder, [0.5, 0.25, 0.25]) == [80, 40, 40])
        #expect(quotas(.interleaveOver, [0.5, 0.25, 0.25]) == [120, 60, 60])
        #expect(quotas(.interleaveOver, [0.5, 0.5, 0]) == [100, 100, 0])
        let empty = StreamOrder(counts: [5, 0], mix: .interleaveUnder, seed: 1)
        #expect(empty.count == 0)
    }

    @Test func repeatedAndPartialRowsAreSpread() {
        let over = StreamOrder(counts: [10, 25], mix: .interleaveOver, seed: 1)
        let rows = text(over, 0).filter { $0.hasPrefix("a") }
        // 25 of 10 rows: each two or three times.
        #expect(rows.count == 25)
        let times = Dictionary(rows.map { ($0, 1) }, uniquingKeysWith: +)
        #expect(times.count == 10 && times.values.allSatisfy { $0 == 2 || $0 == 3 })
        let under = StreamOrder(counts: [10, 25], mix: .interleaveUnder, seed: 1)
        let parts = (0..<20).map { epoch in Set(text(under, epoch).filter { $0.hasPrefix("b") }) }
        #expect(parts.allSatisfy { $0.count == 10 })
        // Another part each time, so that all rows are used in the end.
        #expect(
            Set(parts).count == 20 && parts.reduce(into: Set()) { $0.formUnion($1) }.count == 25)
    }

    @Test func withoutShufflingTheOrderIsThatOfTheMix() {
        for mix in DatasetMix.allCases {
            let order = StreamOrder(counts: [3, 5], mix: mix, seed: 42, shuffles: false)
            let expected = mix.order(counts: [3, 5], seed: 42).map {
                "\(["a", "b"][$0.dataset])\($0.row)"
            }
            #expect(text(order, 0) == expected && text(order, 1) == expected)
        }
    }

    // MARK: Streams

    private let folder = TestFolder()

    private func options(_ sizes: [(String, Int)], _ more: JSONValue = [:]) throws -> DatasetOptions
    {
        var entries: JSONValue = [:]
        for (name, count) in sizes {
            let lines = (0..<count).map {
                #"{"instruction": "\#(name)\#($0)", "input": "", "output": "x"}"# + "\n"
            }
            _ = try folder.write(lines.joined(), "\(name).jsonl")
            var entry = more
            entry["file_name"] = .string(name + ".jsonl")
            entries[name] = entry
        }
        var options = DatasetOptions()
        options.folder = folder.path
        options.entries = entries
        options.names = sizes.map(\.0)
        options.cacheFolder = folder.path + "/cache"
        return options
    }

    private func trained(_ stream: DatasetStream, _ epoch: Int = 0) throws -> [String] {
        try (0..<stream.count).map { try stream.sample(epoch: epoch, place: $0).prompt[0].content }
    }

    private func held(_ stream: DatasetStream) throws -> [String] {
        try (0..<stream.heldCount).map { try stream.heldSample(at: $0).prompt[0].content }
    }

    @Test func rowsHeldOutAreNeverTrained() throws {
        var options = try options([("a", 30), ("b", 10)])
        options.validationSize = 8
        for shuffles in [true, false] {
            let stream = try DatasetStream(options, shuffles: shuffles)
            let (train, test) = (try trained(stream), try held(stream))
            #expect(train.count == 32 && test.count == 8 && Set(train + test).count == 40)
            #expect(test.count { $0.hasPrefix("b") } == 2)
            #expect(Set(try trained(stream, 1)) == Set(train))
        }
        options.mix = .interleaveOver
        let over = try DatasetStream(options)
        #expect(try over.count == 48 && Set(trained(over)).isDisjoint(with: held(over)))
        options.validationSize = 0.1
        #expect(try DatasetStream(options).heldCount == 4)
        options.validationSize = 40
        #expect(throws: FledgeError.self) { try DatasetStream(options) }
    }

    @Test func numbersOfSamples() throws {
        let fewer = try DatasetStream(try options([("a", 30)], ["num_samples": 12]))
        #expect(Set(try trained(fewer)).count == 12)
        #expect(Set(try trained(fewer)) == Set(try trained(fewer, 1)))
        var more = try options([("a", 10)], ["num_samples": 25])
        more.validationSize = 2
        let stream = try DatasetStream(more)
        let times = Dictionary(try trained(stream).map { ($0, 1) }, uniquingKeysWith: +)
        #expect(
            stream.count == 23 && times.count == 8
                && times.values.allSatisfy { (2...3).contains($0) })
        #expect(Set(try held(stream)).isDisjoint(with: times.keys))
        var limited = try options([("a", 30)])
        limited.sampleLimit = 7
        let first = try DatasetStream(limited)
        #expect(try trained(first).sorted() == (0..<7).map { "a\($0)" })
    }

    @Test func anyPlaceIsReadAlone() throws {
        let options = try options([("a", 500), ("b", 300)])
        let all = try trained(DatasetStream(options), 3)
        // A new process: nothing but the index that was kept.
        let resumed = try DatasetStream(options)
        #expect(try resumed.sample(epoch: 3, place: 777).prompt[0].content == all[777])
    }

    @Test func splitsAreParts() throws {
        func rows(_ split: String) throws -> [String] {
            let stream = try DatasetStream(
                try options([("a", 20)], ["split": .string(split)]), shuffles: false)
            return try trained(stream)
        }
        #expect(try rows("train").count == 20)
        #expect(try rows("train[:3]") == ["a0", "a1", "a2"])
        #expect(try rows("train[18:]") == ["a18", "a19"] && rows("train[-2:]") == ["a18", "a19"])
        #expect(try rows("train[10%:25%]") == ["a2", "a3", "a4"])
        for split in ["test", "train[", "train[3]", "train[a:b]", "train[:200%]"] {
            #expect(throws: FledgeError.self) { try rows(split) }
        }
    }
}
