import FledgeCore

extension ChatTemplate {
    /// Takes an answer apart: the thought at its beginning, the calls of tools, and the text beside them.
    ///
    /// It is the inverse of how the template writes answers. A thought that is not closed holds all of
    /// the answer; calls in a thought are none. See ``ToolFormat/calls(in:)`` for what formats cannot
    /// tell apart.
    ///
    /// - Parameter answer: The text as the model wrote it, with special tokens (some formats mark calls
    ///   with them) but without the one that ended it.
    /// - Throws: ``FledgeError`` when the format of calls is not known.
    public func parse(answer: String) throws -> ParsedAnswer {
        let (thought, rest) = thought(of: AnswerText(answer))
        let beside = thought == nil ? answer : rest.text(rest.stripped(rest.range))
        let text = AnswerText(withoutCallMark(beside))
        guard let found = try functionFormat.extract(text) else {
            return ParsedAnswer(thought: thought, text: beside)
        }
        var (said, place) = ("", 0)
        for range in found.ranges + [text.bytes.count..<text.bytes.count] {
            said += text.text(place..<range.lowerBound)
            place = range.upperBound
        }
        return ParsedAnswer(thought: thought, text: said.stripped, calls: found.calls)
    }

    /// The message that stands for an answer in the dialogue that goes on.
    public func message(_ answer: ParsedAnswer) -> Message {
        let thought = answer.thought.map { thoughtWords.open + $0 + thoughtWords.close } ?? ""
        if answer.calls.isEmpty { return Message(.assistant, thought + answer.text) }
        // Words that mark calls or thoughts in an argument mean nothing.
        let calls = JSONValue.array(answer.calls.map(\.json)).serialized()
            .split(separator: "<", omittingEmptySubsequences: false).joined(separator: "\\u003c")
        // Templates of the Llama 2 family write nothing but calls.
        if !writesTextBeforeCalls { return Message(.function, calls) }
        if answer.text.isEmpty { return Message(.function, thought + calls) }
        return Message(
            .function,
            thought + answer.text + "\n" + toolCallWords.open + calls + toolCallWords.close)
    }

    /// The thought at the beginning, and what follows it.
    private func thought(of text: AnswerText) -> (String?, AnswerText) {
        let (open, close) = (thoughtWords.open.stripped, thoughtWords.close.stripped)
        if open.isEmpty || close.isEmpty { return (nil, text) }
        let start = text.spaceEnd(from: 0, to: text.bytes.count)
        let inside = text.end(of: open, at: start)
        // Where the question ends with the opening word, the answer begins inside of the thought.
        guard inside != nil || family.isReasoning else { return (nil, text) }
        var closes = Occurrences(of: close, in: text)
        guard let end = closes.next(from: inside ?? 0) else {
            guard let inside else { return (nil, text) }
            return (text.text(text.stripped(inside..<text.bytes.count)), AnswerText(""))
        }
        let rest = text.bytes[(end + close.utf8.count)...]
        return (text.text(text.stripped((inside ?? 0)..<end)), AnswerText(bytes: Array(rest)))
    }

    /// Without the words that the template writes before all calls, such as `[TOOL_CALLS]`.
    private func withoutCallMark(_ text: String) -> String {
        guard case .text(let slot)? = function.first,
            let mark = slot.split(at: "{{content}}")?.before,
            !mark.stripped.isEmpty
        else { return text }
        let answer = AnswerText(text)
        let start = answer.spaceEnd(from: 0, to: answer.bytes.count)
        guard let end = answer.end(of: mark.stripped, at: start) else { return text }
        return answer.text(end..<answer.bytes.count)
    }
}
