import FledgeCore

/// Turns in which a model calls tools.
extension ChatTemplate {
    /// The slots of a call, in the form that was asked for.
    var ownFunction: [Slot] {
        (referenceWays.contains(.singleCalls) ? referenceFunction : nil) ?? function
    }

    /// How thoughts stand before calls, where that is not how they stand before other answers.
    var ownCallThoughts: CallThoughts? {
        referenceWays.contains(.singleCalls) ? nil : callThoughts
    }

    /// The text of a turn with calls: JSON, perhaps inside the words for calls or after a thought.
    func call(_ message: Message) throws -> [TemplateSpan] {
        if referenceWays.contains(.singleCalls) { return try firstCall(message) }
        let parts = try CallMessage(message, callWords: toolCallWords, thoughtWords: thoughtWords)
        let calls = try functionFormat.calls(parts.calls)
        guard writesTextBeforeCalls else {
            guard parts.text.stripped.isEmpty else {
                throw FledgeError(
                    .data, "The template \(name) writes no text beside calls of tools.",
                    advice: "Leave the text out, or make it a turn of its own.")
            }
            return calls
        }
        let (thought, rest) = beginning(of: parts.text)
        let way = TextBesideCalls(functionFormat)
        // White space between a text and calls in one message belongs to neither.
        let isKept = !message.textBeforeCall.isEmpty && !way.isTrimmed
        let text = isKept ? rest : rest.stripped
        let spans =
            text.isEmpty
            ? []
            : ([TemplateSpan(way.words.open, isControl: true)] + answer(text)
                + [TemplateSpan(way.words.close, isControl: true)]).filter { !$0.text.isEmpty }
        return written(thought) + (way.isBehind ? calls + spans : spans + calls)
    }

    /// A thought before calls.
    private func written(_ thought: WrittenThought?) -> [TemplateSpan] {
        guard let thought else { return [] }
        guard let own = ownCallThoughts else { return answer(thought.whole) }
        let inner = thought.inner.stripped
        if inner.isEmpty {
            return own.empty.isEmpty ? [] : [TemplateSpan(own.empty, isControl: true)]
        }
        return [
            TemplateSpan(own.words.open, isControl: true), TemplateSpan(inner),
            TemplateSpan(own.words.close, isControl: true),
        ]
    }

    /// A thought as a message has it.
    private struct WrittenThought {
        /// With the words around it and the line breaks behind it.
        var whole: String
        var inner: String
    }

    /// The thought that a text begins with, and what is said behind it.
    private func beginning(of text: String) -> (thought: WrittenThought?, rest: String) {
        for words in [thoughtWords, Self.usualThoughtWords] {
            let (open, close) = (words.open.stripped, words.close.stripped)
            guard !open.isEmpty, !close.isEmpty, let found = text.enclosed(by: open, close),
                text.bytes(0..<found.range.lowerBound).stripped.isEmpty
            else { continue }
            let rest = String(
                Substring(
                    text.bytes(found.range.upperBound..<text.utf8.count).utf8.drop { $0 == 0x0A }))
            let whole = text.bytes(0..<text.utf8.count - rest.utf8.count)
            return (WrittenThought(whole: whole, inner: found.inner), rest)
        }
        return (nil, text)
    }

    /// As the reference reads a message with calls: the first block counts, and whatever is written
    /// as it is vanishes with it.
    private func firstCall(_ message: Message) throws -> [TemplateSpan] {
        var content = message.content
        if !message.textBeforeCall.isEmpty {
            // Words that mark calls or thoughts in an argument mean nothing.
            let calls = content.replacing("<", by: "\\u003c")
            let line = beginning(of: message.textBeforeCall).rest.isEmpty ? "" : "\n"
            content =
                message.textBeforeCall + line + toolCallWords.open + calls + toolCallWords.close
        }
        // Llama 2 templates look for neither.
        let words = family == .llama2 ? [] : [toolCallWords, thoughtWords]
        for (index, words) in words.enumerated() {
            guard let found = content.enclosed(by: words.open, words.close) else { continue }
            let stretch = content.bytes(found.range)
            let rest = content.replacing(stretch, by: "")
            let isCall = index == 0
            let calls = try FunctionCall.list(isCall ? found.inner : rest)
            try refuseSeveral(calls)
            return [TemplateSpan(isCall ? rest : stretch)]
                + (try functionFormat.calls(calls, asReference: true))
        }
        let calls = try FunctionCall.list(content)
        try refuseSeveral(calls)
        return try functionFormat.calls(calls, asReference: true)
    }

    private func refuseSeveral(_ calls: [FunctionCall]) throws {
        if calls.count != 1, functionFormat.rawValue == "glm4" {
            throw FledgeError(.data, "GLM-4 does not support parallel functions.")
        }
    }
}
