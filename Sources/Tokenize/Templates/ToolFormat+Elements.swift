import FledgeCore

/// Calls whose arguments stand in elements of their own, one by one.
extension ToolFormat {
    /// `<tool_call><function=name>…</function></tool_call>`, wherever they stand.
    func functions(
        _ text: AnswerText, tag: String, keepsSpace: Bool, _ values: CallElements.Values
    ) -> ExtractedCalls? {
        let (open, close) = ("<\(tag)>", "</\(tag)>")
        var found = ExtractedCalls()
        let end = text.bytes.count
        var opens = Occurrences(of: open, in: text)
        var closes = Occurrences(of: "</function>", in: text) {
            text.holds(close, at: text.spaceEnd(from: $0, to: end))
        }
        var place = 0
        while let start = opens.next(from: place) {
            place = start + 1
            let element = text.spaceEnd(from: start + open.utf8.count, to: end)
            guard let head = text.end(of: "<function=", at: element) else { continue }
            let name = text.spaceEnd(from: head, to: end)
            var nameEnd = name
            while nameEnd < end, text.bytes[nameEnd] != UInt8(ascii: "<"),
                text.bytes[nameEnd] != UInt8(ascii: ">"), text.spaceLength(at: nameEnd) == 0
            { nameEnd += 1 }
            guard nameEnd > name, let last = closes.next(from: nameEnd) else { continue }
            let behind = text.spaceEnd(from: last + 11, to: end)
            place = behind + close.utf8.count
            found.append(
                FunctionCall(
                    text.text(name..<nameEnd),
                    parameters(
                        text, nameEnd..<last, open: "<parameter=", mark: ">",
                        keepsSpace: keepsSpace, values)), start..<place)
        }
        return found
    }

    /// `<invoke name="…">…</invoke>` inside of tags; where those are missing, as in what the template
    /// itself writes, wherever they stand.
    func invocations(_ text: AnswerText) -> ExtractedCalls? {
        var (block, inner) = (text.range, text.range)
        var opens = Occurrences(of: "<minimax:tool_call>", in: text)
        let wrapper = opens.next(from: 0)
        if let wrapper {
            var closes = Occurrences(of: "</minimax:tool_call>", in: text)
            let start = text.spaceEnd(from: wrapper + 19, to: text.bytes.count)
            guard let close = closes.next(from: start + 1) else { return nil }
            (block, inner) = (wrapper..<close + 20, start..<close)
        }
        var found = ExtractedCalls()
        var heads = Occurrences(of: "<invoke name=\"", in: text, inner)
        var marks = Occurrences(of: "\">", in: text, inner)
        var closes = Occurrences(of: "</invoke>", in: text, inner)
        var place = inner.lowerBound
        while let start = heads.next(from: place), let mark = marks.next(from: start + 14),
            let close = closes.next(from: mark + 2)
        {
            place = close + 9
            found.append(
                FunctionCall(
                    text.text(text.stripped(start + 14..<mark)),
                    parameters(
                        text, mark + 2..<close, open: "<parameter name=\"", mark: "\">",
                        keepsSpace: true)), start..<place)
        }
        if wrapper != nil { found.ranges = [block] }
        return found
    }

    /// `<tool_call>name` with `<arg_key>…</arg_key>` and `<arg_value>…</arg_value>` in turn, and
    /// perhaps a closing tag, which the reference does not write; nothing may follow the last call.
    func keyedArguments(_ text: AnswerText) -> ExtractedCalls? {
        var found = ExtractedCalls()
        let end = text.bytes.count
        var opens = Occurrences(of: "<tool_call>", in: text)
        var keyCloses = Occurrences(of: "</arg_key>", in: text)
        var valueCloses = Occurrences(of: "</arg_value>", in: text)
        guard var place = opens.next(from: 0) else { return nil }
        while place < end {
            guard let head = text.end(of: "<tool_call>", at: place) else { return nil }
            let line = text.bytes[head...].prefix { $0 != UInt8(ascii: "<") && $0 != 0x0A }
            // The name follows the tag at once; white space stands behind it alone.
            let name = head..<text.stripped(head..<line.endIndex).upperBound
            guard !name.isEmpty, text.bytes[name].allSatisfy({ $0.isName || $0 >= 0x80 }) else {
                return nil
            }
            var arguments = [JSONValue.Member]()
            var behind = line.endIndex
            while true {
                let next = text.spaceEnd(from: behind, to: end)
                guard let key = text.end(of: "<arg_key>", at: next) else { break }
                guard let keyEnd = keyCloses.next(from: key),
                    let value = text.end(
                        of: "<arg_value>", at: text.spaceEnd(from: keyEnd + 10, to: end)),
                    let valueEnd = valueCloses.next(from: value)
                else { return nil }
                arguments.append(
                    JSONValue.Member(
                        text.text(key..<keyEnd),
                        self.value(text, value..<valueEnd, keepsSpace: true)))
                behind = valueEnd + 12
            }
            let next = text.spaceEnd(from: behind, to: end)
            behind = text.end(of: "</tool_call>", at: next) ?? behind
            found.append(
                FunctionCall(text.text(name), JSONValue.object(arguments).withUniqueMembers),
                place..<behind)
            place = text.spaceEnd(from: behind, to: end)
        }
        return found
    }

    /// The arguments in the elements of a range.
    private func parameters(
        _ text: AnswerText, _ range: Range<Int>, open: String, mark: String, keepsSpace: Bool,
        _ values: CallElements.Values = .json
    ) -> JSONValue {
        var members = [JSONValue.Member]()
        var heads = Occurrences(of: open, in: text, range)
        var marks = Occurrences(of: mark, in: text, range)
        var closes = Occurrences(of: "</parameter>", in: text, range)
        var place = range.lowerBound
        while let start = heads.next(from: place) {
            let key = start + open.utf8.count
            guard let keyEnd = marks.next(from: key) else { break }
            let valueStart = keyEnd + mark.utf8.count
            guard let close = closes.next(from: valueStart) else { break }
            members.append(
                JSONValue.Member(
                    text.text(key..<keyEnd),
                    value(text, valueStart..<close, keepsSpace: keepsSpace, values)))
            place = close + 12
        }
        return JSONValue.object(members).withUniqueMembers
    }

    /// A value: JSON where it reads so, what Python writes for values where the format has that, else the
    /// text.
    private func value(
        _ text: AnswerText, _ range: Range<Int>, keepsSpace: Bool,
        _ values: CallElements.Values = .json
    ) -> JSONValue {
        let stripped = text.stripped(range)
        return text.json(stripped) ?? python(text, stripped, values)
            ?? .string(text.text(keepsSpace ? range : stripped))
    }

    private func python(
        _ text: AnswerText, _ range: Range<Int>, _ values: CallElements.Values
    ) -> JSONValue? {
        guard values != .json, let first = text.bytes[range].first else { return nil }
        let isContainer = first == UInt8(ascii: "[") || first == UInt8(ascii: "{")
        if isContainer { return values == .python ? pythonValue(text, range) : nil }
        return ["True", "False", "None"].contains(text.text(range))
            ? pythonValue(text, range) : nil
    }
}
