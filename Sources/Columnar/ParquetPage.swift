internal import FledgeCore

/// The entries of a page: levels, and the values that are there.
struct ParquetPage {
    /// The most values of a page; writers keep to some ten thousands.
    static let mostValues = 1 << 24

    var repetitions: [UInt32] = []
    var definitions: [UInt32] = []
    /// Number of entries.
    var count = 0
    var values = Values.plain([])

    /// The values that are there, in the order of their entries.
    enum Values {
        case plain([JSONValue])
        case places([UInt32], of: [JSONValue])

        var count: Int {
            switch self {
            case .plain(let values): values.count
            case .places(let places, _): places.count
            }
        }

        subscript(index: Int) -> JSONValue {
            switch self {
            case .plain(let values): values[index]
            case .places(let places, let dictionary): dictionary[Int(places[index])]
            }
        }
    }
}

/// Decodes the values of a leaf.
struct ParquetValues {
    let leaf: ParquetSchema.Leaf
    let fail: (String) -> FledgeError

    /// The encodings by their numbers in the format.
    enum Encoding: Int {
        case plain = 0
        case plainDictionary = 2
        case runs = 3
        case packed = 4
        case deltas = 5
        case deltaLengths = 6
        case deltaTexts = 7
        case dictionary = 8
        case splitBytes = 9
    }

    /// Number of bits of numbers up to `maximum`.
    static func width(of maximum: Int) -> Int {
        Int.bitWidth - maximum.leadingZeroBitCount
    }

    /// Decodes `count` values.
    func decode(
        _ reader: inout ParquetEncoding, encoding: Int, count: Int, dictionary: [JSONValue]?
    ) throws -> ParquetPage.Values {
        guard let encoding = Encoding(rawValue: encoding) else {
            throw fail("an unknown encoding")
        }
        switch encoding {
        case .plain: return .plain(try plain(&reader, count: count))
        case .dictionary, .plainDictionary:
            guard count > 0 else { return .plain([]) }
            guard let dictionary else { throw fail("no dictionary before its use") }
            let width = try reader.byte()
            let places = try reader.runs(width: width, count: count)
            guard places.allSatisfy({ Int($0) < dictionary.count }) else {
                throw fail("a place outside of the dictionary")
            }
            return .places(places, of: dictionary)
        case .runs where leaf.type == .boolean:
            let size = try reader.word()
            var inner = ParquetEncoding(try reader.take(size), fail: fail)
            return .plain(try inner.runs(width: 1, count: count).map { .bool($0 == 1) })
        case .deltas where leaf.type == .int32 || leaf.type == .int64:
            return .plain(try expect(count, try reader.deltas()).map(whole))
        case .deltaLengths where leaf.type == .byteArray:
            return .plain(try expect(count, try reader.deltaLengthTexts()).map(text))
        case .deltaTexts where leaf.type == .byteArray || leaf.type == .fixedByteArray:
            return .plain(
                try expect(count, try reader.deltaTexts()).map {
                    try $0.withUnsafeBytes(text)
                })
        case .splitBytes: return .plain(try split(&reader, count: count))
        default: throw fail("an encoding that does not fit the type of the values")
        }
    }

    private func expect<Value>(_ count: Int, _ values: [Value]) throws -> [Value] {
        guard values.count == count else {
            throw fail("\(values.count) values instead of \(count)")
        }
        return values
    }

    /// Decodes values that are written as they are.
    func plain(_ reader: inout ParquetEncoding, count: Int) throws -> [JSONValue] {
        switch leaf.type {
        case .boolean:
            let bits = try reader.take((count + 7) / 8)
            return (0..<count).map { .bool(bits[$0 / 8] >> ($0 % 8) & 1 == 1) }
        case .byteArray:
            var values = [JSONValue]()
            for _ in 0..<count {
                let size = try reader.word()
                values.append(try text(try reader.take(size)))
            }
            return values
        default:
            let (size, overflow) = count.multipliedReportingOverflow(by: width)
            guard !overflow else { throw fail("too many values in a page") }
            let bytes = try reader.take(size)
            return try (0..<count).map { index in
                try fixed(
                    UnsafeRawBufferPointer(rebasing: bytes[index * width..<(index + 1) * width]))
            }
        }
    }

    /// Decodes values whose first bytes come first, then their second ones.
    private func split(_ reader: inout ParquetEncoding, count: Int) throws -> [JSONValue] {
        guard leaf.type != .boolean, leaf.type != .byteArray else {
            throw fail("an encoding that does not fit the type of the values")
        }
        let (size, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow else { throw fail("too many values in a page") }
        let bytes = try reader.take(size)
        var value = [UInt8](repeating: 0, count: width)
        return try (0..<count).map { index in
            for part in 0..<width { value[part] = bytes[part * count + index] }
            return try value.withUnsafeBytes(fixed)
        }
    }

    /// Bytes of a value of fixed size.
    private var width: Int {
        switch leaf.type {
        case .boolean: 1
        case .int32, .float: 4
        case .int64, .double: 8
        case .int96: 12
        case .byteArray: 1
        case .fixedByteArray: leaf.length
        }
    }

    private func fixed(_ bytes: UnsafeRawBufferPointer) throws -> JSONValue {
        switch leaf.type {
        case .int32:
            return try whole(Int64(Int32(littleEndian: bytes.loadUnaligned(as: Int32.self))))
        case .int64: return try whole(Int64(littleEndian: bytes.loadUnaligned(as: Int64.self)))
        case .float:
            let bits = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
            return .number(Double(Float(bitPattern: bits)))
        case .double:
            let bits = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
            return .number(Double(bitPattern: bits))
        default: return try text(bytes)
        }
    }

    private func whole(_ value: Int64) throws -> JSONValue {
        switch leaf.meaning {
        case .unsupported(let what): throw unsupported(what)
        case .unsigned:
            if leaf.type == .int32 { return .integer(Int(UInt32(truncatingIfNeeded: value))) }
            return Int(exactly: UInt64(bitPattern: value)).map { .integer($0) }
                ?? .largeInteger(String(UInt64(bitPattern: value)))
        default:
            return .integer(
                leaf.type == .int32 ? Int(Int32(truncatingIfNeeded: value)) : Int(value))
        }
    }

    private func text(_ bytes: UnsafeRawBufferPointer) throws -> JSONValue {
        if case .unsupported(let what) = leaf.meaning { throw unsupported(what) }
        if case .float16 = leaf.meaning, bytes.count == 2 {
            let bits = UInt16(littleEndian: bytes.loadUnaligned(as: UInt16.self))
            return .number(Double(Float16(bitPattern: bits)))
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw unsupported("bytes that are no text")
        }
        return .string(text)
    }

    private func unsupported(_ what: String) -> FledgeError {
        var error = fail("")
        error.code = .unsupported
        error.message = "The column \(leaf.path) holds \(what), which cannot be read."
        error.advice = "Name the columns to read in dataset_info.json, without this one."
        return error
    }
}
