internal import FledgeCore

/// Reads lines of comma-separated values by the rules of pandas' parser.
///
/// A field that begins with a quote goes on to the next single quote; what follows that up to the
/// delimiter belongs to it too. Quotes elsewhere are text. Lines that are blank are no rows.
struct CSVScanner {
    private let bytes: UnsafeRawBufferPointer
    private let file: String
    private let delimiter: UInt8
    /// The next byte.
    private(set) var position: Int
    private(set) var line: Int

    /// A field's bytes, and whether it was quoted.
    struct Field {
        var bytes: [UInt8] = []
        var isQuoted = false
        /// Where it begins: index in the scanner's bytes, and line.
        var start = 0
    }

    init(
        _ bytes: UnsafeRawBufferPointer, file: String, delimiter: UInt8, from start: Int? = nil,
        line: Int = 1
    ) {
        (self.bytes, self.file, self.delimiter, self.line) = (bytes, file, delimiter, line)
        position = start ?? LineScanner.markLength(bytes)
    }

    /// Adds all rows but the first one, which names the columns.
    static func scan(
        _ bytes: UnsafeRawBufferPointer, file: String, delimiter: UInt8,
        into builder: inout RowIndex.Builder
    ) throws {
        var scanner = CSVScanner(bytes, file: file, delimiter: delimiter)
        var isHeader = true
        while scanner.skipBlankLines() {
            let (start, line) = (scanner.position, scanner.line)
            try scanner.skipRow()
            if !isHeader { try builder.append(offset: start, line: line, column: 1) }
            isHeader = false
        }
        try builder.finish(end: bytes.count)
    }

    /// Moves to the next row; false at the end.
    mutating func skipBlankLines() -> Bool {
        var (ahead, lines) = (position, line)
        while ahead < bytes.count {
            switch bytes[ahead] {
            case 0x0A:
                lines += 1
                (position, line) = (ahead + 1, lines)
            case 0x0D:
                if ahead + 1 == bytes.count || bytes[ahead + 1] != 0x0A { lines += 1 }
                (position, line) = (ahead + 1, lines)
            case 0x20: break
            case 0x09 where delimiter != 0x09: break
            default: return true
            }
            ahead += 1
        }
        position = bytes.count
        return false
    }

    /// Moves behind a row.
    mutating func skipRow() throws {
        try read { _, _ in
        } endField: { _, _, _ in
        }
    }

    /// Reads the fields of a row and moves behind it.
    mutating func readRow() throws -> [Field] {
        var (fields, field) = ([Field](), Field())
        field.start = position
        try read { byte, _ in
            field.bytes.append(byte)
        } endField: { isQuoted, _, next in
            field.isQuoted = isQuoted
            fields.append(field)
            field = Field()
            field.start = next
        }
        return fields
    }

    @inline(__always)
    private mutating func read(
        _ put: (UInt8, Int) -> Void, endField: (_ isQuoted: Bool, _ end: Int, _ next: Int) -> Void
    ) throws {
        var isStart = true
        var isQuoted = false
        var isInside = false
        var opening = (line: line, column: 1)
        var lineStart = position
        while position < bytes.count {
            let byte = bytes[position]
            if isInside {
                if byte == UInt8(ascii: "\"") {
                    if position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "\"") {
                        put(byte, position)
                        position += 2
                    } else {
                        isInside = false
                        position += 1
                    }
                    continue
                }
                if byte == 0x0A { (line, lineStart) = (line + 1, position + 1) }
                put(byte, position)
                position += 1
                continue
            }
            if byte == UInt8(ascii: "\""), isStart {
                opening = (line, position - lineStart + 1)
                (isInside, isStart, isQuoted) = (true, false, true)
                position += 1
                continue
            }
            if byte == delimiter {
                position += 1
                endField(isQuoted, position - 1, position)
                (isStart, isQuoted) = (true, false)
                continue
            }
            if byte == 0x0A || byte == 0x0D {
                let end = position
                position += 1
                if byte == 0x0D, position < bytes.count, bytes[position] == 0x0A { position += 1 }
                line += 1
                endField(isQuoted, end, position)
                return
            }
            put(byte, position)
            isStart = false
            position += 1
        }
        guard !isInside else {
            throw FledgeError(
                .fileCorrupt, "The quote that opens here is never closed.",
                at: FledgeError.Location(file: file, line: opening.line, column: opening.column))
        }
        endField(isQuoted, position, position)
    }
}
