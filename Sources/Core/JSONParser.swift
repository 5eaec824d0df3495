/// Reads JSON from bytes, one value after another.
///
/// `NaN`, `Infinity` and `-Infinity` are read as Python writes them. An escaped half of a surrogate
/// pair becomes U+FFFD. Everything else that RFC 8259 forbids is an error with line and column.
public struct JSONParser {
    /// Index of the next byte to read.
    public private(set) var position = 0
    private let bytes: UnsafeRawBufferPointer
    private let file: String
    private let origin: (line: Int, column: Int)
    private var depth = 0
    private static let maximumDepth = 512

    /// Reads bytes that outlive the parser; a byte order mark at the start is skipped.
    ///
    /// - Parameters:
    ///   - file: The name that errors give as the place.
    ///   - line: The line of the first byte, for a part of a file.
    ///   - column: The column of the first byte.
    public init(
        _ bytes: UnsafeRawBufferPointer, file: String, line: Int = 1, column: Int = 1
    ) {
        self.bytes = bytes
        self.file = file
        origin = (line, column)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// Skips white space; true when nothing follows it.
    @inline(__always)
    public mutating func atEnd() -> Bool {
        while position < bytes.count, bytes[position].isJSONSpace { position += 1 }
        return position == bytes.count
    }

    /// The next byte after white space, which stays unread.
    public mutating func peek() -> UInt8? { atEnd() ? nil : bytes[position] }

    /// Reads `byte` after white space if it is next.
    public mutating func skip(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    /// Reads the opening bracket of an array, each element, and the closing bracket.
    ///
    /// - Parameter body: Gets each element and the index of its first byte.
    public mutating func parseElements(_ body: (JSONValue, Int) throws -> Void) throws {
        guard skip(UInt8(ascii: "[")) else { throw unexpected("an array") }
        if skip(UInt8(ascii: "]")) { return }
        while true {
            guard !atEnd() else { throw unexpected("an element") }
            let start = position
            try body(parseValue(), start)
            if skip(UInt8(ascii: ",")) { continue }
            guard skip(UInt8(ascii: "]")) else { throw unexpected("',' or ']'") }
            return
        }
    }

    /// Reads the opening brace of an object, each name and value, and the closing brace.
    ///
    /// - Parameter body: Gets each name; it must read the value with the parser that it is given.
    public mutating func parseMembers(
        _ body: (inout JSONParser, String) throws -> Void
    ) throws {
        guard skip(UInt8(ascii: "{")) else { throw unexpected("an object") }
        if skip(UInt8(ascii: "}")) { return }
        while true {
            let name = try parseText { String(decoding: $0, as: UTF8.self) }
            guard skip(UInt8(ascii: ":")) else { throw unexpected("':'") }
            try body(&self, name)
            if skip(UInt8(ascii: ",")) { continue }
            guard skip(UInt8(ascii: "}")) else { throw unexpected("',' or '}'") }
            return
        }
    }

    /// Reads a string and calls with its bytes; nothing is copied where it has no escapes.
    ///
    /// The bytes are not checked to be UTF-8.
    public mutating func parseText<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) throws -> Result {
        try parseText { text, _ in try body(text) }
    }

    /// Reads a string and calls with its bytes and the parser, to read on while the bytes are there.
    public mutating func parseText<Result>(
        _ body: (UnsafeBufferPointer<UInt8>, inout JSONParser) throws -> Result
    ) throws -> Result {
        guard peek() == UInt8(ascii: "\"") else { throw unexpected("a string") }
        let start = position + 1
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: "\""), bytes[end] != UInt8(ascii: "\\"),
            bytes[end] >= 0x20
        { end += 1 }
        guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else {
            var text = try parseString()
            return try text.withUTF8 { try body($0, &self) }
        }
        position = end + 1
        let text = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        return try body(text.assumingMemoryBound(to: UInt8.self), &self)
    }

    /// Reads a whole number that is not negative.
    public mutating func parseIndex() throws -> Int {
        guard peek() != nil else { throw unexpected("a number") }
        var (value, digits) = (0, 0)
        while position < bytes.count, digits < 18, bytes[position] >= 0x30, bytes[position] <= 0x39
        {
            value = 10 * value + Int(bytes[position] - 0x30)
            position += 1
            digits += 1
        }
        guard digits > 0 else { throw unexpected("a whole number") }
        return value
    }

    /// Passes over the next value.
    public mutating func skipValue() throws {
        switch peek() {
        case UInt8(ascii: "{"):
            try nested { parser in
                try parser.parseMembers { parser, _ in try parser.skipValue() }
                return .null
            }
        case UInt8(ascii: "["):
            try nested { parser in
                parser.position += 1
                if parser.skip(UInt8(ascii: "]")) { return .null }
                repeat { try parser.skipValue() } while parser.skip(UInt8(ascii: ","))
                guard parser.skip(UInt8(ascii: "]")) else { throw parser.unexpected("',' or ']'") }
                return .null
            }
        case UInt8(ascii: "\""): try parseText { _ in }
        default: _ = try parseValue()
        }
    }

    /// Reads the next value.
    public mutating func parseValue() throws -> JSONValue {
        guard let byte = peek() else { throw unexpected("a value") }
        switch byte {
        case UInt8(ascii: "{"): return try nested { try $0.parseObject() }
        case UInt8(ascii: "["):
            return try nested { parser in
                var items = [JSONValue]()
                try parser.parseElements { value, _ in items.append(value) }
                return .array(items)
            }
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t") where take("true"): return .bool(true)
        case UInt8(ascii: "f") where take("false"): return .bool(false)
        case UInt8(ascii: "n") where take("null"): return .null
        case UInt8(ascii: "N") where take("NaN"): return .number(.nan)
        case UInt8(ascii: "I") where take("Infinity"): return .number(.infinity)
        case UInt8(ascii: "-") where take("-Infinity"): return .number(-.infinity)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        default: throw unexpected("a value")
        }
    }

    @discardableResult
    private mutating func nested(
        _ body: (inout JSONParser) throws -> JSONValue
    ) throws -> JSONValue {
        depth += 1
        defer { depth -= 1 }
        guard depth <= JSONParser.maximumDepth else {
            throw error("The JSON is nested more than \(JSONParser.maximumDepth) levels deep.")
        }
        return try body(&self)
    }

    private mutating func parseObject() throws -> JSONValue {
        position += 1
        var members = [JSONValue.Member]()
        if skip(UInt8(ascii: "}")) { return .object(members) }
        while true {
            guard peek() == UInt8(ascii: "\"") else { throw unexpected("a name in quotes") }
            let key = try parseString()
            guard skip(UInt8(ascii: ":")) else { throw unexpected("':'") }
            members.append(JSONValue.Member(key, try parseValue()))
            if skip(UInt8(ascii: ",")) { continue }
            guard skip(UInt8(ascii: "}")) else { throw unexpected("',' or '}'") }
            return .object(members)
        }
    }

    private mutating func take(_ word: StaticString) -> Bool {
        let end = position + word.utf8CodeUnitCount
        let expected = UnsafeRawBufferPointer(
            start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard end <= bytes.count, bytes[position..<end].elementsEqual(expected) else {
            return false
        }
        position = end
        return true
    }

    private mutating func parseNumber() throws -> JSONValue {
        let start = position
        var isWhole = true
        func digit(_ parser: JSONParser) -> UInt8? {
            guard parser.position < parser.bytes.count else { return nil }
            let byte = parser.bytes[parser.position]
            return byte >= 0x30 && byte <= 0x39 ? byte : nil
        }
        func digits(_ parser: inout JSONParser) throws {
            guard digit(parser) != nil else { throw parser.unexpected("a digit") }
            while digit(parser) != nil { parser.position += 1 }
        }
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        if digit(self) == UInt8(ascii: "0") {
            position += 1
            if digit(self) != nil { throw unexpected("no digit after a leading zero") }
        } else {
            try digits(&self)
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            try digits(&self)
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            position += 1
            if position < bytes.count, bytes[position] == 0x2B || bytes[position] == 0x2D {
                position += 1
            }
            try digits(&self)
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole { return Int(text).map { .integer($0) } ?? .largeInteger(text) }
        guard let value = Double(text) else { throw unexpected("a number") }
        return .number(value)
    }

    private mutating func parseString() throws -> String {
        position += 1
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""),
            bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20
        { position += 1 }
        if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
            position += 1
            return try text(bytes[start..<position - 1], at: start)
        }
        var buffer = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return try buffer.withUnsafeBytes { try text($0[...], at: start) }
            }
            guard byte >= 0x20 else { throw unexpected("no control character inside a string") }
            position += 1
            if byte == UInt8(ascii: "\\") {
                try parseEscape(into: &buffer)
            } else {
                buffer.append(byte)
            }
        }
        throw unexpected("the end of a string")
    }

    /// A string of checked UTF-8.
    private func text(_ slice: Slice<UnsafeRawBufferPointer>, at start: Int) throws -> String {
        let view = UnsafeRawBufferPointer(rebasing: slice)
        guard let text = String(validating: view, as: UTF8.self) else {
            throw FledgeError(
                .fileCorrupt, "A string is not valid UTF-8.",
                advice: "Convert the file, for example: iconv -f WINDOWS-1252 -t UTF-8 old > new.",
                at: location(of: start))
        }
        return text
    }

    private mutating func parseEscape(into buffer: inout [UInt8]) throws {
        guard position < bytes.count else { throw unexpected("the end of a string") }
        position += 1
        switch bytes[position - 1] {
        case UInt8(ascii: "n"): buffer.append(0x0A)
        case UInt8(ascii: "t"): buffer.append(0x09)
        case UInt8(ascii: "r"): buffer.append(0x0D)
        case UInt8(ascii: "b"): buffer.append(0x08)
        case UInt8(ascii: "f"): buffer.append(0x0C)
        case UInt8(ascii: "u"):
            var value = try parseHexadecimal()
            let before = position
            if value >> 10 == 0x36, take("\\u") {
                let low = try parseHexadecimal()
                if low >> 10 == 0x37 {
                    value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
                } else {
                    position = before
                }
            }
            let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
            buffer.append(contentsOf: Array(String(Character(scalar)).utf8))
        case UInt8(ascii: "\""): buffer.append(0x22)
        case UInt8(ascii: "\\"): buffer.append(0x5C)
        case UInt8(ascii: "/"): buffer.append(0x2F)
        default:
            position -= 1
            throw unexpected("one of \" \\ / b f n r t u after a backslash")
        }
    }

    private mutating func parseHexadecimal() throws -> UInt32 {
        guard position + 4 <= bytes.count else { throw unexpected("four hexadecimal digits") }
        var value: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(byte - 0x37)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
            default: throw unexpected("four hexadecimal digits")
            }
        }
        position += 4
        return value
    }

    /// Line and column of a byte, counted from 1.
    public func location(of index: Int) -> FledgeError.Location {
        let before = bytes[..<min(index, bytes.count)]
        let line = before.reduce(origin.line) { $1 == 0x0A ? $0 + 1 : $0 }
        let column =
            before.lastIndex(of: 0x0A).map { before.count - $0 } ?? before.count + origin.column
        return FledgeError.Location(file: file, line: line, column: column)
    }

    /// The error that something else than `expected` is at the position.
    public func unexpected(_ expected: String) -> FledgeError {
        guard position < bytes.count else {
            return error("The JSON ends too early: expected \(expected).")
        }
        let byte = bytes[position]
        let isPrintable = byte > 0x20 && byte < 0x7F
        let found = isPrintable ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
        var result = error("Found \(found), expected \(expected).")
        let before = bytes[..<position].last { !$0.isJSONSpace }
        result.advice = JSONMistake.advice(byte, after: before)
        return result
    }

    private func error(_ message: String, at index: Int? = nil) -> FledgeError {
        FledgeError(.fileCorrupt, message, at: location(of: index ?? position))
    }
}

extension UInt8 {
    fileprivate var isJSONSpace: Bool {
        self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09
    }
}

extension JSONValue {
    /// Reads one value that fills all of the bytes.
    ///
    /// - Parameter file: The name that errors give as the place.
    public init(parsing bytes: UnsafeRawBufferPointer, file: String) throws {
        var parser = JSONParser(bytes, file: file)
        self = try parser.parseValue()
        guard parser.atEnd() else { throw parser.unexpected("nothing after the value") }
    }

    /// Reads one value that fills all of the bytes.
    public init(parsing bytes: [UInt8], file: String) throws {
        self = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, file: file) }
    }

    /// Reads one value that fills all of the text.
    public init(parsing text: String, file: String = "JSON text") throws {
        var text = text
        self = try text.withUTF8 { try JSONValue(parsing: UnsafeRawBufferPointer($0), file: file) }
    }

    /// Reads a file that holds one value.
    public init(contentsOf path: String) throws {
        let file = try MappedFile(path: path)
        self = try withExtendedLifetime(file) {
            try ForeignContent.refuse(
                file.bytes, expected: "JSON", at: FledgeError.Location(file: path))
            return try JSONValue(parsing: file.bytes, file: path)
        }
    }
}
