/// One entry of a GGUF file's metadata.
///
/// Strings are bytes: a vocabulary's tokens need not be valid UTF-8, and Swift's `String` takes
/// different spellings of one character for equal. Arrays stay in the mapped file until asked for.
public struct GGUFValue: Sendable {
    /// The type tags of the format.
    enum Kind: UInt32, Sendable {
        case uint8 = 0
        case int8, uint16, int16, uint32, int32, float32, bool, string, array
        case uint64, int64, float64

        /// Bytes of a value of fixed size; nil for strings and arrays.
        var byteCount: Int? {
            switch self {
            case .uint8, .int8, .bool: 1
            case .uint16, .int16: 2
            case .uint32, .int32, .float32: 4
            case .uint64, .int64, .float64: 8
            case .string, .array: nil
            }
        }
    }

    let kind: Kind
    let mapping: MappedFile
    /// Where the value's bytes lie; the parser has checked everything inside.
    let range: Range<Int>

    private var cursor: GGUFCursor { GGUFCursor(mapping, at: range.lowerBound) }

    /// The value if it is an integer (or a boolean) that an `Int` can hold.
    public var intValue: Int? { cursor.integer(kind) }

    /// The value if it is a number.
    public var doubleValue: Double? { cursor.double(kind) }

    /// The value if it is a boolean.
    public var boolValue: Bool? {
        kind == .bool ? cursor.integer(.bool).map { $0 != 0 } : nil
    }

    /// The bytes of the value if it is a string.
    public var stringBytes: [UInt8]? {
        guard kind == .string else { return nil }
        return Array(mapping.bytes[(range.lowerBound + 8)..<range.upperBound])
    }

    /// The value if it is a string; invalid UTF-8 is repaired.
    public var stringValue: String? {
        stringBytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of the elements if the value is an array of strings.
    public var stringArray: [[UInt8]]? { elements { kind, value in value.stringBytes(kind) } }

    /// The elements if the value is an array of integers.
    public var intArray: [Int]? { elements { kind, value in value.integer(kind) } }

    /// The elements if the value is an array of numbers.
    public var doubleArray: [Double]? { elements { kind, value in value.double(kind) } }

    /// The number of elements if the value is an array.
    public var count: Int? {
        var cursor = cursor
        return kind == .array ? cursor.arrayHeader()?.count : nil
    }

    /// Reads an array's elements one after another; nil when one of them is not of the wanted kind.
    private func elements<T>(_ read: (Kind, GGUFCursor) -> T?) -> [T]? {
        var cursor = cursor
        guard kind == .array, let header = cursor.arrayHeader() else { return nil }
        var result = [T]()
        result.reserveCapacity(header.count)
        for _ in 0..<header.count {
            guard let element = read(header.kind, cursor), cursor.skip(header.kind) else {
                return nil
            }
            result.append(element)
        }
        return result
    }

    /// The value in a few words, for messages.
    var summary: String {
        switch kind {
        case .string:
            let text = stringValue ?? ""
            return "the text '\(text.utf8.count > 60 ? String(text.prefix(60)) + "…" : text)'"
        case .array: return "a list of \(count ?? 0)"
        case .bool: return boolValue == true ? "true" : "false"
        default:
            return intValue.map(String.init) ?? doubleValue.map { "\($0)" } ?? "too large a number"
        }
    }
}
