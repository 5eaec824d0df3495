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
        contentSpecials: ChatTemplate.ContentSpecials, writesEmptySystem: Bool = false,
        _ tokenizer: Tokens
    ) throws {
        (self.rendering, self.tokenizer, self.messages) = (rendering, tokenizer, messages)
        let hasSystem = !system.isEmpty || writesEmptySystem && rendering.takesEmptySystem
        let items = try ChatTemplate.modelMessages(
            messages, hasSystem: hasSystem, system: system, thoughts: rendering.thoughts,
            splitsContent: true)
        let tools = try ChatTemplate.toolList(tools)
        let breaks =
            contentSpecials == .text ? try ControlBreaks(rendering, items, tools, tokenizer) : nil
        mark = breaks?.mark
        // What the dialogue is made of is broken, not the words that say what is what.
        self.items = breaks.map { breaks in items.map(breaks.message) } ?? items
        self.tools = breaks?.broken(tools) ?? tools
        var counts = [hasSystem ? 1 : 0]
        for message in messages {
            let count = message.role == .observation ? message.results.count : 1
            counts.append((counts.last ?? 0) + count)
        }
        self.counts = counts
    }

    private func text(
        _ count: Int, asking: Bool, further: JSONValue = [:]
    ) throws -> ModelText {
        ModelText(
            try rendering.render(
                Array(items.prefix(counts[count])), tools: tools, asking: asking,
                further: further), mark: mark)
    }

    /// The text through an answer, without the beginning of a further one.
    private func text(through answer: Int) throws -> ModelText {
        try text(answer + 1, asking: false).dropping(end: rendering.constantPrompt)
    }

    /// The text before an answer and the text through it, of which the first is the beginning.
    ///
    /// The template may be told that thinking is off, or on, where that makes them fit.
    ///
    /// - Throws: ``FledgeError`` where the answer does not go on with what the model is asked.
    func extended(
        _ answer: Int
    ) throws -> (asked: ModelText, all: ModelText, switchesThinking: Bool) {
        let all = try text(through: answer)
        var first: ModelText?
        let isAsked = rendering.variables["enable_thinking"]?.boolValue == true
        for further: JSONValue in [
            [:], ["enable_thinking": false, "thinking": false],
            ["enable_thinking": true, "thinking": true],
        ] {
            let asked = try text(answer, asking: true, further: further)
            if asked.begins(all) {
                return (asked, all, isAsked && further["enable_thinking"]?.boolValue == false)
            }
            first = first ?? asked
        }
        guard let asked = first else { return (all, all, false) }
        if rendering.fitsQuestions, let fitting = answered(asked, all, answer) {
            return (asked, fitting, false)
        }
        throw ModelMismatch(asked: asked.bytes, written: all.bytes).error(
            hasThought: messages[answer].hasThought, member: rendering.thoughts.member)
    }

    /// What the model is asked with an answer as the template writes it, for templates that write the
    /// question in another way once it is answered (such as system texts in the last question).
    ///
    /// - Returns: nil where the question does not end as it does when it is asked.
    private func answered(_ asked: ModelText, _ all: ModelText, _ answer: Int) -> ModelText? {
        let item = items[counts[answer] - 1]
        let question = Array((item["content"]?.stringValue ?? "").stripped.unmarked(mark).utf8)
        guard !question.isEmpty, let place = asked.bytes.last(question) else { return nil }
        let ending = asked.bytes[place...]
        guard let start = all.bytes.last(Array(ending)) else { return nil }
        let end = start + ending.count
        let said = (items[counts[answer]]["content"]?.stringValue ?? "").stripped.unmarked(mark)
        guard String(decoding: all.bytes[end...], as: UTF8.self).holds(said) else { return nil }
        return asked.appending(all, from: end)
    }

    /// What the model is asked.
    func question() throws -> ModelText { try text(messages.count, asking: true) }

    /// The samples of a dialogue of questions and answers in turn.
    ///
    /// - Parameter learnsLastOnly: Whether only the last answer is learned, so that one sample does.
    func samples(learnsLastOnly: Bool) throws -> [EncodedDialogue] {
        let answers = Array(stride(from: 1, to: messages.count, by: 2))
        let isMarking = rendering.marksGeneration(withTools: !tools.isNull)
        var (texts, learned, switchesThinking) = ([ModelText](), [Range<Int>](), false)
        for answer in answers {
            if isMarking {
                let all = try text(through: answer)
                let asked = try text(answer, asking: false)
                texts.append(all)
                learned.append(
                    zip(asked.bytes, all.bytes).prefix { $0 == $1 }.count..<all.bytes.count)
            } else {
                let (asked, all, isSwitched) = try extended(answer)
                switchesThinking = switchesThinking || isSwitched
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
            samples[samples.count - 1].switchesThinking = switchesThinking
            if learnsLastOnly { break }
        }
        return samples.reversed()
    }

    private func sample(
        _ text: ModelText, _ turns: [Int], _ learned: [Range<Int>], _ isMarking: Bool
    ) -> EncodedDialogue {
        var (numbers, ranges, unmarked) = ([Int](), [Range<Int>](), [Int]())
        for turn in turns {
            let all = learned[turn]
            let parts =
                isMarking
                ? text.generated.filter {
                    $0.lowerBound >= all.lowerBound && $0.upperBound <= all.upperBound
                        && !$0.isEmpty
                } : [all]
            if parts.isEmpty { unmarked.append(turn) }
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
        var dialogue = EncodedDialogue(turns: encoded, numbers: numbers, tail: Array(ids[place...]))
        dialogue.unmarked = unmarked
        return dialogue
    }
}
