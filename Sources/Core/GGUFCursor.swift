/// A place in a mapped GGUF file that little-endian values are read from.
///
/// Every read returns nil instead of leaving the file, so that no length that the file states can
/// lead anywhere else.
struct GGUFCursor {
    /// Deeper nesting of arrays than this is taken for damage.
    static let deepestNesting = 8

    let mapping: MappedFile
    var position: Int

    init(_ mapping: MappedFile, at position: Int = 0) {
        (self.mapping, self.position) = (mapping, position)
    }

    var remaining: Int { mapping.count - position }

    /// The number at the cursor, which moves behind it.
    mutating func read<T: FixedWidthInteger>(_: T.Type = T.self) -> T? {
        guard remaining >= MemoryLayout<T>.size else { return nil }
        defer { position += MemoryLayout<T>.size }
        return T(littleEndian: mapping.bytes.loadUnaligned(fromByteOffset: position, as: T.self))
    }

    /// A 64-bit length, if an `Int` holds it.
    mutating func readLength() -> Int? { read(UInt64.self).flatMap { Int(exactly: $0) } }

    /// A length and as many bytes.
    mutating func readString() -> [UInt8]? {
        guard let count = readLength(), count <= remaining else { return nil }
        defer { position += count }
        return Array(mapping.bytes[position..<(position + count)])
    }

    /// The element kind and the length that begin an array.
    mutating func arrayHeader() -> (kind: GGUFValue.Kind, count: Int)? {
        guard let kind = read(UInt32.self).flatMap({ GGUFValue.Kind(rawValue: $0) }),
            let count = readLength()
        else { return nil }
        return (kind, count)
    }

    /// Moves behind a value; false when it does not fit into the file or is nested too deeply.
    mutating func skip(_ kind: GGUFValue.Kind, depth: Int = 0) -> Bool {
        if let size = kind.byteCount { return advance(size) }
        if kind == .string { return readLength().map { advance($0) } ?? false }
        guard depth < Self.deepestNesting, let header = arrayHeader() else { return false }
        if let size = header.kind.byteCount {
            let (total, overflow) = size.multipliedReportingOverflow(by: header.count)
            return !overflow && advance(total)
        }
        for _ in 0..<header.count {
            guard skip(header.kind, depth: depth + 1) else { return false }
        }
        return true
    }

    private mutating func advance(_ count: Int) -> Bool {
        guard count <= remaining else { return false }
        position += count
        return true
    }

    /// The integer of a kind at the cursor.
    func integer(_ kind: GGUFValue.Kind) -> Int? {
        var cursor = self
        return switch kind {
        case .uint8, .bool: cursor.read(UInt8.self).map(Int.init)
        case .int8: cursor.read(Int8.self).map(Int.init)
        case .uint16: cursor.read(UInt16.self).map(Int.init)
        case .int16: cursor.read(Int16.self).map(Int.init)
        case .uint32: cursor.read(UInt32.self).map(Int.init)
        case .int32: cursor.read(Int32.self).map(Int.init)
        case .uint64: cursor.read(UInt64.self).flatMap { Int(exactly: $0) }
        case .int64: cursor.read(Int64.self).map(Int.init)
        case .float32, .float64, .string, .array: nil
        }
    }

    /// The number of a kind at the cursor.
    func double(_ kind: GGUFValue.Kind) -> Double? {
        var cursor = self
        return switch kind {
        case .float32: cursor.read(UInt32.self).map { Double(Float(bitPattern: $0)) }
        case .float64: cursor.read(UInt64.self).map { Double(bitPattern: $0) }
        case .bool: nil
        default: integer(kind).map(Double.init)
        }
    }

    /// The bytes of the string at the cursor.
    func stringBytes(_ kind: GGUFValue.Kind) -> [UInt8]? {
        var cursor = self
        return kind == .string ? cursor.readString() : nil
    }
}
