import FledgeCore

/// A dialogue as the model's own template writes it, turn by turn.
///
/// An answer is learned as the template writes it where it is the last one; where a later turn
/// rewrites it (thoughts that vanish from history), it gets a sample of its own.
struct ModelDialogue<Tokens: Tokenizer> {
    private let rendering: ModelRendering
    private let tokenizer: Tokens
    private let messages: [Message]
    /// The messages as the template reads them.
    private let items: [JSONValue]
    /// Number of items before each message, and of all.
    private let counts: [Int]
    private let tools: JSONValue
    /// The character at which control strings of messages are broken.
    private let mark: String?

    init(
        _ rendering: ModelRendering, _ messages: [Message], system: String, tools: String,
        contentSpecials: ChatTemplate.ContentSpecials, _ tokenizer: Tokens
    ) throws {
        (self.rendering, self.tokenizer, self.messages) = (rendering, tokenizer, messages)
        let texts = messages.flatMap(\.texts) + [system, tools]
        let isMarked =
            contentSpecials == .text && texts.contains(where: tokenizer.containsSpecial)
        let mark = isMarked ? ModelText.mark(notIn: texts) : nil
        guard mark != nil || !isMarked else {
            throw FledgeError(
                .data,
                "The row holds control strings, and every character of private use (U+E000 to "
                    + "U+F8FF), of which one is needed to keep them text.",
                advice: "Take the control strings out.")
        }
        self.mark = mark
        func broken(_ text: String, _ isAnswer: Bool = false) -> String {
            mark.map { Self.broken(text, at: $0, isAnswer, tokenizer) } ?? text
        }
        self.tools = try ChatTemplate.toolList(broken(tools))
        // What stands apart is broken before the words around it are written.
        let marked = messages.map { message in
            var message = message
            let isAnswer = message.role == .assistant || message.role == .function
            message.content = broken(message.content, isAnswer)
            if message.hasPartsApart {
                message.furtherResults = message.furtherResults.map { broken($0) }
                message.thought = message.thought.map { broken($0, isAnswer) }
                message.textBeforeCall = broken(message.textBeforeCall, isAnswer)
            }
            return message.joined
        }
        items = try ChatTemplate.modelMessages(
            marked, system: broken(system), thoughtMember: rendering.thoughtMember)
        var counts = [system.isEmpty ? 0 : 1]
        for message in messages {
            let count = message.role == .observation ? message.results.count : 1
            counts.append((counts.last ?? 0) + count)
        }
        self.counts = counts
    }

    /// The text with a mark inside of every control string, but for the words around thoughts, which
    /// templates look for.
    private static func broken(
        _ text: String, at mark: String, _ isAnswer: Bool, _ tokenizer: Tokens
    ) -> String {
        guard tokenizer.containsSpecial(text) else { return text }
        var text = text
        let controls = Set(tokenizer.encode(text, specials: .parse).filter(tokenizer.isSpecial))
        for id in controls.sorted() {
            let word = tokenizer.decode([id], skippingSpecials: false)
            guard word.unicodeScalars.count > 1, !isAnswer || !word.holds("think>") else {
                continue
            }
            let first = String(word.unicodeScalars.prefix(1))
            text = text.replacing(
                word, by: first + mark + String(word.unicodeScalars.dropFirst()))
        }
        return text
    }

    private func text(
        _ count: Int, asking: Bool, further: JSONValue = [:]
    ) throws -> ModelText {
        ModelText(
            try rendering.render(
                Array(items.prefix(counts[count])), tools: tools, asking: asking,
                further: further), mark: mark)
    }

    /// The text before an answer and the text through it, of which the first is the beginning.
    ///
    /// The template may be told that thinking is off, or on, where that makes them fit.
    ///
    /// - Throws: ``FledgeError`` where the answer does not go on with what the model is asked.
    func extended(_ answer: Int) throws -> (asked: ModelText, all: ModelText) {
        let all = try text(answer + 1, asking: false)
        var first: ModelText?
        for further: JSONValue in [
            [:], ["enable_thinking": false, "thinking": false],
            ["enable_thinking": true, "thinking": true],
        ] {
            let asked = try text(answer, asking: true, further: further)
            if asked.begins(all) { return (asked, all) }
            first = first ?? asked
        }
        let asked = first?.bytes ?? []
        let place = zip(asked, all.bytes).prefix { $0 == $1 }.count
        func rest(_ bytes: [UInt8]) -> String {
            JSONValue.string(String(decoding: bytes[place...].prefix(60), as: UTF8.self))
                .serialized()
        }
        throw FledgeError(
            .mismatch,
            "The model's own template asks in one way and writes the answer in another: after "
                + "\(place) equal bytes it asks with \(rest(asked)) and writes "
                + "\(rest(all.bytes)).",
            advice: "Give answers in the form that the template keeps (with their thoughts, for a "
                + "model whose prompts open one), or name a template.")
    }

    /// What the model is asked.
    func question() throws -> ModelText { try text(messages.count, asking: true) }

    /// The samples of a dialogue of questions and answers in turn.
    ///
    /// - Parameter learnsLastOnly: Whether only the last answer is learned, so that one sample does.
    func samples(learnsLastOnly: Bool) throws -> [EncodedDialogue] {
        let answers = Array(stride(from: 1, to: messages.count, by: 2))
        let isMarking = rendering.marksGeneration(withTools: !tools.isNull)
        var (texts, learned) = ([ModelText](), [Range<Int>]())
        for answer in answers {
            if isMarking {
                let all = try text(answer + 1, asking: false)
                let asked = try text(answer, asking: false)
                texts.append(all)
                learned.append(
                    zip(asked.bytes, all.bytes).prefix { $0 == $1 }.count..<all.bytes.count)
            } else {
                let (asked, all) = try extended(answer)
                texts.append(all)
                learned.append(asked.bytes.count..<all.bytes.count)
            }
        }
        var samples = [EncodedDialogue]()
        var open = Set(answers.indices)
        while let last = open.max() {
            let text = texts[last]
            let final = open.sorted().filter { texts[$0].begins(text) }
            open.subtract(final)
            samples.append(sample(text, final, learned, isMarking))
            if learnsLastOnly { break }
        }
        return samples.reversed()
    }

    private func sample(
        _ text: ModelText, _ turns: [Int], _ learned: [Range<Int>], _ isMarking: Bool
    ) -> EncodedDialogue {
        var (numbers, ranges) = ([Int](), [Range<Int>]())
        for turn in turns {
            let all = learned[turn]
            let parts =
                isMarking
                ? text.generated.filter {
                    $0.lowerBound >= all.lowerBound && $0.upperBound <= all.upperBound
                        && !$0.isEmpty
                } : [all]
            ranges += parts
            numbers += repeatElement(turn, count: parts.count)
        }
        let ids = text.ids(tokenizer)
        var (place, encoded) = (0, [EncodedTurn]())
        for range in text.places(of: ranges, in: ids, tokenizer) {
            let start = max(place, range.lowerBound)
            let end = max(start, range.upperBound)
            encoded.append(
                EncodedTurn(prompt: Array(ids[place..<start]), response: Array(ids[start..<end])))
            place = end
        }
        return EncodedDialogue(turns: encoded, numbers: numbers, tail: Array(ids[place...]))
    }
}
