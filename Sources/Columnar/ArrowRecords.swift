public import FledgeCore

/// The rows of an Arrow file, in the file or the stream form of its format.
///
/// The file is mapped and a row is read where it lies. Lists, structures and maps become arrays and
/// objects, times and dates the numbers that the file holds. Compressed batches are refused.
public struct ArrowRecords: RecordSource {
    private let store: ByteStore
    private let path: String
    let fields: [(place: Int, name: String)]
    let batches: [Batch]
    /// The index of each batch's first row, and the number of all rows.
    private let starts: [Int]

    struct Batch {
        nonisolated(unsafe) var columns: [ArrowColumn]
        var count: Int
    }

    /// Opens a file.
    ///
    /// - Parameter columns: The columns to read, at the top level; `nil` for all.
    /// - Throws: ``FledgeError`` when the file is damaged or compressed.
    public init(path: String, columns: Set<String>? = nil) throws {
        try self.init(ByteStore(mapping: path), path: path, columns: columns)
    }

    /// Opens a file that is in memory.
    package init(bytes: [UInt8], path: String, columns: Set<String>? = nil) throws {
        try self.init(ByteStore(copying: bytes), path: path, columns: columns)
    }

    private init(_ store: ByteStore, path: String, columns: Set<String>?) throws {
        (self.store, self.path) = (store, path)
        var reader = Reader(store.bytes, path: path)
        try reader.read()
        let all = reader.fields.enumerated().map { (place: $0.offset, name: $0.element.name) }
        fields = all.filter { columns?.contains($0.name) ?? true }
        batches = reader.batches
        starts = batches.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        guard !fields.isEmpty || count == 0 else {
            throw FledgeError(
                .data,
                "The file has none of the wanted columns: found "
                    + all.map(\.name).listed + ".",
                advice: "Name its columns under \"columns\" in dataset_info.json.",
                at: FledgeError.Location(file: path))
        }
    }

    /// Number of rows.
    public var count: Int { starts[batches.count] }

    /// The file, with the number of the row in place of a line.
    public func location(at row: Int) -> FledgeError.Location {
        FledgeError.Location(file: path, line: row + 1)
    }

    /// The row at an index.
    ///
    /// - Throws: ``FledgeError`` when it is damaged, or a column holds what has no form in JSON.
    public func record(at row: Int) throws -> Record {
        let (batch, place) = place(of: row)
        let fail = failure
        // No row has more values than the file has bits: lists of a damaged file may overlap.
        var budget = Reader.mostValues(store.bytes)
        let members = try fields.map { field in
            JSONValue.Member(
                field.name,
                try batches[batch].columns[field.place].value(at: place, &budget, fail))
        }
        return Record(.object(members), at: location(at: row))
    }

    /// The batch of a row, and its place there.
    func place(of row: Int) -> (batch: Int, row: Int) {
        precondition(row >= 0 && row < count, "row \(row) of \(count)")
        var (low, high) = (0, batches.count)
        while low + 1 < high {
            let middle = (low + high) / 2
            if starts[middle] <= row { low = middle } else { high = middle }
        }
        return (low, row - starts[low])
    }

    /// An error about the file.
    package var failure: (String) -> FledgeError { Reader.failure(path) }

    /// Goes through the messages of a file.
    private struct Reader {
        private let bytes: UnsafeRawBufferPointer
        private let fail: (String) -> FledgeError
        private let path: String
        private var position = 0
        var fields: [ArrowField] = []
        var batches: [Batch] = []
        private var hasSchema = false
        private var dictionaries: [Int64: [ArrowColumn]] = [:]

        init(_ bytes: UnsafeRawBufferPointer, path: String) {
            (self.bytes, self.path, fail) = (bytes, path, Self.failure(path))
        }

        static func failure(_ path: String) -> (String) -> FledgeError {
            { what in
                FledgeError(
                    .fileCorrupt, "The Arrow file is damaged: found \(what).",
                    at: FledgeError.Location(file: path))
            }
        }

        mutating func read() throws {
            // A file is a stream between its marks, with a table of contents behind.
            let isFile = bytes.starts(with: Array("ARROW1".utf8))
            if isFile { position = 8 }
            while position < bytes.count {
                guard try readMessage() else { break }
            }
            guard hasSchema else { throw fail("no schema") }
            guard !isFile || bytes.suffix(6).elementsEqual("ARROW1".utf8) else {
                throw fail("no ARROW1 at the end")
            }
        }

        /// Reads a message; false at the end of the stream.
        private mutating func readMessage() throws -> Bool {
            func word(_ place: Int) throws -> UInt32 {
                guard place <= bytes.count - 4 else { throw fail("too early an end") }
                return UInt32(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
            }
            var size = try word(position)
            position += 4
            if size == .max {
                size = try word(position)
                position += 4
            }
            if size == 0 { return false }
            guard size <= bytes.count - position else { throw fail("too early an end") }
            let start = position
            position += Int(size)
            let message = try FlatTable(
                root: UnsafeRawBufferPointer(rebasing: bytes[start..<position]), fail: fail)
            let bodySize = try message.number(3, default: Int64(0))
            guard bodySize >= 0, bodySize <= Int64(bytes.count - position) else {
                throw fail("too early an end")
            }
            let body = UnsafeRawBufferPointer(
                rebasing: bytes[position..<position + Int(bodySize)])
            position += Int(bodySize)
            guard let header = try message.table(2) else { throw fail("a message without content") }
            switch try message.number(1, default: UInt8(0)) {
            case 1: try readSchema(header)
            case 2: try readDictionary(header, body)
            case 3:
                let batch = try parts(header, body)
                var rest = batch.parts
                let columns = try fields.map { try ArrowColumn($0, &rest) }
                guard columns.allSatisfy({ $0.count == batch.count }) else {
                    throw fail("columns of different lengths")
                }
                batches.append(Batch(columns: columns, count: batch.count))
            default: break
            }
            return true
        }

        private mutating func readSchema(_ schema: FlatTable) throws {
            guard !hasSchema else { throw fail("a second schema") }
            hasSchema = true
            guard try schema.number(0, default: Int16(0)) == 0 else {
                throw FledgeError(
                    .unsupported, "The numbers of the file have their highest byte first.",
                    advice: "Write it on a machine of today.", at: fail("").location)
            }
            var budget = 50_000
            fields = try schema.tables(1).map {
                try ArrowField($0, budget: &budget, fail: fail)
            }
        }

        private mutating func readDictionary(
            _ header: FlatTable, _ body: UnsafeRawBufferPointer
        ) throws {
            let id = try header.number(0, default: Int64(0))
            guard let data = try header.table(1), let field = Self.field(of: id, in: fields) else {
                throw fail("a dictionary of no column")
            }
            var rest = try parts(data, body).parts
            let values = try ArrowColumn(field, &rest, isValue: true)
            if try header.flag(2) {
                dictionaries[id, default: []].append(values)
            } else {
                dictionaries[id] = [values]
            }
        }

        private static func field(of id: Int64, in fields: [ArrowField]) -> ArrowField? {
            for field in fields {
                if field.dictionary?.id == id { return field }
                if let found = Self.field(of: id, in: field.children) { return found }
            }
            return nil
        }

        /// The most values of a column: none but nulls take less than a bit.
        static func mostValues(_ bytes: UnsafeRawBufferPointer) -> Int { bytes.count * 8 + 65_536 }

        private func parts(
            _ batch: FlatTable, _ body: UnsafeRawBufferPointer
        ) throws -> (parts: ArrowColumn.Parts, count: Int) {
            guard try batch.table(3) == nil else {
                throw FledgeError(
                    .unsupported, "The batches of the file are compressed, which cannot be read.",
                    advice: "Write it without compression.", at: fail("").location)
            }
            let most = Int64(Self.mostValues(bytes))
            func length(_ value: Int64) throws -> Int {
                guard value >= 0, value <= most else { throw fail("a length that cannot be") }
                return Int(value)
            }
            let nodes = try batch.longs(1, words: 2)
            let buffers = try batch.longs(2, words: 2)
            let parts = ArrowColumn.Parts(
                nodes: try stride(from: 0, to: nodes.count, by: 2).map {
                    (try length(nodes[$0]), try length(nodes[$0 + 1]))
                }[...],
                buffers: try stride(from: 0, to: buffers.count, by: 2).map {
                    let (start, size) = (buffers[$0], buffers[$0 + 1])
                    guard start >= 0, size >= 0, start <= Int64(body.count),
                        size <= Int64(body.count) - start
                    else { throw fail("a buffer outside of its message") }
                    return UnsafeRawBufferPointer(rebasing: body[Int(start)..<Int(start + size)])
                }[...],
                viewCounts: try batch.longs(4, words: 1)[...], dictionaries: dictionaries,
                fail: fail)
            return (parts, try length(batch.number(0, default: Int64(0))))
        }
    }
}
