import FledgeCore

extension ChatTemplate {
    /// The ids of each question and its answer, as for training on all answers.
    public func encodeMultiturn(
        _ messages: [Message], system: String = "", tools: String = "",
        discardingHistoryThoughts: Bool = false, with tokenizer: some Tokenizer
    ) throws -> [EncodedTurn] {
        if let dialogue = try modelDialogue(messages, system, tools, tokenizer) {
            return try dialogue.samples(learnsLastOnly: true).last?.turns ?? []
        }
        return try renderMultiturn(
            messages, system: system, tools: tools,
            discardingHistoryThoughts: discardingHistoryThoughts
        ).map {
            EncodedTurn(
                prompt: try encode($0.prompt, with: tokenizer),
                response: try encode($0.response, with: tokenizer))
        }
    }

    /// The ids of everything before the last answer, and of that answer.
    public func encodeOneturn(
        _ messages: [Message], system: String = "", tools: String = "",
        with tokenizer: some Tokenizer
    ) throws -> EncodedTurn {
        if let dialogue = try modelDialogue(messages, system, tools, tokenizer) {
            let (asked, all, _) = try dialogue.extended(messages.count - 1)
            let (prompt, whole) = (asked.ids(tokenizer), all.ids(tokenizer))
            // The answer by itself, where a token reaches from the question into it.
            let rest = asked.bytes.count..<all.bytes.count
            return EncodedTurn(
                prompt: prompt,
                response: whole.starts(with: prompt)
                    ? Array(whole.dropFirst(prompt.count)) : all.ids(rest, tokenizer))
        }
        let turn = try renderOneturn(messages, system: system, tools: tools)
        return EncodedTurn(
            prompt: try encode(turn.prompt, with: tokenizer),
            response: try encode(turn.response, with: tokenizer))
    }

    /// The ids of a dialogue that the model shall continue: everything up to where it speaks.
    public func encodePrompt(
        _ messages: [Message], system: String = "", tools: String = "",
        with tokenizer: some Tokenizer
    ) throws -> [Int32] {
        if let dialogue = try modelDialogue(messages, system, tools, tokenizer) {
            return try dialogue.question().ids(tokenizer)
        }
        return try encodeOneturn(
            messages + [Message(.assistant, "")], system: system, tools: tools, with: tokenizer
        ).prompt
    }

    /// The ids of pieces, each tokenised by itself.
    public func encode(
        _ pieces: [TemplatePiece], with tokenizer: some Tokenizer
    ) throws -> [Int32] {
        var ids = [Int32]()
        for piece in pieces {
            switch piece {
            case .beginOfText: if let id = tokenizer.beginOfText { ids.append(id) }
            case .endOfText: if let id = tokenizer.endOfText { ids.append(id) }
            case .token(let token):
                guard let id = tokenizer.id(ofSpecial: token) else {
                    throw FledgeError(
                        .configuration,
                        "The template \(name) needs the token \(token), which the "
                            + "tokenizer does not have.",
                        advice: "Choose the template of this model.")
                }
                ids.append(id)
            case .text(let spans): ids += encode(spans, with: tokenizer)
            }
        }
        return ids
    }

    /// Joined and tokenised as a whole, but for the control tokens that the template itself wrote.
    private func encode(_ spans: [TemplateSpan], with tokenizer: some Tokenizer) -> [Int32] {
        let text = spans.map(\.text).joined()
        if text.isEmpty { return [] }
        if contentSpecials == .parse { return tokenizer.encode(text, specials: .parse) }
        var ranges = [Range<Int>]()
        var start = 0
        for span in spans {
            let end = start + span.text.utf8.count
            if span.isControl { ranges.append(start..<end) }
            start = end
        }
        return tokenizer.encode(text, specials: .parseWithin(ranges))
    }

    /// The tokens that end an answer when the model writes one.
    public func stopTokens(of tokenizer: some Tokenizer) -> Set<Int32> {
        Set(
            stopWords.compactMap { tokenizer.id(ofSpecial: $0) }
                + [tokenizer.endOfText].compactMap { $0 })
    }
}
