internal import FledgeColumnar
internal import FledgeCore

/// The rows of a file whose rows are not where they can be read one by one, kept as lines of JSON.
///
/// Places are those of the file itself.
struct ConvertedRecords: RecordSource {
    private let original: any RecordSource
    private let lines: JSONRecords

    init(
        _ original: any RecordSource, _ columns: Set<String>?, _ cache: RecordCache?
    ) throws {
        self.original = original
        func convert(_ write: (UnsafeRawBufferPointer) throws -> Void) throws {
            for row in 0..<original.count {
                var line = JSONWriter.bytes(of: try original.record(at: row).value, .dense)
                line.append(0x0A)
                try line.withUnsafeBytes(write)
            }
        }
        let file = "lines"
        guard let cache else {
            lines = try JSONRecords(ByteStore(writing: convert), file: file)
            return
        }
        let names = columns.map { $0.sorted().joined(separator: "\n") } ?? "*"
        let kind = "lines-" + SHA256.hexadecimal(of: Array(names.utf8)).prefix(16)
        let store = try cache.content(kind, convert)
        let index = try cache.index(kind) {
            try LineScanner.nonBlankLines(store.bytes, into: &$0)
        }
        store.expectRandomAccess()
        lines = JSONRecords(store, file: file, index: index)
    }

    var count: Int { lines.count }

    func location(at row: Int) -> FledgeError.Location { original.location(at: row) }

    func record(at row: Int) throws -> Record {
        Record(try lines.record(at: row).value, at: location(at: row))
    }
}
