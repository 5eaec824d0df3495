internal import FledgeCore

/// Finds the rows of JSON files by brackets and quotes alone; what is inside is read later.
struct JSONScanner {
    /// How the rows of a file are written.
    enum Form: UInt8 {
        /// One object a line.
        case lines
        /// Values one after another, or an array of them.
        case values
    }

    let bytes: UnsafeRawBufferPointer
    private let file: String
    var position: Int
    private var line = 1
    private var lineStart: Int

    private init(_ bytes: UnsafeRawBufferPointer, file: String) {
        (self.bytes, self.file) = (bytes, file)
        position = LineScanner.markLength(bytes)
        lineStart = position
    }

    /// How the rows are written, judged by the first of them.
    static func form(of bytes: UnsafeRawBufferPointer, file: String) -> Form {
        var start = LineScanner.markLength(bytes)
        while start < bytes.count, bytes[start].isJSONWhiteSpace { start += 1 }
        guard start < bytes.count, bytes[start] == UInt8(ascii: "{") else { return .values }
        let end = LineScanner.lineFeed(in: bytes, from: start) ?? bytes.count
        // A single line may be an object that holds the rows.
        var rest = end
        while rest < bytes.count, bytes[rest].isJSONWhiteSpace { rest += 1 }
        guard rest < bytes.count else { return .values }
        var parser = JSONParser(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), file: file)
        guard (try? parser.parseValue()) != nil, parser.atEnd() else { return .values }
        return .lines
    }

    /// Adds the rows of a file.
    static func scan(
        _ bytes: UnsafeRawBufferPointer, file: String, into builder: inout RowIndex.Builder
    ) throws {
        if form(of: bytes, file: file) == .lines {
            return try LineScanner.nonBlankLines(bytes, into: &builder)
        }
        var scanner = JSONScanner(bytes, file: file)
        scanner.skipBlanks()
        if let container = try scanner.container() {
            switch container {
            case .array(let array):
                scanner = array
                try scanner.scanArray(&builder)
            case .members: try scanner.scanMembers(&builder)
            }
        } else if scanner.next == UInt8(ascii: "[") {
            try scanner.scanArray(&builder)
            guard scanner.next == nil else { throw scanner.unexpected("nothing after the array") }
        } else {
            while scanner.next != nil { try scanner.scanValue(&builder) }
        }
        try builder.finish(end: scanner.position)
    }

    /// The next byte after white space, `nil` at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipBlanks() {
        while position < bytes.count, bytes[position].isJSONWhiteSpace {
            if bytes[position] == 0x0A { (line, lineStart) = (line + 1, position + 1) }
            position += 1
        }
    }

    private mutating func scanArray(_ builder: inout RowIndex.Builder) throws {
        position += 1
        skipBlanks()
        if next == UInt8(ascii: "]") {
            position += 1
        } else {
            while true {
                let start = self
                try scanValue(&builder)
                if next == UInt8(ascii: ",") {
                    position += 1
                    skipBlanks()
                    continue
                }
                guard next == UInt8(ascii: "]") else {
                    // What is wrong may be inside of the element.
                    try start.parseStrictly()
                    throw unexpected("',' or ']'")
                }
                position += 1
                break
            }
        }
        skipBlanks()
    }

    /// Adds the value at the position and moves behind it and the white space that follows.
    mutating func scanValue(_ builder: inout RowIndex.Builder) throws {
        let start = self
        guard next == UInt8(ascii: "{") || next == UInt8(ascii: "[") else {
            // Anything else is no row: reading it says what it is.
            try parseStrictly()
            throw FledgeError(
                .data, "A row is no object.", at: location)
        }
        skipBrackets()
        guard position <= bytes.count else {
            try start.parseStrictly()
            throw start.unexpected("a value that ends")
        }
        try builder.append(
            offset: start.position, line: start.line,
            column: start.position - start.lineStart + 1)
        skipBlanks()
    }

    /// Moves behind the bracket that closes the one at the position, or beyond the end.
    mutating func skipBrackets() {
        var depth = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                    if bytes[position] == UInt8(ascii: "\\") { position += 1 }
                    if position < bytes.count, bytes[position] == 0x0A {
                        (line, lineStart) = (line + 1, position + 1)
                    }
                    position += 1
                }
                position += 1
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return }
            case 0x0A: (line, lineStart) = (line + 1, position)
            default: break
            }
        }
        position = bytes.count + 1
    }

    /// The bytes of a key without escapes; moves to its value.
    mutating func skipKey() -> Slice<UnsafeRawBufferPointer>? {
        guard let key = skipString() else { return nil }
        skipBlanks()
        guard next == UInt8(ascii: ":") else { return nil }
        position += 1
        skipBlanks()
        return key
    }

    mutating func skipString() -> Slice<UnsafeRawBufferPointer>? {
        guard next == UInt8(ascii: "\"") else { return nil }
        let start = position + 1
        position = start
        while let byte = next, byte != UInt8(ascii: "\"") {
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        guard position < bytes.count else { return nil }
        position += 1
        return bytes[start..<position - 1]
    }

    // MARK: Errors

    var location: FledgeError.Location {
        FledgeError.Location(file: file, line: line, column: position - lineStart + 1)
    }

    private var parser: JSONParser {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[min(position, bytes.count)...])
        return JSONParser(rest, file: file, line: line, column: position - lineStart + 1)
    }

    /// Reads the value at the position by the rules, which finds what is wrong inside.
    private func parseStrictly() throws {
        var parser = parser
        let value = try parser.parseValue()
        guard value.members == nil else { return }
        throw FledgeError(
            .data, "A row is \(value.kind), expected an object.", at: location)
    }

    func unexpected(_ expected: String) -> FledgeError { parser.unexpected(expected) }
}
