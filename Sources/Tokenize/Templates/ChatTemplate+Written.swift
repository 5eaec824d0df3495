extension ChatTemplate {
    /// Whether a text that stands before a call is written; templates of the Llama 2 family write nothing
    /// but calls.
    public var writesTextBeforeCalls: Bool { family != .llama2 || model != nil }

    /// The messages with what stands apart in their contents, in the template's words.
    func written(_ messages: [Message]) -> [Message] {
        guard messages.contains(where: \.hasPartsApart) else { return messages }
        return messages.map {
            $0.joined(
                thoughtWords: family.isReasoning ? thoughtWords : nil,
                callWords: writesTextBeforeCalls ? toolCallWords : nil)
        }
    }
}

extension Message {
    /// The message with its thought and its text before a call in its content, in some words; what has
    /// no words is left out.
    func joined(
        thoughtWords: ChatTemplate.Words?, callWords: ChatTemplate.Words?
    ) -> Message {
        guard hasPartsApart, role == .assistant || role == .function else { return self }
        var result = self
        (result.thought, result.textBeforeCall) = (nil, "")
        if role == .function, let callWords, !textBeforeCall.isEmpty {
            // Words that mark calls or thoughts in an argument mean nothing.
            let calls = content.replacing("<", by: "\\u003c")
            result.content = textBeforeCall + "\n" + callWords.open + calls + callWords.close
        }
        guard let thought, let words = thoughtWords else { return result }
        // A content that has its thought already keeps that one.
        guard !result.content.holds(words.open.stripped),
            !result.content.holds(words.close.stripped)
        else { return result }
        result.content = words.open + thought + words.close + result.content
        return result
    }

    /// The message with what stands apart in its content, in the words that most models have.
    var joined: Message {
        joined(
            thoughtWords: ChatTemplate.Words(open: "<think>\n", close: "\n</think>\n\n"),
            callWords: ChatTemplate.Words(open: "<tool_call>", close: "</tool_call>"))
    }
}
