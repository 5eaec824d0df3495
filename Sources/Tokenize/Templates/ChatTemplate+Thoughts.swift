extension ChatTemplate {
    /// The pieces of each question and its answer, as for training on all answers.
    ///
    /// - Parameter discards: Whether only the last answer may hold a thought.
    public func renderMultiturn(
        _ messages: [Message], system: String = "", tools: String = "",
        discardingHistoryThoughts discards: Bool = false
    ) throws -> [(prompt: [TemplatePiece], response: [TemplatePiece])] {
        var messages = withOpenedThoughts(written(messages))
        if family.isReasoning {
            for index in stride(from: 1, to: messages.count, by: 2) {
                let isHistory = index < messages.count - 2
                if enablesThinking == false || discards && isHistory {
                    messages[index].spoken = withoutThought(messages[index].spoken)
                }
            }
        }
        let rendered = try render(messages, system: system, tools: tools)
        return stride(from: 0, to: rendered.count - 1, by: 2).map { index in
            var turn = (prompt: rendered[index].pieces, response: rendered[index + 1].pieces)
            if family.isReasoning, !discards || index == messages.count - 2 {
                addEmptyThought(to: &turn, unlessIn: messages[index + 1])
            }
            return turn
        }
    }

    /// The pieces of everything before the last answer, and of that answer.
    public func renderOneturn(
        _ messages: [Message], system: String = "", tools: String = ""
    ) throws -> (prompt: [TemplatePiece], response: [TemplatePiece]) {
        var messages = withOpenedThoughts(written(messages))
        if family.isReasoning {
            for index in stride(from: 1, to: messages.count - 2, by: 2) where !preservesThinking {
                messages[index].spoken = withoutThought(messages[index].spoken)
            }
            if enablesThinking == false, let last = messages.indices.last {
                messages[last].spoken = withoutThought(messages[last].spoken)
            }
        }
        let rendered = try render(messages, system: system, tools: tools)
        var turn = (
            prompt: rendered.dropLast().flatMap(\.pieces), response: rendered.last?.pieces ?? []
        )
        if family.isReasoning, let last = messages.last {
            addEmptyThought(to: &turn, unlessIn: last)
        }
        return turn
    }

    /// Answers of models whose prompt opens the thought hold the closing word alone: where prompts do
    /// not open it, they get the opening one.
    private func withOpenedThoughts(_ messages: [Message]) -> [Message] {
        let (open, close) = (thoughtWords.open.stripped, thoughtWords.close.stripped)
        guard family.isReasoning, !open.isEmpty, let first = close.utf8.first,
            !referenceWays.contains(.halfThoughts),
            messages.contains(where: { $0.spoken.utf8.contains(first) })
        else { return messages }
        return messages.map { message in
            guard message.role == .assistant || message.role == .function,
                message.spoken.holds(close), !message.spoken.holds(open)
            else { return message }
            var message = message
            message.spoken = thoughtWords.open + message.spoken
            return message
        }
    }

    /// The empty thought belongs to the answer where thinking is learned, else to the question.
    private func addEmptyThought(
        to turn: inout (prompt: [TemplatePiece], response: [TemplatePiece]),
        unlessIn message: Message
    ) {
        guard !message.spoken.holds(thoughtWords.open.stripped),
            !message.spoken.holds(thoughtWords.close.stripped)
        else { return }
        let open = family == .reasoningGLM47 ? "" : thoughtWords.open
        let thought = TemplatePiece.control(open + thoughtWords.close)
        if enablesThinking == true {
            let own = message.role == .function ? ownCallThoughts?.empty : nil
            if own != "" {
                turn.response.insert(own.map(TemplatePiece.control) ?? thought, at: 0)
            }
        } else {
            // A question is the same whatever is answered.
            turn.prompt.append(thought)
        }
    }

    /// The content without its thoughts and without line breaks at its start.
    private func withoutThought(_ content: String) -> String {
        var (result, start) = ("", 0)
        while let found = content.enclosed(by: thoughtWords.open, thoughtWords.close, from: start) {
            result += content.bytes(start..<found.range.lowerBound)
            start = found.range.upperBound
        }
        result += content.bytes(start..<content.utf8.count)
        let lines = result.utf8.drop { $0 == 0x0A }
        return String(Substring(lines))
    }
}
