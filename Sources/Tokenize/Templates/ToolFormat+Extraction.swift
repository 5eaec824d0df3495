import FledgeCore

/// What a format found in an answer.
struct ExtractedCalls {
    var calls: [FunctionCall] = []
    /// The bytes that the calls take up, in order.
    var ranges: [Range<Int>] = []

    mutating func append(_ call: FunctionCall, _ range: Range<Int>) {
        calls.append(call)
        ranges.append(range)
    }
}

extension ToolFormat {
    /// The calls of tools in a model's answer; `nil` for a plain answer.
    ///
    /// It is the inverse of what the template writes for a message of role ``Message/Role/function``, as
    /// far as the format can tell values apart:
    /// - `qwen3_5`, `glm4_7`, `glm4_moe`, `seed_oss` and `minimax2` write texts as they are, so a text
    ///   that is JSON (`"1"`, `"true"`) comes back as that value, and one with the closing tag is cut
    ///   there; `qwen3_5` also loses white space at a text's ends. `qwen3_5` and `seed_oss` write values
    ///   as Python does, so `"True"` and `"None"`, and in `seed_oss` `"['a']"`, are values, too.
    /// - `lfm2` escapes nothing: a text with quotes makes the answer a plain one, and backslashes are read
    ///   as Python's escapes. `gemma4` sorts arguments by name.
    /// - `default` takes the word `Action:` in an argument for the next call, and the tags of `qwen`,
    ///   `minimax1` and `gemma4` end a call wherever they stand.
    ///
    /// Broken calls leave a plain answer. The time is linear in the length of the answer.
    ///
    /// - Throws: ``FledgeError`` when the format is not known.
    public func calls(in answer: String) throws -> [FunctionCall]? {
        try extract(AnswerText(answer))?.calls
    }

    /// The calls and where they stand; `nil` when there is none.
    func extract(_ text: AnswerText) throws -> ExtractedCalls? {
        let found: ExtractedCalls? =
            switch rawValue {
            case "default": actions(text)
            case "glm4": namedObject(text)
            case "llama3": objects(text, key: "parameters")
            case "mistral": objects(text, key: "arguments")
            case "ministral3": markedCalls(text) ?? objects(text, key: "arguments")
            case "qwen", "ling": taggedObjects(text)
            case "glm4_7", "glm4_moe": taggedObjects(text) ?? keyedArguments(text)
            case "minimax1": taggedLines(text)
            case "minimax2": invocations(text)
            case "qwen3_5": functions(text, tag: "tool_call", keepsSpace: false, .pythonWords)
            case "seed_oss": functions(text, tag: "seed:tool_call", keepsSpace: true, .python)
            case "lfm2": pythonCalls(text)
            case "gemma4": gemmaCalls(text)
            default: throw unknown
            }
        return found.flatMap { $0.calls.isEmpty ? nil : $0 }
    }

    /// `Action: name` and `Action Input: {…}`, once or more.
    private func actions(_ text: AnswerText) -> ExtractedCalls? {
        var (found, end) = (ExtractedCalls(), text.range.upperBound)
        var actions = Occurrences(of: "Action:", in: text)
        var place = 0
        while let start = actions.next(from: place) {
            place = start + 1
            let name = text.spaceEnd(from: start + 7, to: end)
            let word = text.bytes[name...].prefix { $0.isName }
            let behind = text.spaceEnd(from: word.endIndex, to: end)
            var head: (name: Range<Int>, end: Int)?
            if !word.isEmpty, let input = text.end(of: "Action Input:", at: behind) {
                head = (name..<word.endIndex, input)
            } else if word.count > 6,
                let input = text.end(of: "Action Input:", at: word.endIndex - 6)
            {
                // Nothing stands between the name and what follows.
                head = (name..<word.endIndex - 6, input)
            }
            guard let head, head.end < end else { continue }
            let input = text.spaceEnd(from: head.end, to: end)
            var arguments = text.stripped(input..<(actions.next(from: input + 1) ?? end))
            place = max(arguments.upperBound, place)
            let all = start..<place
            arguments = text.trimmed(arguments, UInt8(ascii: "\""))
            arguments = text.trimmed(arguments, UInt8(ascii: "`"))
            guard let value = text.json(arguments) else { return nil }
            found.append(FunctionCall(text.text(head.name), value), all)
        }
        return found
    }

    /// The name in a line of its own, and the arguments.
    private func namedObject(_ text: AnswerText) -> ExtractedCalls? {
        guard let line = text.bytes.firstIndex(of: 0x0A), line > 0,
            !(0..<line).contains(where: { text.spaceLength(at: $0) > 0 }),
            let arguments = text.json(text.stripped(line + 1..<text.bytes.count)),
            // Any two lines of which the second is a number would be a call.
            arguments.members != nil
        else { return nil }
        return ExtractedCalls(
            calls: [FunctionCall(text.text(0..<line), arguments)], ranges: [text.range])
    }

    /// An object, or a list of objects.
    private func objects(_ text: AnswerText, key: String) -> ExtractedCalls? {
        guard let value = text.json(text.stripped(text.range)) else { return nil }
        let items = value.arrayValue ?? [value]
        let calls = items.compactMap { FunctionCall($0, key: key) }
        return calls.count == items.count
            ? ExtractedCalls(calls: calls, ranges: [text.range]) : nil
    }

    /// Objects in tags, with nothing behind the last one.
    private func taggedObjects(_ text: AnswerText) -> ExtractedCalls? {
        var found = ExtractedCalls()
        let end = text.bytes.count
        var opens = Occurrences(of: "<tool_call>", in: text)
        var closes = Occurrences(of: "</tool_call>", in: text) {
            let next = text.spaceEnd(from: $0, to: end)
            return next == end || text.holds("<tool_call>", at: next)
        }
        var place = 0
        while let start = opens.next(from: place), let close = closes.next(from: start + 12) {
            let inner = start + 11..<close
            guard let value = text.json(text.stripped(inner)), let call = FunctionCall(value) else {
                return nil
            }
            place = close + 12
            found.append(call, start..<place)
        }
        return found.calls.isEmpty ? nil : found
    }

    /// Objects in lines between tags; lines that are none are passed over.
    private func taggedLines(_ text: AnswerText) -> ExtractedCalls? {
        var opens = Occurrences(of: "<tool_calls>", in: text)
        var closes = Occurrences(of: "</tool_calls>", in: text)
        guard let start = opens.next(from: 0),
            let close = closes.next(
                from: text.spaceEnd(from: start + 12, to: text.bytes.count) + 1)
        else { return nil }
        let lines = text.bytes[start + 12..<close].split(separator: 0x0A)
        let calls = lines.compactMap { line in
            text.json(text.stripped(line.startIndex..<line.endIndex)).flatMap { FunctionCall($0) }
        }
        return ExtractedCalls(calls: calls, ranges: [start..<close + 13])
    }
}

extension AnswerText {
    /// The range without a byte at both ends, as often as it stands there.
    fileprivate func trimmed(_ range: Range<Int>, _ byte: UInt8) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, bytes[start] == byte { start += 1 }
        while end > start, bytes[end - 1] == byte { end -= 1 }
        return start..<end
    }
}

extension UInt8 {
    /// Whether it is an ASCII letter, a digit or an underscore.
    var isWord: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
        default: false
        }
    }

    /// Whether names of tools hold it: one of ``isWord``, a hyphen or a point.
    var isName: Bool { isWord || self == UInt8(ascii: "-") || self == UInt8(ascii: ".") }
}
