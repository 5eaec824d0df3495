import FledgeColumnar
import FledgeCore
import FledgeData
import Foundation
import Testing

/// Parquet and Arrow files as pyarrow, DuckDB and Polars write them (`columnar_files.py`).
@Suite struct ColumnarFileTests {
    static let folder = ColumnarFixtures.folder
    static let expected = Result { try JSONValue(contentsOf: folder + "rows.json") }
    static let names: [String] =
        ((try? expected.get())?["files"]?.members?.map(\.key) ?? []).filter {
            Zstandard.isAvailable || $0 != "zstd.parquet"
        }

    static func open(_ name: String, bytes: [UInt8], columns: Set<String>? = nil) throws
        -> any RecordSource
    {
        name.hasSuffix(".arrow")
            ? try ArrowRecords(bytes: bytes, path: name, columns: columns)
            : try ParquetRecords(bytes: bytes, path: name, columns: columns)
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: folder + name)))
    }

    private static func rows(_ name: String) throws -> [JSONValue] {
        let all = try expected.get()
        let index = all["files"]?[name]?.intValue ?? -1
        return all["rows"]?[index]?.arrayValue ?? []
    }

    @Test func allFilesAreThere() { #expect(Self.names.count >= 19) }

    @Test(arguments: names)
    func rowsAreThoseOfTheWriter(name: String) throws {
        let source = try RecordFile.open(Self.folder + name)
        let expected = try Self.rows(name)
        #expect(source.count == expected.count)
        for row in 0..<min(source.count, expected.count) {
            let record = try source.record(at: row)
            #expect(
                Self.same(record.value, expected[row]),
                "\(name) row \(row): \(record.value.serialized())")
            #expect(record.location.line == row + 1)
        }
    }

    /// Whether values are equal, whole numbers with or without a point.
    private static func same(_ a: JSONValue, _ b: JSONValue) -> Bool {
        switch (a, b) {
        case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy(same)
        case (.object(let a), .object(let b)):
            a.count == b.count
                && zip(a, b).allSatisfy { $0.key == $1.key && same($0.value, $1.value) }
        case (.number, .integer), (.integer, .number): a.doubleValue == b.doubleValue
        default: a == b
        }
    }

    @Test(arguments: names)
    func anyOrderGivesTheSameRows(name: String) throws {
        let source = try RecordFile.open(Self.folder + name)
        let order = KeyedPermutation(count: source.count, key: RandomKey(seed: 4))
        let inOrder = try (0..<source.count).map { try source.record(at: $0).value }
        for place in 0..<source.count {
            #expect(try source.record(at: order[place]).value == inOrder[order[place]])
        }
    }

    @Test func columnsAreChosen() throws {
        for name in ["groups.parquet", "stream.arrow", "pages_v2.parquet", "duckdb.parquet"] {
            let source = try Self.open(
                name, bytes: Self.bytes(name), columns: ["conversations", "id", "none"])
            for (row, expected) in try Self.rows(name).enumerated() {
                let record = try source.record(at: row).value
                #expect(record.members?.map(\.key) == ["id", "conversations"])
                #expect(record["conversations"] == expected["conversations"])
            }
            let error = #expect(throws: FledgeError.self) {
                try Self.open(name, bytes: Self.bytes(name), columns: ["none"])
            }
            #expect(error?.message.contains("conversations") == true)
        }
    }

    @Test(arguments: [
        ("lz4.parquet", "LZ4"), ("lz4.arrow", "compressed"), ("decimal.parquet", "price"),
        ("decimal.arrow", "price"), ("images.parquet", "image.bytes"),
    ])
    func whatCannotBeReadIsNamed(name: String, part: String) throws {
        let error = #expect(throws: FledgeError.self) {
            try RecordFile.open(Self.folder + name).record(at: 0)
        }
        #expect(error?.code == .unsupported && error?.message.contains(part) == true)
        guard part == "price" || part == "image.bytes" else { return }
        // Other columns of the file can be read all the same.
        let text = try Self.open(name, bytes: Self.bytes(name), columns: ["text"])
        #expect(try text.record(at: 0).value == ["text": "a"])
    }

    @Test(arguments: names)
    func shortenedFilesAreRefused(name: String) throws {
        let bytes = try Self.bytes(name)
        for part in 0..<40 {
            let cut = Array(bytes.prefix(bytes.count * part / 40))
            // A stream without its last mark is whole when it is cut between batches.
            guard !name.contains("stream") else {
                _ = try? Self.readAll(name, cut)
                continue
            }
            #expect(throws: FledgeError.self) { try Self.readAll(name, cut) }
        }
    }

    @Test(arguments: names)
    func damagedFilesNeverCrash(name: String) throws {
        let bytes = try Self.bytes(name)
        var generator = KeyedGenerator(RandomKey(seed: 21).appending(name))
        for round in 0..<300 {
            var damaged = bytes
            // Half of the damage goes where the description is.
            let start = round % 2 == 0 ? 0 : bytes.count - min(bytes.count, 1500)
            for _ in 0...Int(generator.next() % 4) {
                let place = start + Int(generator.next() % UInt64(bytes.count - start))
                damaged[place] =
                    generator.next() % 2 == 0
                    ? damaged[place] ^ 1 << UInt8(generator.next() % 8)
                    : UInt8(truncatingIfNeeded: generator.next())
            }
            do { try Self.readAll(name, damaged) } catch { #expect(error is FledgeError) }
        }
    }

    private static func readAll(_ name: String, _ bytes: [UInt8]) throws {
        let source = try open(name, bytes: bytes)
        for row in 0..<min(source.count, 2000) { _ = try source.record(at: row) }
    }

    @Test func checkSumsOfPagesAreChecked() throws {
        var bytes = try Self.bytes("groups.parquet")
        // The first page's last bytes: whatever they are, the sum no longer fits.
        bytes[60] ^= 0x10
        #expect(throws: FledgeError.self) { try Self.readAll("groups.parquet", bytes) }
    }
}
