/// Cuts a template into tokens, with the white space of tags treated as transformers sets it:
/// the line end after a block is dropped, and the spaces before one that begins a line.
struct JinjaLexer {
    private let bytes: [UInt8]
    private var position = 0
    private var tokens = [JinjaToken]()
    /// Whether the last thing that was read ended a line.
    private var startsLine = true

    private init(_ source: JinjaSource) { bytes = source.bytes }

    static func tokens(of source: JinjaSource) throws -> [JinjaToken] {
        var lexer = JinjaLexer(source)
        while lexer.position < lexer.bytes.count { try lexer.readText() }
        lexer.add(.end, "", at: lexer.position)
        return lexer.tokens
    }

    private mutating func add(_ kind: JinjaToken.Kind, _ value: String, at offset: Int) {
        tokens.append(JinjaToken(kind: kind, value: value, offset: offset))
    }

    private func byte(_ offset: Int) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    private func isNext(_ text: StaticString, at start: Int) -> Bool {
        guard start + text.utf8CodeUnitCount <= bytes.count else { return false }
        for index in 0..<text.utf8CodeUnitCount
        where bytes[start + index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    private func isSpace(at index: Int) -> Int {
        guard index < bytes.count else { return 0 }
        return bytes.withUnsafeBufferPointer {
            let (scalar, count) = JinjaText.scalar($0, at: index)
            return JinjaText.isSpace(scalar) ? count : 0
        }
    }

    /// The first byte after white space.
    private func afterSpaces(_ start: Int) -> Int {
        var index = start
        while case let count = isSpace(at: index), count > 0 { index += count }
        return index
    }

    private mutating func advance(to end: Int) {
        if end > position { startsLine = bytes[end - 1] == 0x0A }
        position = end
    }

    // MARK: Text

    private mutating func readText() throws {
        let start = position
        var tag = start
        let open = UInt8(ascii: "{")
        while tag < bytes.count {
            if bytes[tag] == open, tag + 1 < bytes.count {
                let next = bytes[tag + 1]
                if next == open || next == UInt8(ascii: "%") || next == UInt8(ascii: "#") { break }
            }
            tag += 1
        }
        guard tag < bytes.count else {
            addText(start..<tag)
            position = tag
            return
        }
        var end = tag + 2
        let sign = end < bytes.count ? bytes[end] : 0
        let hasSign = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
        if hasSign { end += 1 }
        let isVariable = bytes[tag + 1] == open
        addText(start..<strippedEnd(start, tag, sign: hasSign ? sign : 0, isVariable: isVariable))
        if bytes[tag + 1] == UInt8(ascii: "#") {
            advance(to: end)
            try readComment(from: tag)
        } else if !isVariable, let body = rawBody(after: end) {
            advance(to: body)
            try readRaw(from: tag)
        } else {
            add(isVariable ? .variableBegin : .blockBegin, "", at: tag)
            advance(to: end)
            try readTag(isVariable: isVariable, from: tag)
        }
    }

    private mutating func addText(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        add(.data, String(decoding: bytes[range], as: UTF8.self), at: range.lowerBound)
    }

    /// Where the text before a tag ends once its white space is taken away.
    private func strippedEnd(_ start: Int, _ tag: Int, sign: UInt8, isVariable: Bool) -> Int {
        if sign == UInt8(ascii: "-") {
            let kept = String(decoding: bytes[start..<tag], as: UTF8.self)
            return start + JinjaText.strip(kept, left: false).utf8.count
        }
        guard sign == 0, !isVariable else { return tag }
        let line = bytes[start..<tag].lastIndex(of: 0x0A).map { $0 + 1 }
        guard line != nil || startsLine else { return tag }
        return afterSpaces(line ?? start) >= tag ? line ?? start : tag
    }

    private mutating func readComment(from tag: Int) throws {
        var index = position
        while index < bytes.count, !isNext("#}", at: index) { index += 1 }
        guard index < bytes.count else {
            if position == bytes.count { return }
            throw JinjaError(.syntax, "Missing end of comment tag", at: tag)
        }
        let sign = index > position ? bytes[index - 1] : 0
        advance(to: tagEnd(index + 2, sign: sign))
    }

    /// The first byte after a tag's end and the white space that goes with it.
    private func tagEnd(_ end: Int, sign: UInt8) -> Int {
        if sign == UInt8(ascii: "-") { return afterSpaces(end) }
        if sign != UInt8(ascii: "+"), end < bytes.count, bytes[end] == 0x0A { return end + 1 }
        return end
    }

    /// The first byte after `raw %}` if that is what follows.
    private func rawBody(after start: Int) -> Int? {
        var index = afterSpaces(start)
        guard isNext("raw", at: index) else { return nil }
        index = afterSpaces(index + 3)
        if isNext("-%}", at: index) { return afterSpaces(index + 3) }
        return isNext("%}", at: index) ? index + 2 : nil
    }

    private mutating func readRaw(from tag: Int) throws {
        let start = position
        var index = start
        while index < bytes.count {
            defer { index += 1 }
            guard isNext("{%", at: index) else { continue }
            var end = index + 2
            let sign = end < bytes.count ? bytes[end] : 0
            let hasSign = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
            end = afterSpaces(hasSign ? end + 1 : end)
            guard isNext("endraw", at: end) else { continue }
            end = afterSpaces(end + 6)
            var close: UInt8 = 0
            if isNext("-%}", at: end) || isNext("+%}", at: end) {
                close = bytes[end]
                end += 1
            }
            guard isNext("%}", at: end) else { continue }
            addText(start..<strippedEnd(start, index, sign: hasSign ? sign : 0, isVariable: false))
            advance(to: tagEnd(end + 2, sign: close))
            return
        }
        if start == bytes.count { return }
        throw JinjaError(.syntax, "Missing end of raw directive", at: tag)
    }

    // MARK: Tags

    private mutating func readTag(isVariable: Bool, from tag: Int) throws {
        var brackets = [UInt8]()
        while position < bytes.count {
            if brackets.isEmpty, let end = closing(isVariable: isVariable) {
                add(isVariable ? .variableEnd : .blockEnd, "", at: position)
                advance(to: end)
                return
            }
            let spaces = afterSpaces(position)
            if spaces > position {
                advance(to: spaces)
                continue
            }
            try readToken(&brackets)
        }
    }

    private func closing(isVariable: Bool) -> Int? {
        if isVariable {
            if isNext("-}}", at: position) { return afterSpaces(position + 3) }
            return isNext("}}", at: position) ? position + 2 : nil
        }
        if isNext("-%}", at: position) || isNext("+%}", at: position) {
            return tagEnd(position + 3, sign: bytes[position])
        }
        return isNext("%}", at: position) ? tagEnd(position + 2, sign: 0) : nil
    }

    private mutating func readToken(_ brackets: inout [UInt8]) throws {
        let start = position
        let first = bytes[start]
        if first >= 0x30, first <= 0x39 {
            readNumber()
        } else if case let end = nameEnd(start), end > start {
            add(.name, String(decoding: bytes[start..<end], as: UTF8.self), at: start)
            advance(to: end)
        } else if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") {
            try readString(quote: first)
        } else {
            try readSymbol(&brackets)
        }
    }

    private func nameEnd(_ start: Int) -> Int {
        bytes.withUnsafeBufferPointer { bytes in
            var index = start
            while index < bytes.count {
                let byte = bytes[index]
                if byte < 0x80 {
                    let isLetter = byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte == 0x5F
                    guard isLetter || byte >= 0x30 && byte <= 0x39 else { break }
                    index += 1
                } else {
                    let (scalar, count) = JinjaText.scalar(bytes, at: index)
                    let isPart =
                        index == start
                        ? scalar.properties.isXIDStart : scalar.properties.isXIDContinue
                    guard isPart else { break }
                    index += count
                }
            }
            return index
        }
    }

    private mutating func readSymbol(_ brackets: inout [UInt8]) throws {
        let start = position
        for symbol in ["//", "**", "==", "!=", ">=", "<="] as [StaticString]
        where isNext(symbol, at: start) {
            add(.symbol, symbol.description, at: start)
            return advance(to: start + 2)
        }
        let first = bytes[start]
        guard "+-/*%~[](){}><=.:|,;".utf8.contains(first) else {
            let scalar = bytes.withUnsafeBufferPointer { JinjaText.scalar($0, at: start).0 }
            throw JinjaError(
                .syntax, "unexpected char \(JinjaText.quoted(String(scalar))) at \(start)",
                at: start)
        }
        let text = String(UnicodeScalar(first))
        switch first {
        case UInt8(ascii: "{"): brackets.append(UInt8(ascii: "}"))
        case UInt8(ascii: "("): brackets.append(UInt8(ascii: ")"))
        case UInt8(ascii: "["): brackets.append(UInt8(ascii: "]"))
        case UInt8(ascii: "}"), UInt8(ascii: ")"), UInt8(ascii: "]"):
            guard let expected = brackets.popLast() else {
                throw JinjaError(.syntax, "unexpected '\(text)'", at: start)
            }
            guard expected == first else {
                throw JinjaError(
                    .syntax, "unexpected '\(text)', expected '\(UnicodeScalar(expected))'",
                    at: start)
            }
        default: break
        }
        add(.symbol, text, at: start)
        advance(to: start + 1)
    }
}

extension JinjaLexer {
    private mutating func readNumber() {
        let start = position
        if start == 0 || bytes[start - 1] != UInt8(ascii: "."), let end = floatEnd(start) {
            add(.float, digits(start..<end), at: start)
            return advance(to: end)
        }
        let end = integerEnd(start)
        add(.integer, digits(start..<end), at: start)
        advance(to: end)
    }

    private func digits(_ range: Range<Int>) -> String {
        String(decoding: bytes[range].filter { $0 != 0x5F }, as: UTF8.self)
    }

    /// The end of digits with single underscores between them.
    private func digitsEnd(_ start: Int, _ isDigit: (UInt8) -> Bool) -> Int {
        var index = start
        while index < bytes.count {
            if isDigit(bytes[index]) {
                index += 1
            } else if bytes[index] == 0x5F, index > start, index + 1 < bytes.count,
                isDigit(bytes[index + 1])
            {
                index += 2
            } else {
                break
            }
        }
        return index
    }

    private func floatEnd(_ start: Int) -> Int? {
        func decimal(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
        var end = digitsEnd(start, decimal)
        var isFloat = false
        if end < bytes.count, bytes[end] == UInt8(ascii: "."),
            case let fraction = digitsEnd(end + 1, decimal), fraction > end + 1
        {
            end = fraction
            isFloat = true
        }
        if end < bytes.count, bytes[end] | 0x20 == UInt8(ascii: "e") {
            var digits = end + 1
            if digits < bytes.count, bytes[digits] == 0x2B || bytes[digits] == 0x2D { digits += 1 }
            if case let exponent = digitsEnd(digits, decimal), exponent > digits { return exponent }
        }
        return isFloat ? end : nil
    }

    private func integerEnd(_ start: Int) -> Int {
        if bytes[start] == 0x30, start + 1 < bytes.count {
            func end(_ isDigit: (UInt8) -> Bool) -> Int? {
                var from = start + 2
                if from < bytes.count, bytes[from] == 0x5F { from += 1 }
                let end = digitsEnd(from, isDigit)
                return end > from ? end : nil
            }
            let prefixed: Int? =
                switch bytes[start + 1] | 0x20 {
                case UInt8(ascii: "x"):
                    end { $0 >= 0x30 && $0 <= 0x39 || $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x66 }
                case UInt8(ascii: "o"): end { $0 >= 0x30 && $0 <= 0x37 }
                case UInt8(ascii: "b"): end { $0 == 0x30 || $0 == 0x31 }
                default: nil
                }
            return prefixed ?? digitsEnd(start) { $0 == 0x30 }
        }
        return digitsEnd(start) { $0 >= 0x30 && $0 <= 0x39 }
    }

    private mutating func readString(quote: UInt8) throws {
        let start = position
        var index = start + 1
        while index < bytes.count, bytes[index] != quote {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard index < bytes.count else {
            throw JinjaError(
                .syntax,
                "unexpected char \(JinjaText.quoted(String(UnicodeScalar(quote)))) at "
                    + "\(start): the string does not end", at: start)
        }
        add(.text, try JinjaEscapes.decoded(bytes[start + 1..<index], at: start), at: start)
        advance(to: index + 1)
    }
}
