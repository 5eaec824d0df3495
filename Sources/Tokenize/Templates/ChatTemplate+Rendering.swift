import FledgeCore
internal import FledgeJinja

extension ChatTemplate {
    /// Renders messages to pieces, before any tokenizer is involved.
    ///
    /// - Parameters:
    ///   - system: The system text; the template's own when empty.
    ///   - tools: A JSON list of tools; empty for none.
    public func render(
        _ messages: [Message], system: String = "", tools: String = ""
    ) throws -> [RenderedMessage] {
        guard model == nil else {
            throw FledgeError(
                .unsupported, "The model's own template writes dialogues as texts, not as slots.",
                advice: "Encode them with a tokenizer.")
        }
        let system = written(system, as: .system)
        var systemText = [TemplateSpan]()
        if !system.isEmpty {
            systemText = [TemplateSpan(system)]
        } else if !defaultSystem.isEmpty {
            systemText = [TemplateSpan(defaultSystem, isControl: true)]
        }
        let hasTools = try hasTools(tools)
        if hasTools { systemText += try describe(tools: tools) }
        let hasSystem = !systemText.isEmpty || hasTools || alwaysWritesSystem
        return try messages.enumerated().map { index, message in
            var pieces = index == 0 ? fill(prefix, []) : []
            var content = [TemplateSpan(written(message.content, as: message.role))]
            if index == 0, hasSystem {
                if family != .llama2 {
                    pieces += fill(self.system, systemText)
                } else if case .text(let spans) = fill(self.system, systemText).first {
                    content = spans + content
                }
            }
            switch message.role {
            case .user: pieces += fill(user, content, index: index / 2)
            case .observation: pieces += fill(results: message.results)
            case .assistant:
                pieces += fill(assistant, answer(written(message.content, as: .assistant)))
            case .function: pieces += fill(function, try call(message))
            case .system:
                throw FledgeError(
                    .data, "Unexpected role system inside of a dialogue.",
                    advice: "A system text stands before the messages.")
            }
            let isResponse = message.role == .assistant || message.role == .function
            return RenderedMessage(pieces: pieces, isResponse: isResponse)
        }
    }

    /// An answer; in templates of reasoning models the words around its thoughts are the template's.
    private func answer(_ content: String) -> [TemplateSpan] {
        let (open, close) = (thoughtWords.open.stripped, thoughtWords.close.stripped)
        guard family.isReasoning, contentSpecials == .text, !open.isEmpty, !close.isEmpty,
            content.holds(close)
        else { return [TemplateSpan(content)] }
        var (spans, rest) = ([TemplateSpan](), content)
        while let word = [open, close].compactMap({ word in
            rest.byteOffset(of: word).map { (word, $0) }
        }).min(by: { $0.1 < $1.1 }) {
            let end = word.1 + word.0.utf8.count
            spans += [
                TemplateSpan(rest.bytes(0..<word.1)), TemplateSpan(word.0, isControl: true),
            ]
            rest = rest.bytes(end..<rest.utf8.count)
        }
        return (spans + [TemplateSpan(rest)]).filter { !$0.text.isEmpty }
    }

    /// What tools returned; with the separator between results, text that touches text is one piece.
    private func fill(results: [String]) -> [TemplatePiece] {
        observation.flatMap { slot -> [TemplatePiece] in
            guard results.count > 1, case .text(let text) = slot,
                let (before, after) = text.split(at: "{{content}}")
            else { return fill([slot], [TemplateSpan(results[0])]) }
            var pieces: [TemplatePiece] = [.control(before)]
            for (index, result) in results.enumerated() {
                if index > 0 { pieces += fill(resultSeparator, []) }
                pieces.append(.text([TemplateSpan(result)]))
            }
            return (pieces + [.control(after)]).reduce(into: []) { joined, piece in
                if case .text(let spans) = piece, case .text(let last)? = joined.last {
                    joined[joined.count - 1] = .text(last + spans.filter { !$0.text.isEmpty })
                } else {
                    joined.append(piece)
                }
            }
        }
    }

    /// The slots with their placeholders filled.
    private func fill(
        _ slots: [Slot], _ content: [TemplateSpan], index: Int? = nil
    ) -> [TemplatePiece] {
        slots.map { slot in
            switch slot {
            case .beginOfText: return .beginOfText
            case .endOfText: return .endOfText
            case .token(let token): return .token(token)
            case .text(let text): return .text(fill(text, content, index: index))
            }
        }
    }

    private func fill(_ text: String, _ content: [TemplateSpan], index: Int?) -> [TemplateSpan] {
        var spans = [TemplateSpan(text, isControl: true)]
        if let (before, after) = text.split(at: "{{content}}") {
            spans = [TemplateSpan(before, isControl: true)] + content
            spans.append(TemplateSpan(after, isControl: true))
        }
        // A literal {{idx}} in a content is text; only the reference's behaviour fills it.
        if let index,
            let place = spans.firstIndex(where: {
                ($0.isControl || contentSpecials == .parse) && $0.text.holds("{{idx}}")
            }), let (before, after) = spans[place].text.split(at: "{{idx}}")
        {
            spans[place].text = before + String(index) + after
        }
        return spans.filter { !$0.text.isEmpty }
    }

    private func describe(tools text: String) throws -> [TemplateSpan] {
        if let (before, after) = toolsSlot?.split(at: "{{content}}") {
            return [
                TemplateSpan(before, isControl: true), TemplateSpan(text),
                TemplateSpan(after, isControl: true),
            ]
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text, file: "tools")
        } catch {
            throw FledgeError(
                .data, "The description of the tools is not valid JSON.", cause: error)
        }
        guard let tools = value.arrayValue else {
            throw FledgeError(.data, "The tools are \(value.kind), expected a list.")
        }
        return tools.isEmpty ? [] : try toolsFormat.describe(tools, date: toolDate)
    }

    /// The content of a message, without the white space that the model's own template drops.
    private func written(_ content: String, as role: Message.Role) -> String {
        trimmedRoles.holds(role) ? JinjaText.strip(content) : content
    }

    /// Whether tools are described: an empty list and null are none. (In the reference an empty list
    /// makes a system text of its own.)
    private func hasTools(_ text: String) throws -> Bool {
        if text.isEmpty || referenceWays.contains(.emptyTools) { return !text.isEmpty }
        return try !ChatTemplate.toolList(text).isNull
    }

    /// The text of calls: JSON, perhaps inside the words for calls or after a thought.
    private func call(_ message: Message) throws -> [TemplateSpan] {
        if referenceWays.contains(.singleCalls) { return try firstCall(message) }
        let message = try CallMessage(
            message, callWords: toolCallWords, thoughtWords: thoughtWords)
        let text = message.text.isEmpty ? [] : answer(message.text)
        guard text.isEmpty || family != .llama2 || message.text.stripped.isEmpty else {
            throw FledgeError(
                .data, "The template \(name) writes no text beside calls of tools.",
                advice: "Leave the text out, or make it a turn of its own.")
        }
        return try (family == .llama2 ? [] : text) + functionFormat.calls(message.calls)
    }

    /// As the reference reads a message with calls: the first block counts, and whatever is written
    /// as it is vanishes with it.
    private func firstCall(_ message: Message) throws -> [TemplateSpan] {
        var content = message.content
        if !message.textBeforeCall.isEmpty {
            // Words that mark calls or thoughts in an argument mean nothing.
            let calls = content.replacing("<", by: "\\u003c")
            content =
                message.textBeforeCall + toolCallWords.open + calls + toolCallWords.close
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
            return [TemplateSpan(isCall ? rest : stretch)] + (try functionFormat.calls(calls))
        }
        let calls = try FunctionCall.list(content)
        try refuseSeveral(calls)
        return try functionFormat.calls(calls)
    }

    private func refuseSeveral(_ calls: [FunctionCall]) throws {
        if calls.count != 1, functionFormat.rawValue == "glm4" {
            throw FledgeError(.data, "GLM-4 does not support parallel functions.")
        }
    }
}
