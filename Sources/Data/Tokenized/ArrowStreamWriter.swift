/// Writes a table as an Arrow stream, batch by batch, as `datasets` keeps its tables.
///
/// Format: https://arrow.apache.org/docs/format/Columnar.html (version 5, without compression).
struct ArrowStreamWriter {
    private let columns: [(name: String, kind: SampleColumn.Kind)]
    private let write: (UnsafeRawBufferPointer) throws -> Void
    private var pending: [[SampleColumn.Values]]
    private(set) var rowCount = 0

    private static let rowsOfBatch = 1000

    /// Begins a table.
    init(
        columns: [(name: String, kind: SampleColumn.Kind)],
        write: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        (self.columns, self.write) = (columns, write)
        pending = columns.map { _ in [] }
        let fields = columns.map { Self.field($0.name, $0.kind) }
        try message(1, [nil, .tables(fields)], body: [])
    }

    /// Adds a row: one value for each column, in their order.
    mutating func append(_ row: [SampleColumn.Values]) throws {
        precondition(row.count == columns.count, "ArrowStreamWriter: one value a column")
        for (index, values) in row.enumerated() { pending[index].append(values) }
        rowCount += 1
        if pending.first?.count == Self.rowsOfBatch { try flush() }
    }

    /// Ends the table.
    mutating func finish() throws {
        try flush()
        try withUnsafeBytes(of: UInt64(0x0000_0000_FFFF_FFFF).littleEndian) { try write($0) }
    }

    private mutating func flush() throws {
        let count = pending.first?.count ?? 0
        guard count > 0 else { return }
        var (body, nodes, buffers) = ([UInt8](), [Int64](), [Int64]())
        func close(_ start: Int) {
            buffers += [Int64(start), Int64(body.count - start)]
            body.append(contentsOf: repeatElement(0, count: (8 - body.count % 8) % 8))
        }
        for values in pending {
            nodes += [Int64(count), 0]
            close(body.count)
            if case .flag = values.first?.kind {
                let start = body.count
                body.append(contentsOf: repeatElement(0, count: (count + 7) / 8))
                for (row, value) in values.enumerated() {
                    if case .flag(true) = value { body[start + row / 8] |= 1 << UInt8(row % 8) }
                }
                close(start)
                continue
            }
            var start = body.count
            var end: Int32 = 0
            for offset in [0] + values.map(\.count) {
                end += Int32(offset)
                withUnsafeBytes(of: end.littleEndian) { body.append(contentsOf: $0) }
            }
            close(start)
            nodes += [Int64(end), 0]
            close(body.count)
            start = body.count
            for value in values { value.append(to: &body) }
            close(start)
        }
        pending = columns.map { _ in [] }
        try message(
            3, [.long(Int64(count)), .longs(nodes, words: 2), .longs(buffers, words: 2)],
            body: body)
    }

    private func message(_ kind: UInt8, _ header: [FlatWriter.Field?], body: [UInt8]) throws {
        let version: Int16 = 4
        let metadata = FlatWriter.message([
            .short(version), .byte(kind), .table(header), .long(Int64(body.count)),
        ])
        var lead = [UInt8](repeating: 0xFF, count: 4)
        withUnsafeBytes(of: UInt32(metadata.count).littleEndian) { lead.append(contentsOf: $0) }
        for part in [lead, metadata, body] { try part.withUnsafeBytes { try write($0) } }
    }

    private static func field(
        _ name: String, _ kind: SampleColumn.Kind
    ) -> [FlatWriter.Field?] {
        func field(
            _ name: String, _ type: UInt8, _ details: [FlatWriter.Field?],
            _ children: [[FlatWriter.Field?]] = []
        ) -> [FlatWriter.Field?] {
            [.text(name), .byte(1), .byte(type), .table(details), nil, .tables(children)]
        }
        func whole(_ bits: Int32) -> [FlatWriter.Field?] {
            field("item", 2, [.int(bits), .byte(1)])
        }
        return switch kind {
        case .flag: field(name, 6, [])
        case .integers: field(name, 12, [], [whole(32)])
        case .marks: field(name, 12, [], [whole(8)])
        case .numbers: field(name, 12, [], [field("item", 3, [.short(1)])])
        }
    }
}
