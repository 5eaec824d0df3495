import FledgeCore

extension ChatTemplate {
    /// Renders messages to pieces, before any tokenizer is involved.
    ///
    /// - Parameters:
    ///   - system: The system text; the template's own when empty.
    ///   - tools: A JSON list of tools; empty for none.
    public func render(
        _ messages: [Message], system: String = "", tools: String = ""
    ) throws -> [RenderedMessage] {
        var systemText = [TemplateSpan]()
        if !system.isEmpty {
            systemText = [TemplateSpan(system)]
        } else if !defaultSystem.isEmpty {
            systemText = [TemplateSpan(defaultSystem, isControl: true)]
        }
        if !tools.isEmpty { systemText += try describe(tools: tools) }
        // Tools count as a system text even when their list is empty.
        let hasSystem = !systemText.isEmpty || !tools.isEmpty
        return try messages.enumerated().map { index, message in
            var pieces = index == 0 ? fill(prefix, []) : []
            var content = [TemplateSpan(message.content)]
            if index == 0, hasSystem {
                if family != .llama2 {
                    pieces += fill(self.system, systemText)
                } else if case .text(let spans) = fill(self.system, systemText).first {
                    content = spans + content
                }
            }
            switch message.role {
            case .user: pieces += fill(user, content, index: index / 2)
            case .observation: pieces += fill(results: message.texts)
            case .assistant: pieces += fill(assistant, [TemplateSpan(message.content)])
            case .function: pieces += fill(function, try call(message.content))
            case .system:
                throw FledgeError(
                    .data, "Unexpected role system inside of a dialogue.",
                    advice: "A system text stands before the messages.")
            }
            let isResponse = message.role == .assistant || message.role == .function
            return RenderedMessage(pieces: pieces, isResponse: isResponse)
        }
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

    /// The text of a call: JSON, perhaps inside the words for calls or after a thought.
    private func call(_ content: String) throws -> [TemplateSpan] {
        // Llama 2 templates look for neither.
        let words = family == .llama2 ? [] : [toolCallWords, thoughtWords]
        for (index, words) in words.enumerated() {
            guard let found = content.enclosed(by: words.open, words.close) else { continue }
            let stretch = content.bytes(found.range)
            let rest = content.replacing(stretch, by: "")
            let isCall = index == 0
            return [TemplateSpan(isCall ? rest : stretch)]
                + (try functionFormat.calls(isCall ? found.inner : rest))
        }
        return try functionFormat.calls(content)
    }
}
