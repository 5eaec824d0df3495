import FledgeCore

extension ToolFormat {
    /// `<|tool_call>call:name{…}<tool_call|>`, wherever they stand.
    func gemmaCalls(_ text: AnswerText) -> ExtractedCalls? {
        var (found, end) = (ExtractedCalls(), text.bytes.count)
        let open = "<|tool_call>call:"
        var opens = Occurrences(of: open, in: text)
        var closes = Occurrences(of: "}<tool_call|>", in: text)
        var (place, nameEnd) = (0, 0)
        while let start = opens.next(from: place) {
            place = start + 1
            let name = start + open.utf8.count
            nameEnd = max(nameEnd, name)
            while nameEnd < end, text.bytes[nameEnd] != UInt8(ascii: "{"),
                text.spaceLength(at: nameEnd) == 0
            { nameEnd += 1 }
            guard nameEnd > name, nameEnd < end, text.bytes[nameEnd] == UInt8(ascii: "{"),
                let close = closes.next(from: nameEnd + 1)
            else { continue }
            place = close + 13
            let inner = text.stripped(nameEnd + 1..<close)
            var reader = GemmaReader(text, inner)
            // What is no list of arguments is given as the text it is, as in the reference.
            let arguments =
                reader.arguments() ?? text.json(inner) ?? .string(text.text(inner))
            found.append(
                FunctionCall(text.text(name..<nameEnd), arguments.withUniqueMembers), start..<place)
        }
        return found
    }
}

/// Reads arguments as Gemma 4 writes them: JSON with bare names, and texts between marks.
private struct GemmaReader {
    private let text: AnswerText
    private let end: Int
    private var place: Int
    private var depth = 0
    private var marks: Occurrences
    private static let mark = "<|\"|>"

    init(_ text: AnswerText, _ range: Range<Int>) {
        self.text = text
        (place, end) = (range.lowerBound, range.upperBound)
        marks = Occurrences(of: Self.mark, in: text, range)
    }

    /// All of the range as the inside of an object.
    mutating func arguments() -> JSONValue? {
        guard let value = members(closing: nil) else { return nil }
        return place == end ? value : nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        place = text.spaceEnd(from: place, to: end)
        guard place < end, text.bytes[place] == byte else { return false }
        place += 1
        return true
    }

    private mutating func members(closing: UInt8?) -> JSONValue? {
        var members = [JSONValue.Member]()
        func isClosed(_ reader: inout GemmaReader) -> Bool {
            if let closing { return reader.take(closing) }
            reader.place = reader.text.spaceEnd(from: reader.place, to: reader.end)
            return reader.place == reader.end
        }
        if isClosed(&self) { return .object([]) }
        repeat {
            guard let key = key(), take(UInt8(ascii: ":")), let value = value() else { return nil }
            members.append(JSONValue.Member(key, value))
        } while take(UInt8(ascii: ","))
        return isClosed(&self) ? .object(members) : nil
    }

    /// A name: bare up to the colon, or a text.
    private mutating func key() -> String? {
        place = text.spaceEnd(from: place, to: end)
        if text.holds(Self.mark, at: place) { return marked() }
        if place < end, text.bytes[place] == UInt8(ascii: "\"") { return scalar()?.stringValue }
        let stops = Array(":,{}[]\"".utf8)
        let bare = text.bytes[place..<end].prefix { !stops.contains($0) }
        place = bare.endIndex
        let name = text.stripped(bare.startIndex..<bare.endIndex)
        return name.isEmpty ? nil : text.text(name)
    }

    private mutating func value() -> JSONValue? {
        depth += 1
        defer { depth -= 1 }
        guard depth < 256 else { return nil }
        if take(UInt8(ascii: "{")) { return members(closing: UInt8(ascii: "}")) }
        if take(UInt8(ascii: "[")) {
            var items = [JSONValue]()
            if take(UInt8(ascii: "]")) { return .array([]) }
            repeat {
                guard let value = value() else { return nil }
                items.append(value)
            } while take(UInt8(ascii: ","))
            return take(UInt8(ascii: "]")) ? .array(items) : nil
        }
        if text.holds(Self.mark, at: place) { return marked().map { .string($0) } }
        return scalar()
    }

    /// A text between marks, in which nothing is escaped.
    private mutating func marked() -> String? {
        let start = place + Self.mark.utf8.count
        guard let close = marks.next(from: start) else { return nil }
        place = close + Self.mark.utf8.count
        return text.text(start..<close)
    }

    /// A text in quotes, a number or a word of JSON, or `None`, which the model's template writes for
    /// null.
    private mutating func scalar() -> JSONValue? {
        guard place < end, text.bytes[place] < 0x80 else { return nil }
        if let next = text.end(of: "None", at: place), next <= end {
            place = next
            return .null
        }
        let read = text.bytes.withUnsafeBytes { bytes -> (JSONValue, Int)? in
            var parser = JSONParser(
                UnsafeRawBufferPointer(rebasing: bytes[place..<end]), file: "answer")
            return (try? parser.parseValue()).map { ($0, parser.position) }
        }
        guard let (value, length) = read else { return nil }
        place += length
        return value
    }
}
