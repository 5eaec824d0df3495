import FledgeCore

extension ToolFormat {
    /// `<|tool_call_start|>[name(key=value, …), …]<|tool_call_end|>` with values as Python writes them.
    func pythonCalls(_ text: AnswerText) -> ExtractedCalls? {
        var opens = Occurrences(of: "<|tool_call_start|>", in: text)
        var closes = Occurrences(of: "<|tool_call_end|>", in: text)
        guard let start = opens.next(from: 0), let close = closes.next(from: start) else {
            return nil
        }
        var reader = PythonReader(text, text.stripped(start + 19..<close))
        return reader.calls().map { ExtractedCalls(calls: $0, ranges: [start..<close + 17]) }
    }

    /// A literal of Python that fills a range.
    func pythonValue(_ text: AnswerText, _ range: Range<Int>) -> JSONValue? {
        var reader = PythonReader(text, range)
        return reader.whole()?.withUniqueMembers
    }
}

/// Reads calls with keyword arguments, whose values are literals of Python or JSON.
///
/// More lenient than Python, since the format escapes nothing: names may hold `.` and `-` and be Python's
/// keywords, texts may hold line breaks, and `true`, `false` and `null` may stand inside of lists.
/// Positional arguments are refused, for they have no name.
private struct PythonReader {
    private let text: AnswerText
    private let end: Int
    private var place: Int
    private var depth = 0

    init(_ text: AnswerText, _ range: Range<Int>) {
        self.text = text
        (place, end) = (range.lowerBound, range.upperBound)
    }

    /// One call or a list of calls that fills the range.
    mutating func calls() -> [FunctionCall]? {
        var calls = [FunctionCall]()
        if take(UInt8(ascii: "[")) {
            while !take(UInt8(ascii: "]")) {
                guard let call = call() else { return nil }
                calls.append(call)
                if take(UInt8(ascii: ",")) { continue }
                guard take(UInt8(ascii: "]")) else { return nil }
                break
            }
        } else {
            guard let call = call() else { return nil }
            calls.append(call)
        }
        skipSpace()
        return place == end ? calls : nil
    }

    /// One value that fills the range.
    mutating func whole() -> JSONValue? {
        guard let value = value() else { return nil }
        skipSpace()
        return place == end ? value : nil
    }

    private mutating func call() -> FunctionCall? {
        guard let name = name(), take(UInt8(ascii: "(")) else { return nil }
        var arguments = [JSONValue.Member]()
        while !take(UInt8(ascii: ")")) {
            guard let key = self.name(), take(UInt8(ascii: "=")), let value = value() else {
                return nil
            }
            arguments.append(JSONValue.Member(key, value))
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: ")")) else { return nil }
            break
        }
        return FunctionCall(name, JSONValue.object(arguments).withUniqueMembers)
    }

    private var byte: UInt8? { place < end ? text.bytes[place] : nil }

    private mutating func skipSpace() {
        while let byte {
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0C, 0x0D: place += 1
            case UInt8(ascii: "#"):
                while let byte = self.byte, byte != 0x0A { place += 1 }
            default: return
            }
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard self.byte == byte else { return false }
        place += 1
        return true
    }

    /// A name: letters, digits, `_`, and behind the first also `.` and `-`.
    private mutating func name() -> String? {
        skipSpace()
        guard let first = byte, first.isWord || first >= 0x80, !first.isDigit else { return nil }
        let word = text.bytes[place..<end].prefix {
            $0.isName || $0 >= 0x80
        }
        place = word.endIndex
        return text.text(word.startIndex..<word.endIndex)
    }

    private mutating func value() -> JSONValue? {
        skipSpace()
        depth += 1
        defer { depth -= 1 }
        guard depth < 200, let byte else { return nil }
        switch byte {
        case UInt8(ascii: "["):
            place += 1
            return items(closing: UInt8(ascii: "]")).map { .array($0.items) }
        case UInt8(ascii: "("):
            place += 1
            return items(closing: UInt8(ascii: ")")).map {
                $0.items.count == 1 && !$0.hasComma ? $0.items[0] : .array($0.items)
            }
        case UInt8(ascii: "{"):
            place += 1
            return dictionary()
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "+"),
            UInt8(ascii: "-"):
            return number()
        default: return string() ?? word()
        }
    }

    private mutating func items(closing: UInt8) -> (items: [JSONValue], hasComma: Bool)? {
        var (items, hasComma) = ([JSONValue](), false)
        while !take(closing) {
            guard let value = value() else { return nil }
            items.append(value)
            if take(UInt8(ascii: ",")) {
                hasComma = true
                continue
            }
            guard take(closing) else { return nil }
            break
        }
        return (items, hasComma)
    }

    private mutating func dictionary() -> JSONValue? {
        var members = [JSONValue.Member]()
        while !take(UInt8(ascii: "}")) {
            guard let key = value(), take(UInt8(ascii: ":")), let value = value() else {
                return nil
            }
            switch key {
            case .array, .object: return nil
            case .string(let name): members.append(JSONValue.Member(name, value))
            default: members.append(JSONValue.Member(key.serialized(), value))
            }
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { return nil }
            break
        }
        return .object(members)
    }

    private mutating func word() -> JSONValue? {
        let word = text.bytes[place..<end].prefix { $0.isWord || $0 >= 0x80 }
        place = word.endIndex
        switch text.text(word.startIndex..<word.endIndex) {
        case "True", "true": return true
        case "False", "false": return false
        case "None", "null": return .null
        default: return nil
        }
    }

    private mutating func number() -> JSONValue? {
        let isNegative = byte == UInt8(ascii: "-")
        if isNegative || byte == UInt8(ascii: "+") {
            place += 1
            skipSpace()
        }
        let start = place
        while let byte {
            let isSign = byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
            // A sign belongs to a number behind its exponent alone.
            guard
                byte.isWord || byte == UInt8(ascii: ".")
                    || isSign && text.bytes[place - 1] | 0x20 == UInt8(ascii: "e")
                        && !text.holds("0x", at: start) && !text.holds("0X", at: start)
            else { break }
            place += 1
        }
        guard let value = PythonNumber.value(text.bytes[start..<place]) else { return nil }
        return isNegative ? PythonNumber.negative(value) : value
    }

    /// Texts in quotes; what stands side by side is one text.
    private mutating func string() -> JSONValue? {
        var bytes = [UInt8]()
        var isText = false
        while true {
            skipSpace()
            var quote = place
            var isRaw = false
            if let byte, "rRuU".utf8.contains(byte) {
                isRaw = byte | 0x20 == UInt8(ascii: "r")
                quote += 1
            }
            guard quote < end,
                text.bytes[quote] == UInt8(ascii: "\"") || text.bytes[quote] == UInt8(ascii: "'")
            else { return isText ? .string(String(decoding: bytes, as: UTF8.self)) : nil }
            let mark = text.bytes[quote]
            let isTriple =
                quote + 2 < end && text.bytes[quote + 1] == mark && text.bytes[quote + 2] == mark
            place = quote + (isTriple ? 3 : 1)
            while true {
                guard let byte else { return nil }
                if byte == mark, !isTriple { break }
                if byte == mark, place + 2 < end, text.bytes[place + 1] == mark,
                    text.bytes[place + 2] == mark
                {
                    break
                }
                place += 1
                guard byte == UInt8(ascii: "\\") else {
                    bytes.append(byte)
                    continue
                }
                if isRaw {
                    bytes.append(byte)
                    guard let next = self.byte else { return nil }
                    bytes.append(next)
                    place += 1
                } else if !escape(into: &bytes) {
                    return nil
                }
            }
            place += isTriple ? 3 : 1
            isText = true
        }
    }

    /// What stands behind a backslash.
    private mutating func escape(into bytes: inout [UInt8]) -> Bool {
        guard let byte else { return false }
        place += 1
        let simple: [UInt8: UInt8] = [
            UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "'"): 0x27, UInt8(ascii: "\""): 0x22,
            UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 0x0C,
            UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 9,
            UInt8(ascii: "v"): 0x0B,
        ]
        if let plain = simple[byte] {
            bytes.append(plain)
            return true
        }
        switch byte {
        case 0x0A: return true
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            place -= 1
            let digits = text.bytes[place..<min(place + 3, end)].prefix { (0x30...0x37) ~= $0 }
            place = digits.endIndex
            return append(UInt32(text.text(digits.startIndex..<digits.endIndex), radix: 8), &bytes)
        case UInt8(ascii: "x"), UInt8(ascii: "u"), UInt8(ascii: "U"):
            let count = byte == UInt8(ascii: "x") ? 2 : byte == UInt8(ascii: "u") ? 4 : 8
            let digits = text.bytes[place..<min(place + count, end)]
            guard digits.count == count, digits.allSatisfy({ $0.isWord }) else { return false }
            place = digits.endIndex
            return append(UInt32(text.text(digits.startIndex..<digits.endIndex), radix: 16), &bytes)
        case UInt8(ascii: "N"): return false
        default:
            bytes += [UInt8(ascii: "\\"), byte]
            return true
        }
    }

    private func append(_ value: UInt32?, _ bytes: inout [UInt8]) -> Bool {
        guard let value, value <= 0x10FFFF else { return false }
        // Half of a surrogate pair is no character.
        bytes += Array(String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
        return true
    }
}
