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
            case .function: pieces += fill(ownFunction, try call(message))
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
    func answer(_ content: String) -> [TemplateSpan] {
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
        let reference = referenceWays.contains(.plainResults) ? referenceObservation : nil
        let results = reference == nil ? results.map(withoutFrame) : results
        return (reference ?? observation).flatMap { slot -> [TemplatePiece] in
            guard results.count > 1, case .text(let text) = slot,
                let (before, after) = text.split(at: "{{content}}")
            else { return fill([slot], [TemplateSpan(results[0])]) }
            var pieces: [TemplatePiece] = [.control(before)]
            for (index, result) in results.enumerated() {
                if index > 0 {
                    pieces += fill(reference == nil ? resultSeparator : [.text("\n")], [])
                }
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

    /// A result without the tags that the template writes around it: rows that were made for the
    /// reference, whose template leaves them out, have them already.
    private func withoutFrame(_ result: String) -> String {
        let (open, close) = ("<tool_response>", "</tool_response>")
        guard referenceObservation != nil, result.holds(open),
            observation.contains(where: { $0.holds(open) })
        else { return result }
        let text = result.stripped
        guard text.utf8.starts(with: open.utf8),
            text.utf8.count >= open.utf8.count + close.utf8.count,
            text.utf8.reversed().starts(with: close.utf8.reversed())
        else { return result }
        let inner = Array(text.utf8).dropFirst(open.utf8.count).dropLast(close.utf8.count)
        let start = inner.first == 0x0A ? inner.dropFirst() : inner
        return String(decoding: start.last == 0x0A ? start.dropLast() : start, as: UTF8.self)
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
        if tools.isEmpty { return [] }
        return try toolsFormat.describe(
            tools, date: toolDate, asReference: referenceWays.contains(.singleCalls))
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
}

extension ChatTemplate.Slot {
    /// Whether a text of the template holds another.
    fileprivate func holds(_ text: String) -> Bool {
        if case .text(let own) = self { own.holds(text) } else { false }
    }
}
