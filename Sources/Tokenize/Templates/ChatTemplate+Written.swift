extension ChatTemplate {
    /// Whether a text that stands before a call is written; templates of the Llama 2 family write nothing
    /// but calls.
    public var writesTextBeforeCalls: Bool { family != .llama2 }

    /// The messages with what stands apart in their contents.
    func written(_ messages: [Message]) -> [Message] {
        messages.contains(where: \.hasPartsApart) ? messages.map(written) : messages
    }

    /// The message with its thought and its text before a call in its content, in the template's words.
    private func written(_ message: Message) -> Message {
        guard message.thought != nil || !message.textBeforeCall.isEmpty else { return message }
        var result = message
        (result.thought, result.textBeforeCall) = (nil, "")
        if message.role == .function, writesTextBeforeCalls, !message.textBeforeCall.isEmpty {
            // Words that mark calls or thoughts in an argument mean nothing.
            let calls = message.content.replacing("<", by: "\\u003c")
            result.content =
                message.textBeforeCall + "\n" + toolCallWords.open + calls + toolCallWords.close
        }
        guard let thought = message.thought, family.isReasoning else { return result }
        let (open, close) = (thoughtWords.open, thoughtWords.close)
        // A content that has its thought already keeps that one.
        guard !result.content.holds(open.stripped), !result.content.holds(close.stripped) else {
            return result
        }
        result.content = open + thought + close + result.content
        return result
    }
}
