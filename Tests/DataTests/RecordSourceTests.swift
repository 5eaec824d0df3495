import FledgeColumnar
import FledgeCore
import FledgeData
import Foundation
import Testing

@Suite struct RecordSourceTests {
    private let folder = TestFolder()

    private func rows(_ source: any RecordSource) throws -> [String] {
        try (0..<source.count).map { try source.record(at: $0).value.serialized(.dense) }
    }

    private func places(_ source: any RecordSource) throws -> [String] {
        try (0..<source.count).map {
            let place = try source.record(at: $0).location
            #expect(place == source.location(at: $0))
            return "\(place.line ?? 0):\(place.column ?? 0)"
        }
    }

    // MARK: JSON

    private func json(_ text: String) throws -> JSONRecords {
        try JSONRecords(Array(text.utf8), file: "f.json")
    }

    @Test(
        arguments: [
            ("", [], []), ("  \n ", [], []), ("[]", [], []), (" [ ]\n", [], []),
            (#"{"a":1}"#, ["1:1"], [#"{"a":1}"#]),
            ("{\"a\":1}\n{\"b\":\"]}\"}\n", ["1:1", "2:1"], [#"{"a":1}"#, #"{"b":"]}"}"#]),
            ("{\"a\":1}\r\n\r\n  {\"b\":2}", ["1:1", "3:3"], [#"{"a":1}"#, #"{"b":2}"#]),
            (
                "[{\"a\":[1,{}]},\n {\"b\":\"\\\"}\"}]", ["1:2", "2:2"],
                [#"{"a":[1,{}]}"#, #"{"b":"\"}"}"#]
            ),
            (
                "{\n \"a\": 1\n}\n{\"b\":2}{\"c\":3}", ["1:1", "4:1", "4:8"],
                [#"{"a":1}"#, #"{"b":2}"#, #"{"c":3}"#]
            ),
            ("\u{FEFF}[{\"a\":1}]", ["1:2"], [#"{"a":1}"#]),
            ("\u{FEFF}{\"a\":1}\n{\"a\":2}\n", ["1:1", "2:1"], [#"{"a":1}"#, #"{"a":2}"#]),
            (
                "{\"version\": \"1\", \"more\": {\"data\": []},\n \"data\": [{\"a\":1}, {\"a\":2}], \"x\": 1}",
                ["2:11", "2:20"], [#"{"a":1}"#, #"{"a":2}"#]
            ),
            (#"{"data": [1, 2]}"#, ["1:1"], [#"{"data":[1,2]}"#]),
            (#"{"data": {"a": 1}}"#, ["1:1"], [#"{"data":{"a":1}}"#]),
        ] as [(String, [String], [String])])
    func formsOfJSON(text: String, expectedPlaces: [String], expected: [String]) throws {
        let source = try json(text)
        #expect(try rows(source) == expected)
        #expect(try places(source) == expectedPlaces)
    }

    @Test(
        arguments: [
            ("[{\"a\":1}\n{\"b\":2}]", "2:1", "','"),
            ("[{\"a\":1},\n", "2:1", "a value"),
            ("[{\"a\":1}] x", "1:11", "nothing after"),
            ("[{\"a\":\n \"b\" \"c\"}]", "2:6", "',' or '}'"),
            ("[{\"a\":1,\n\"b\"", "2:4", "':'"),
            ("[\n 7]", "2:2", "an object"),
            ("[\n[1]]", "2:1", "an object"),
            ("{\"a\":1}\n{\"a\":\n", "2:6", "a value"),
            ("{\"a\":1}\n{\"a\":2} x\n", "2:9", "nothing after"),
            ("{\"a\":1}\n\n x\n", "3:2", "a value"),
            ("{\"a\":1}\n[2]\n", "2:1", "an object"),
            ("[{\"a\": \"x\"y\", \"b\": 1},\n{\"a\": \"z\"}]", "1:11", "',' or '}'"),
            ("[{\"a\": \"open}, \n{\"a\": 1}]", "1:16", "control"),
        ] as [(String, String, String)])
    func brokenJSONNamesThePlace(text: String, place: String, part: String) throws {
        let error = #expect(throws: FledgeError.self) {
            let source = try json(text)
            for row in 0..<source.count { _ = try source.record(at: row) }
        }
        let found = error?.location.map { "\($0.line ?? 0):\($0.column ?? 0)" }
        #expect(found == place, "\(String(describing: error))")
        #expect(error?.message.contains(part) == true, "\(String(describing: error))")
    }

    // MARK: CSV

    private func csv(_ text: String, _ delimiter: Character = ",") throws -> [String] {
        try rows(
            CSVRecords(
                Array(text.utf8), file: "f.csv", delimiter: delimiter.asciiValue ?? 0,
                truthColumns: ["t"]))
    }

    @Test(
        arguments: [
            ("a,b\n1,x\n", [#"{"a":"1","b":"x"}"#]),
            (
                "\u{FEFF}a,b\r\n1,\"x\r\ny\"\r\n2,\"\"\"q\"\" z\"",
                [#"{"a":"1","b":"x\r\ny"}"#, #"{"a":"2","b":"\"q\" z"}"#]
            ),
            ("a,b\n\n  \n1\n,\n", [#"{"a":"1","b":null}"#, #"{"a":null,"b":null}"#]),
            (
                "a,b\nNA,\"NA\"\nnull,None \n",
                [#"{"a":null,"b":"NA"}"#, #"{"a":null,"b":"None "}"#]
            ),
            ("a,a,,a.1\n1,2,3,4", [#"{"a":"1","a.1":"2","Unnamed: 2":"3","a.1.1":"4"}"#]),
            ("t,u\nTrue,True\nfalse,x\n", [#"{"t":true,"u":"True"}"#, #"{"t":false,"u":"x"}"#]),
            ("a,b\rx,y\rz,\"w\"v\r", [#"{"a":"x","b":"y"}"#, #"{"a":"z","b":"wv"}"#]),
            ("a,b\nx y,it's \"so\"\n", [#"{"a":"x y","b":"it's \"so\""}"#]),
            ("a\n001\n1e5\n", [#"{"a":"001"}"#, #"{"a":"1e5"}"#]), ("a,b\n", []),
        ] as [(String, [String])])
    func formsOfCSV(text: String, expected: [String]) throws { #expect(try csv(text) == expected) }

    @Test func tabsSeparateToo() throws {
        #expect(
            try csv("a\tb\n1,2\t\"x\ty\"\n\tz", "\t") == [
                #"{"a":"1,2","b":"x\ty"}"#, #"{"a":null,"b":"z"}"#,
            ])
    }

    @Test(
        arguments: [
            ("", 0, 0, "empty"), ("a,b\n1,2\n1,2,3\n", 3, 5, "3 fields"),
            ("a,b\n1,\"x\ny", 2, 3, "never closed"), ("a\nx\n\u{1}\u{0}", 0, 0, ""),
        ] as [(String, Int, Int, String)])
    func brokenCSVNamesThePlace(text: String, line: Int, column: Int, part: String) throws {
        guard !part.isEmpty else { return }
        let error = #expect(throws: FledgeError.self) { try csv(text) }
        #expect(error?.location?.line ?? 0 == line && error?.location?.column ?? 0 == column)
        #expect(error?.message.contains(part) == true, "\(String(describing: error))")
    }

    @Test func wrongBytesAreNamed() throws {
        let bytes = Array("a,b\n1,2\nx,".utf8) + [0xC3, 0x28]
        let source = try CSVRecords(bytes, file: "f.csv")
        #expect(throws: FledgeError.self) { try source.record(at: 1) }
        let text = try TextRecords(Array("ok\nz".utf8) + [0xE4, 0x20], file: "f.txt")
        let error = #expect(throws: FledgeError.self) { try text.record(at: 1) }
        #expect(error?.location == FledgeError.Location(file: "f.txt", line: 2, column: 2))
    }

    // MARK: Text

    @Test(
        arguments: [
            ("", []), ("a", ["a"]), ("a\n", ["a"]), ("a\n\nb", ["a", "", "b"]), ("\n\n", ["", ""]),
            ("a\r\nb\rc\r\r\nd", ["a", "b", "c", "", "d"]), ("\u{FEFF}a\n", ["a"]), ("a\r", ["a"]),
            ("a\n\rb", ["a", "", "b"]),
        ] as [(String, [String])])
    func linesOfText(text: String, expected: [String]) throws {
        let source = try TextRecords(Array(text.utf8), file: "f.txt")
        let lines = try (0..<source.count).map {
            try source.record(at: $0).value["text"]?.stringValue
        }
        #expect(lines == expected)
        #expect(try places(source) == (0..<expected.count).map { "\($0 + 1):1" })
    }

    // MARK: Files

    private var gzipped: [UInt8] {
        let list = try? JSONValue(contentsOf: ReferenceFiles.columnar + "compressed.json")
        let text = list?.arrayValue?.first { $0["kind"] == "gzip" && $0["name"] == "text" }
        return Array(Data(base64Encoded: text?["data"]?.stringValue ?? "") ?? Data())
    }

    @Test func namesSayTheFormat() throws {
        var content = [UInt8]()
        try gzipped.withUnsafeBytes { bytes in
            try Gzip.expand(bytes, file: "t.gz") { content.append(contentsOf: $0) }
        }
        let packed = try RecordFile.open(try folder.write(gzipped, "t.txt.gz"))
        let plain = try RecordFile.open(try folder.write(content, "t.txt"))
        #expect(try rows(packed) == rows(plain) && packed.count > 0)
        #expect(
            try rows(RecordFile.open(try folder.write(Array("a\tb\n1\t2".utf8), "t.tsv"))) == [
                #"{"a":"1","b":"2"}"#
            ])
        for (name, part) in [
            ("x.xml", "xml"), ("x", "none"), ("x.parquet.gz", "parquet"), ("x.xml.gz", "xml"),
        ] {
            let error = #expect(throws: FledgeError.self) {
                try RecordFile.open(try folder.write([UInt8](), name))
            }
            #expect(error?.message.contains(part) == true && error?.code == .unsupported)
        }
        let none = #expect(throws: FledgeError.self) {
            try RecordFile.open(folder.path + "/none.json")
        }
        #expect(none?.code == .fileNotFound)
        guard !Zstandard.isAvailable else { return }
        let zstd = #expect(throws: FledgeError.self) {
            try RecordFile.open(try folder.write([0x28, 0xB5, 0x2F, 0xFD], "x.jsonl.zst"))
        }
        #expect(zstd?.advice.contains("--traits Zstandard") == true)
    }

    @Test func foldersHaveOneFormat() throws {
        _ = try folder.write(Array("{\"a\":2}".utf8), "b.jsonl")
        _ = try folder.write(Array("[{\"a\":1},{\"a\":3}]".utf8), "a.json")
        _ = try folder.write(Array("hidden".utf8), ".x.csv")
        let source = try RecordFile.open(folder.path)
        #expect(try rows(source) == [#"{"a":1}"#, #"{"a":3}"#, #"{"a":2}"#])
        #expect(try source.record(at: 2).location.file == folder.path + "/b.jsonl")
        _ = try folder.write(Array("a\n1".utf8), "c.csv")
        let error = #expect(throws: FledgeError.self) { try RecordFile.open(folder.path) }
        #expect(error?.message.contains("File types should be identical") == true)
    }

    @Test func aCacheIsKeptUntilTheFileChanges() throws {
        var options = RecordFile.Options()
        options.cacheFolder = folder.path + "/cache/rows"
        options.cachesFrom = 1
        options.readsInAnyOrder = true
        func kept() -> Int {
            (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/cache/rows"))?
                .count
                ?? 0
        }
        let lines = (0..<200).map { "{\"a\":\($0)}\n" }.joined()
        let path = try folder.write(Array(lines.utf8), "x.jsonl")
        let first = try rows(RecordFile.open(path, options))
        #expect(first.count == 200 && kept() == 1)
        #expect(try rows(RecordFile.open(path, options)) == first && kept() == 1)
        #expect(try rows(RecordFile.open(path)) == first)
        // As long as before and as old as before, but with other content.
        _ = try folder.write(Array(lines.replacing(":7}", with: ":8}").utf8), "x.jsonl")
        #expect(try rows(RecordFile.open(path, options)) != first && kept() == 2)
        // What compressed files hold is kept too.
        let packed = try folder.write(gzipped, "t.txt.gz")
        let text = try rows(RecordFile.open(packed, options))
        #expect(try rows(RecordFile.open(packed, options)) == text && kept() == 4)
        // Parquet is made into lines, which can be read in any order.
        let parquet = ReferenceFiles.columnar + "groups.parquet"
        let converted = try RecordFile.open(parquet, options)
        #expect(converted.isRandomAccess && kept() == 6)
        #expect(try rows(converted) == rows(RecordFile.open(parquet)))
        #expect(converted.location(at: 4) == FledgeError.Location(file: parquet, line: 5))
        // A damaged index is noticed.
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/cache/rows")
        for name in names where name.hasSuffix(".rows") {
            try AtomicFile.write([1, 2, 3], to: folder.path + "/cache/rows/" + name)
        }
        #expect(throws: FledgeError.self) { try RecordFile.open(packed, options) }
    }
}
