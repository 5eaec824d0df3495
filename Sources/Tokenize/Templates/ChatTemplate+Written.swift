extension ChatTemplate {
    /// The words that most models have around calls.
    static let usualCallWords = Words(open: "<tool_call>", close: "</tool_call>")
    /// The words that most models have around thoughts.
    static let usualThoughtWords = Words(open: "<think>\n", close: "\n</think>\n\n")

    /// Whether a text that stands before a call is written; templates of the Llama 2 family write nothing
    /// but calls, unless their format has words before each call.
    public var writesTextBeforeCalls: Bool {
        family != .llama2 || model != nil
            || functionFormat.rawValue == "ministral3" && !referenceWays.contains(.singleCalls)
    }

    /// The messages with what stands apart in the template's words: thoughts before the text of an answer,
    /// or before the text beside its calls.
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
    /// The message with its thought in its text, in some words; what has no words is left out.
    ///
    /// Calls and the text beside them stay apart, so that nothing in one is taken for the other.
    func joined(
        thoughtWords: ChatTemplate.Words?, callWords: ChatTemplate.Words?
    ) -> Message {
        guard hasPartsApart, role == .assistant || role == .function else { return self }
        var result = self
        result.thought = nil
        if role == .function, !textBeforeCall.isEmpty {
            result.textBeforeCall = callWords.map { repeatedCalls($0) ?? textBeforeCall } ?? ""
        }
        guard let thought, let words = thoughtWords else { return result }
        // A text that has its thought already keeps that one; arguments of calls are no text.
        let isCall = role == .function && content.utf8.first { $0 > 0x20 } != UInt8(ascii: "<")
        let text = isCall ? result.textBeforeCall : result.spoken
        guard !text.holds(words.open.stripped), !text.holds(words.close.stripped) else {
            return result
        }
        let written = words.open + thought + words.close
        if role == .function {
            result.textBeforeCall = written + result.textBeforeCall
        } else {
            result.content = written + result.content
        }
        return result
    }

    /// What the model says beside its calls, or all that it says.
    var spoken: String {
        get { role == .function && !textBeforeCall.isEmpty ? textBeforeCall : content }
        set {
            if role == .function, !textBeforeCall.isEmpty {
                textBeforeCall = newValue
            } else {
                content = newValue
            }
        }
    }
}
