/// The ids of a dialogue, or of the beginning of one, of which some answers are learned.
public struct EncodedDialogue: Hashable, Sendable {
    /// The questions with what precedes them, and the answers.
    public var turns: [EncodedTurn]
    /// For each turn, which answer of the dialogue its response belongs to, counted from 0.
    public var numbers: [Int]
    /// What follows the last answer and is not learned.
    public var tail: [Int32]
    /// Answers of which the model's own template marks nothing as written by the model, so that they are
    /// not learned; counted from 0.
    public var unmarked: [Int] = []
    /// Whether an answer is learned behind the prompt without thinking, though thinking is asked for.
    public var switchesThinking = false

    /// Creates a dialogue.
    public init(turns: [EncodedTurn], numbers: [Int], tail: [Int32] = []) {
        (self.turns, self.numbers, self.tail) = (turns, numbers, tail)
    }
}

extension ChatTemplate {
    /// The ids of a dialogue for training on all answers, as one sample, or as several where the
    /// model's own template writes an answer in another way once the dialogue goes on.
    ///
    /// - Parameters:
    ///   - discards: Whether only the last answer may hold a thought.
    ///   - learnsLastOnly: Whether only the last answer is learned.
    /// - Throws: ``FledgeError`` when the template cannot write the dialogue.
    public func encodeDialogues(
        _ messages: [Message], system: String = "", tools: String = "",
        discardingHistoryThoughts discards: Bool = false, learnsLastOnly: Bool = false,
        with tokenizer: some Tokenizer
    ) throws -> [EncodedDialogue] {
        if let dialogue = try modelDialogue(messages, system, tools, tokenizer) {
            return try dialogue.samples(learnsLastOnly: learnsLastOnly)
        }
        let turns = try encodeMultiturn(
            messages, system: system, tools: tools, discardingHistoryThoughts: discards,
            with: tokenizer)
        return [EncodedDialogue(turns: turns, numbers: Array(turns.indices))]
    }

    /// The dialogue as the model's own template writes it; nil for a template of slots.
    func modelDialogue<Tokens: Tokenizer>(
        _ messages: [Message], _ system: String, _ tools: String, _ tokenizer: Tokens
    ) throws -> ModelDialogue<Tokens>? {
        try model.map {
            try ModelDialogue(
                $0, messages, system: system.isEmpty ? defaultSystem : system, tools: tools,
                contentSpecials: contentSpecials, writesEmptySystem: writesEmptySystem, tokenizer)
        }
    }
}
