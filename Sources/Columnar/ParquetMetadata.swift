internal import FledgeCore

/// What the footer of a Parquet file says (the structures of `parquet.thrift`).
struct ParquetMetadata: Sendable {
    /// A node of the schema, in depth-first order.
    struct Element: Sendable {
        var type: Int?
        var typeLength = 0
        var repetition = 0
        var name = ""
        var childCount = 0
        var convertedType: Int?
        /// Which member of the union of logical types is there.
        var logicalType: Int?
        var integerIsSigned: Bool?
    }

    /// A column's pages in a row group.
    struct Chunk: Sendable {
        var type = -1
        var codec = 0
        var valueCount = 0
        var compressedSize = 0
        var dataOffset = 0
        var dictionaryOffset: Int?
        var isElsewhere = false
        var isEncrypted = false

        /// The first byte.
        var start: Int {
            guard let dictionaryOffset, dictionaryOffset > 0 else { return dataOffset }
            return min(dictionaryOffset, dataOffset)
        }
    }

    /// Rows that are stored together.
    struct RowGroup: Sendable {
        var chunks: [Chunk] = []
        var rowCount = 0
    }

    var elements: [Element] = []
    var rowGroups: [RowGroup] = []
    var rowCount = 0

    /// Reads the footer.
    init(_ bytes: UnsafeRawBufferPointer, fail: @escaping (String) -> FledgeError) throws {
        let mark = Array("PAR1".utf8)
        guard bytes.count >= 12, bytes.starts(with: mark) else {
            throw fail("no PAR1 at the start")
        }
        guard bytes.suffix(4).elementsEqual(mark) else {
            throw fail(
                bytes.suffix(4).elementsEqual("PARE".utf8)
                    ? "encryption, which is not supported" : "no PAR1 at the end")
        }
        let size = Int(
            UInt32(
                littleEndian: bytes.loadUnaligned(
                    fromByteOffset: bytes.count - 8, as: UInt32.self)))
        guard size <= bytes.count - 12 else { throw fail("a footer that is longer than the file") }
        let end = bytes.count - 8
        var reader = ThriftReader(
            UnsafeRawBufferPointer(rebasing: bytes[..<end]), from: end - size, fail: fail)
        try reader.structure { reader, field, kind in
            switch (field, kind) {
            case (2, .list): try reader.list { elements.append(try Element(&$0)) }
            case (3, .long): rowCount = try reader.integer()
            case (4, .list): try reader.list { rowGroups.append(try RowGroup(&$0)) }
            default: return false
            }
            return true
        }
        var total = 0
        for group in rowGroups {
            guard group.rowCount >= 0, group.rowCount <= Int.max - total else {
                throw fail("a negative number of rows")
            }
            total += group.rowCount
        }
        // Runs of equal values make many rows of few bytes, but not of next to none.
        guard total <= 65_536 + 4096 * bytes.count else {
            throw fail("\(total) rows, more than the file can hold")
        }
        guard total == rowCount else {
            throw fail("\(total) rows in groups, where the footer counts \(rowCount)")
        }
    }
}

extension ParquetMetadata.Element {
    fileprivate init(_ reader: inout ThriftReader) throws {
        try reader.structure { reader, field, kind in
            switch (field, kind) {
            case (1, .int): type = try reader.integer()
            case (2, .int): typeLength = try reader.integer()
            case (3, .int): repetition = try reader.integer()
            case (4, .binary): name = try reader.text()
            case (5, .int): childCount = try reader.integer()
            case (6, .int): convertedType = try reader.integer()
            case (10, .structure):
                try reader.structure { reader, field, kind in
                    logicalType = field
                    guard field == 10, kind == .structure else { return false }
                    try reader.structure { _, field, kind in
                        guard field == 2, kind == .yes || kind == .no else { return false }
                        integerIsSigned = kind == .yes
                        return true
                    }
                    return true
                }
            default: return false
            }
            return true
        }
    }
}

extension ParquetMetadata.RowGroup {
    fileprivate init(_ reader: inout ThriftReader) throws {
        try reader.structure { reader, field, kind in
            switch (field, kind) {
            case (1, .list): try reader.list { chunks.append(try ParquetMetadata.Chunk(&$0)) }
            case (3, .long): rowCount = try reader.integer()
            default: return false
            }
            return true
        }
    }
}

extension ParquetMetadata.Chunk {
    fileprivate init(_ reader: inout ThriftReader) throws {
        try reader.structure { reader, field, kind in
            switch (field, kind) {
            case (1, .binary): isElsewhere = try !reader.binary().isEmpty
            case (3, .structure): try readMetadata(&reader)
            case (8, .structure):
                isEncrypted = true
                return false
            default: return false
            }
            return true
        }
    }

    private mutating func readMetadata(_ reader: inout ThriftReader) throws {
        try reader.structure { reader, field, kind in
            switch (field, kind) {
            case (1, .int): type = try reader.integer()
            case (4, .int): codec = try reader.integer()
            case (5, .long): valueCount = try reader.integer()
            case (7, .long): compressedSize = try reader.integer()
            case (9, .long): dataOffset = try reader.integer()
            case (11, .long): dictionaryOffset = try reader.integer()
            default: return false
            }
            return true
        }
    }
}
