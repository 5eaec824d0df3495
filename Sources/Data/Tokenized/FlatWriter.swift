/// Writes tables of FlatBuffers messages, in which Arrow files describe themselves.
///
/// Everything lies behind what refers to it, so that a table is written in one go.
struct FlatWriter {
    /// A field of a table; `nil` in place of one keeps its default.
    indirect enum Field {
        case byte(UInt8)
        case short(Int16)
        case int(Int32)
        case long(Int64)
        case text(String)
        case table([Field?])
        case tables([[Field?]])
        /// Elements of so many numbers of 64 bits each.
        case longs([Int64], words: Int)

        /// The bytes that the field takes in its table.
        fileprivate var size: Int {
            switch self {
            case .byte: 1
            case .short: 2
            case .int, .text, .table, .tables, .longs: 4
            case .long: 8
            }
        }
    }

    private var bytes: [UInt8] = []

    /// A message that begins with a table, a multiple of 8 bytes long.
    static func message(_ table: [Field?]) -> [UInt8] {
        var writer = FlatWriter()
        writer.put(UInt32(0))
        writer.point(0, to: writer.append(table))
        writer.align(8)
        return writer.bytes
    }

    private mutating func put(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private mutating func align(_ size: Int) {
        bytes.append(contentsOf: repeatElement(0, count: (size - bytes.count % size) % size))
    }

    /// Writes a number over what is at a place.
    private mutating func set(_ number: some FixedWidthInteger, at place: Int) {
        withUnsafeBytes(of: number.littleEndian) {
            bytes.replaceSubrange(place..<place + $0.count, with: $0)
        }
    }

    /// Makes the four bytes at `place` refer to `target`.
    private mutating func point(_ place: Int, to target: Int) {
        set(UInt32(target - place), at: place)
    }

    /// Appends a table and what it refers to.
    ///
    /// - Returns: Where the table begins.
    private mutating func append(_ fields: [Field?]) -> Int {
        var (offsets, size) = ([Int](), 4)
        for field in fields {
            guard let field else {
                offsets.append(0)
                continue
            }
            size += (field.size - size % field.size) % field.size
            offsets.append(size)
            size += field.size
        }
        align(2)
        // The table itself has to be where numbers of 64 bits may be.
        let lead = 4 + 2 * fields.count
        bytes.append(
            contentsOf: repeatElement(0, count: (8 - (bytes.count + lead) % 8) % 8))
        let start = bytes.count + lead
        put(UInt16(lead))
        put(UInt16(size))
        for offset in offsets { put(UInt16(offset)) }
        put(Int32(lead))
        bytes.append(contentsOf: repeatElement(0, count: size - 4))
        for (field, offset) in zip(fields, offsets) {
            guard let field else { continue }
            write(field, at: start + offset)
        }
        return start
    }

    private mutating func write(_ field: Field, at place: Int) {
        switch field {
        case .byte(let value): bytes[place] = value
        case .short(let value): set(value, at: place)
        case .int(let value): set(value, at: place)
        case .long(let value): set(value, at: place)
        case .text(let text):
            align(4)
            point(place, to: bytes.count)
            put(UInt32(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
            bytes.append(0)
        case .table(let fields): point(place, to: append(fields))
        case .tables(let tables):
            align(4)
            let start = bytes.count
            point(place, to: start)
            put(UInt32(tables.count))
            for _ in tables { put(UInt32(0)) }
            for (index, table) in tables.enumerated() {
                let target = append(table)
                point(start + 4 + 4 * index, to: target)
            }
        case .longs(let values, let words):
            align(4)
            if bytes.count % 8 == 0 { put(UInt32(0)) }
            point(place, to: bytes.count)
            put(UInt32(values.count / words))
            for value in values { put(value) }
        }
    }
}
