import FledgeCore
import FledgeData
import Foundation
import Testing

/// Tokenised data that are written, read, damaged, or come from `datasets`.
@Suite struct TokenizedFolderTests {
    private let folder = TestFolder()

    private func sample(_ number: Int, weighted: Bool = false) -> ProcessedSample {
        let ids = (0..<Int32(2 + number % 7)).map { 10 + ($0 + Int32(number)) % 90 }
        var labels = ids
        labels[0] = ProcessedSample.ignored
        return ProcessedSample(
            inputIDs: ids, labels: labels, weights: weighted ? ids.map { Float($0) / 8 } : nil,
            source: .init(
                file: number % 3 == 0 ? "a.json" : "folder/b.jsonl", line: number + 1,
                column: number % 2 == 0 ? nil : number))
    }

    private func roundTrip<Sample: ColumnarSample>(
        _ samples: [Sample], _ form: SampleForm
    ) throws -> [Sample] {
        let path = folder.path + "/\(UUID())"
        let writer = try TokenizedFolderWriter(path: path)
        try writer.write(samples, split: "train", form)
        try writer.commit(["made": "here"])
        let read = try TokenizedFolder(path: path)
        #expect(read.splits == ["train"] && read.notes == ["made": "here"])
        return try read.samples("train", of: Sample.self, form)
    }

    private var form: SampleForm {
        var form = SampleForm()
        form.vocabularyCount = 100
        return form
    }

    @Test(arguments: [0, 1, 999, 1000, 2345])
    func rowsComeBack(_ count: Int) throws {
        let rows = (0..<count).map {
            PackedRow(samples: [sample($0, weighted: $0 % 5 == 0)], indices: [$0])
        }
        expectSame(try roundTrip(rows, form), rows)
    }

    @Test(arguments: [true, false])
    func packedRowsComeBack(_ neat: Bool) throws {
        var form = form
        form.packedLength = 40
        form.isNeat = neat
        let rows = Packing(capacity: 39).joined((0..<200).map { sample($0) })
        #expect(rows.contains { $0.samples.count > 4 })
        expectSame(try roundTrip(rows, form), rows)
        let weighted = Packing(capacity: 39).joined((0..<20).map { sample($0, weighted: true) })
        expectSame(try roundTrip(weighted, form), weighted)
    }

    @Test func textsHaveNoLabels() throws {
        var form = form
        (form.isText, form.unlearned) = (true, 12)
        let rows = (0..<50).map { number -> PackedRow in
            var sample = sample(number)
            sample.labels = sample.inputIDs.map { $0 == 12 ? ProcessedSample.ignored : $0 }
            return PackedRow(samples: [sample], indices: [number])
        }
        #expect(rows[0].columns(form).map(\.name) == ["input_ids", "attention_mask"])
        expectSame(try roundTrip(rows, form), rows)
    }

    @Test func samplesOfOtherStagesComeBack() throws {
        let pairs = (0..<30).map { number -> PairwiseSample in
            var rejected = sample(number, weighted: number == 3)
            rejected.labels[1] = ProcessedSample.ignored
            return PairwiseSample(chosen: sample(number), rejected: rejected, promptCount: 1)
        }
        expectSame(try roundTrip(pairs, form), pairs)
        let feedback = (0..<30).map { number -> FeedbackSample in
            var other = sample(number + 1)
            other.source = sample(number).source
            return FeedbackSample(
                target: sample(number, weighted: number == 4), mismatched: other,
                isDesirable: number % 3 == 0)
        }
        expectSame(try roundTrip(feedback, form), feedback)
        let prompts = (0..<30).map {
            PromptSample(
                promptIDs: sample($0).inputIDs, responseIDs: sample($0 + 1).inputIDs,
                source: sample($0).source)
        }
        expectSame(try roundTrip(prompts, form), prompts)
    }

    @Test func idsOfAnotherTokenizerAreRefused() throws {
        let rows = [PackedRow(samples: [sample(80)], indices: [0])]
        var small = form
        small.vocabularyCount = 50
        let error = #expect(throws: FledgeError.self) { try roundTrip(rows, small) }
        #expect(error?.code == .mismatch && error?.location?.line == 1)
    }

    @Test func anotherStageIsRefused() throws {
        let path = folder.path + "/rows"
        let writer = try TokenizedFolderWriter(path: path)
        try writer.write([PackedRow(samples: [sample(1)], indices: [0])], split: "train", form)
        try writer.commit(.null)
        let error = #expect(throws: FledgeError.self) {
            try TokenizedFolder(path: path).samples("train", of: PairwiseSample.self, form)
        }
        #expect(error?.code == .mismatch && error?.message.contains("chosen_input_ids") == true)
    }

    @Test func changedTablesAreNoticed() throws {
        func write(_ name: String, _ count: Int) throws -> String {
            let path = folder.path + "/" + name
            let writer = try TokenizedFolderWriter(path: path)
            let rows = (0..<count).map { PackedRow(samples: [sample($0)], indices: [$0]) }
            try writer.write(rows, split: "train", form)
            try writer.commit(.null)
            return path
        }
        let (whole, part) = (try write("whole", 5), try write("part", 3))
        let table = "/train/data-00000-of-00001.arrow"
        try FileManager.default.removeItem(atPath: whole + table)
        try FileManager.default.copyItem(atPath: part + table, toPath: whole + table)
        let error = #expect(throws: FledgeError.self) {
            _ = try TokenizedFolder(path: whole).samples("train", of: PackedRow.self, form)
        }
        #expect(error?.code == .fileCorrupt && error?.advice.contains("fledge.json") == true)
        // Without what was kept beside them the rows are what they are.
        try FileManager.default.removeItem(atPath: whole + "/fledge.json")
        let read = try TokenizedFolder(path: whole).samples("train", of: PackedRow.self, form)
        #expect(read.count == 3)
    }

    @Test func nothingIsThereBeforeTheEnd() throws {
        let path = folder.path + "/unfinished"
        do {
            let writer = try TokenizedFolderWriter(path: path)
            try writer.write([PackedRow(samples: [sample(1)], indices: [0])], split: "train", form)
            #expect(!TokenizedFolder.exists(path))
        }
        #expect(try Folder.names(in: folder.path, hidden: true).isEmpty)
    }

    /// Every byte of a small folder is changed once: a wrong row is an error or the row that it says.
    @Test func damageIsNoticed() throws {
        let rows = (0..<4).map { PackedRow(samples: [sample($0)], indices: [$0]) }
        let path = folder.path + "/whole"
        let writer = try TokenizedFolderWriter(path: path)
        try writer.write(rows, split: "train", form)
        try writer.commit(["n": 1])
        for name in ["train/data-00000-of-00001.arrow", "train/extras.arrow"] {
            let file = path + "/" + name
            let bytes = Array(try Data(contentsOf: URL(filePath: file)))
            for place in bytes.indices {
                var damaged = bytes
                damaged[place] ^= 0x41
                try Data(damaged).write(to: URL(filePath: file))
                do {
                    let read = try TokenizedFolder(path: path).samples(
                        "train", of: PackedRow.self, form)
                    #expect(read.count <= rows.count)
                } catch is FledgeError {}
            }
            for end in stride(from: 0, to: bytes.count, by: 13) {
                try Data(bytes.prefix(end)).write(to: URL(filePath: file))
                _ = try? TokenizedFolder(path: path).samples("train", of: PackedRow.self, form)
            }
            try Data(bytes).write(to: URL(filePath: file))
        }
        expectSame(
            try TokenizedFolder(path: path).samples("train", of: PackedRow.self, form), rows)
    }

    // MARK: Folders of the reference

    private static let fixtures = ReferenceFiles.root + "/Tests/DataTests/Fixtures/tokenized/"

    /// The rows of a folder that `datasets` wrote, as columns again.
    private func read<Sample: ColumnarSample>(
        _ name: String, of _: Sample.Type, _ form: SampleForm, split: String = "train"
    ) throws -> (found: [JSONValue], expected: [JSONValue], samples: [Sample]) {
        let samples = try TokenizedFolder(path: Self.fixtures + name).samples(
            split, of: Sample.self, form)
        let rows = try JSONValue(contentsOf: Self.fixtures + "rows.json")
        let found = samples.map { sample in
            JSONValue.object(
                sample.columns(form).map { JSONValue.Member($0.name, $0.values.json) })
        }
        return (found, try #require(rows[name]?[split]?.arrayValue), samples)
    }

    @Test func foldersOfDatasetsAreRead() throws {
        func check<Sample: ColumnarSample>(
            _ name: String, _: Sample.Type, _ form: SampleForm, split: String = "train"
        ) throws {
            let rows = try read(name, of: Sample.self, form, split: split)
            expectSame(rows.found, rows.expected, "\(name)")
        }
        try check("sft", PackedRow.self, form)
        try check("sft", PackedRow.self, form, split: "validation")
        try check("shards", PackedRow.self, form)
        try check("dpo", PairwiseSample.self, form)
        try check("kto", FeedbackSample.self, form)
        var texts = form
        texts.isText = true
        try check("pt", PackedRow.self, texts)
        for name in ["neat", "packed"] {
            var form = form
            form.isNeat = name == "neat"
            form.packedLength = try TokenizedFolder(path: Self.fixtures + name)
                .rowLength(of: "train")
            #expect(form.packedLength == 33)
            try check(name, PackedRow.self, form)
        }
    }

    @Test func packedRowsOfDatasetsAreTakenApart() throws {
        for name in ["neat", "packed"] {
            let rows = try read(name, of: PackedRow.self, form).samples
            #expect(rows.map(\.samples.count) == [1, 2, 3, 1, 2])
            let single = try read("sft", of: PackedRow.self, form).samples
            #expect(rows[2].samples[1].inputIDs == single[7].samples[0].inputIDs)
        }
        let pairs = try read("dpo", of: PairwiseSample.self, form).samples
        #expect(pairs[3].promptCount == pairs[3].chosen.labels.firstIndex { $0 >= 0 })
    }

    @Test func paddingIsToldFromShortSamples() throws {
        func short(_ label: Int32) -> ProcessedSample {
            ProcessedSample(inputIDs: [7], labels: [label], source: .init(file: "a"))
        }
        var form = form
        form.packedLength = 12
        // A sample of one token that is learned, and one that is not, before padding.
        let rows = [[sample(3), short(7)], [sample(3), short(ProcessedSample.ignored)]].map {
            PackedRow(samples: $0, indices: Array($0.indices))
        }
        let path = folder.path + "/short"
        let writer = try TokenizedFolderWriter(path: path)
        try writer.write(rows, split: "train", form)
        try writer.commit(.null)
        try FileManager.default.removeItem(atPath: path + "/fledge.json")
        let read = try TokenizedFolder(path: path).samples("train", of: PackedRow.self, form)
        #expect(read.map(\.samples.count) == [2, 1])
        #expect(read[0].samples[1].labels == [7])
    }

    @Test func otherFoldersAreNoTokenisedData() throws {
        _ = try folder.write("x", "some/file.txt")
        for path in [folder.path + "/some", folder.path + "/some/file.txt"] {
            #expect(TokenizedFolder.exists(path))
            let error = #expect(throws: FledgeError.self) { try TokenizedFolder(path: path) }
            #expect(error?.message.contains("dataset_dict.json") == true)
        }
        #expect(!TokenizedFolder.exists(folder.path + "/none"))
    }
}
