import FledgeColumnar
import FledgeCore
import FledgeData
import Testing

/// Files that are something else than their name says, and JSON files that are one object.
@Suite struct ForeignFileTests {
    private let folder = TestFolder()
    private static let pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"

    @Test(arguments: ["json", "jsonl", "csv", "tsv", "txt", "parquet", "arrow"])
    func filesAreCalledWhatTheyAre(ending: String) throws {
        let utf16: [UInt8] = [0xFF, 0xFE] + "[{}]".utf8.flatMap { [$0, 0] as [UInt8] }
        let cases: [([UInt8], String, Bool)] = [
            (Array(Self.pointer.utf8), "Git LFS", true), (utf16, "UTF-16", true),
            ([0x1F, 0x8B, 8, 0, 0], "gzip", true), ([0x50, 0x4B, 3, 4, 0, 0], "zip", true),
            (Array("%PDF-1.7".utf8), "PDF", true), ([0x80, 4, 0x95, 0, 0], "pickle", true),
            (Array("<!DOCTYPE html><p>Sign in</p>".utf8), "HTML", ending != "txt"),
        ]
        for (bytes, name, isError) in cases {
            let path = try folder.write(bytes, "rows." + ending)
            guard isError else {
                #expect(try RecordFile.open(path).count == 1)
                continue
            }
            let error = #expect(throws: FledgeError.self) { try RecordFile.open(path) }
            #expect(error?.message.contains(name) == true, "\(ending) \(name)")
            #expect(error?.message.contains("expected") == true && error?.advice.isEmpty == false)
            #expect(error?.location?.file == path)
        }
    }

    @Test func descriptionsAreCalledWhatTheyAre() throws {
        _ = try folder.write(Self.pointer, "dataset_info.json")
        let error = #expect(throws: FledgeError.self) { try DatasetCatalog(folder: folder.path) }
        #expect(error?.message.contains("Git LFS") == true)
    }

    @Test(arguments: [
        (#"{"0": {"a": 1}, "1": {"a": 2}}"#, 2), (#"{"x7": {"a": 1}, "y": {"a": 2}}"#, 2),
        (#"{"0": {"a": 1}}"#, 1), (#"{"train": [{"a": 1}, {"a": 2}, {"a": 3}]}"#, 3),
        (#"{"rows": [{"a": 1}]}"#, 1), (#"{"version": "1", "data": [{"a": 1}, {"a": 2}]}"#, 2),
        (#"{"examples": []}"#, 1),
        // A row by itself stays one.
        (#"{"messages": [{"role": "user"}, {"role": "assistant"}]}"#, 1),
        (#"{"instruction": "a", "output": "b"}"#, 1), (#"{"a": {"b": 1}}"#, 1),
        (#"{"instruction": "a", "examples": [{"x": 1}, {"x": 2}]}"#, 1),
        (#"{"a": {"b": 1}, "c": "d"}"#, 1),
        (#"{"prompt": [{"role": "user"}], "completion": [{"role": "x"}]}"#, 1),
    ])
    func rowsUnderKeysAreRows(text: String, count: Int) throws {
        // With and without a line break at the end, in one line and in several.
        for text in [text, text + "\n", text.replacing(": ", with: ":\n  ") + "\n\n"] {
            let source = try JSONRecords(Array(text.utf8), file: "rows.json")
            #expect(source.count == count, "\(text)")
            for index in 0..<source.count { _ = try source.record(at: index) }
        }
    }

    @Test(arguments: [
        #"{"instruction": {"0": "a", "1": "b"}, "output": {"0": "c", "1": "d"}}"#,
        #"{"instruction": ["a", "b"], "output": ["c", "d"]}"#,
        #"{"a": [1], "b": [2], "c": [3]}"#,
    ])
    func tablesByColumnsSaySo(text: String) throws {
        for text in [text, text + "\n"] {
            let error = #expect(throws: FledgeError.self) {
                try JSONRecords(Array(text.utf8), file: "rows.json")
            }
            #expect(error?.message.contains("column by column") == true)
            #expect(error?.advice.contains("records") == true)
        }
    }

    @Test func messagesNameNoMoreThanTenThings() throws {
        let members = (0..<5000).map { "\"column\($0)\": \"x\"" }.joined(separator: ", ")
        let path = try folder.write("[{\(members)}]", "wide.json")
        let header = (0..<5000).map { "column\($0)" }.joined(separator: ",")
        let csv = try folder.write(header + "\n" + header + ",more\n", "wide.csv")
        var options = DatasetOptions()
        options.folder = folder.path
        options.names = [path]
        func message(_ body: () throws -> Void) -> String {
            let error = #expect(throws: FledgeError.self) { try body() }
            return error?.description ?? ""
        }
        let messages = [
            message { _ = try DatasetLoader(options).load() },
            message {
                _ = try DatasetLoader.rows(DatasetDescription(name: "wide", path: path))
            },
            message { _ = try RecordFile.open(csv).record(at: 0) },
        ]
        for text in messages {
            #expect(text.utf8.count < 1200 && text.contains("and 4990 more"), "\(text.prefix(300))")
        }
        #expect(["a", "b"].listed == "a, b")
        #expect((0..<12).map(String.init).listed == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more")
        #expect([String(repeating: "x", count: 5000)].listed.utf8.count < 100)
    }
}
