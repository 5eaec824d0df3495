import FledgeCore
internal import FledgeJinja

/// Whether what a model is trained on, what it is asked, and what its own chat template writes are the
/// same tokens.
///
/// Where they differ a model is asked in another way than it was taught, and answers worse.
public struct TemplateAgreement: Sendable {
    /// What was compared with what.
    public enum Comparison: String, Hashable, Sendable {
        /// What the model reads before its answer in training, and when it is asked.
        case trainingWithQuestion = "training and question"
        /// What the model is asked, and what its own template writes.
        case questionWithOwn = "question and the model's own template"
        /// The whole dialogue in training, and what the model's own template writes.
        case trainingWithOwn = "training and the model's own template"
    }

    /// The first place where two differ.
    public struct Difference: Hashable, Sendable {
        /// What was compared.
        public var comparison: Comparison
        /// The number of tokens that are the same.
        public var place: Int
        /// What the first goes on with, as text.
        public var first: String
        /// What the second goes on with.
        public var second: String
    }

    /// What became of a shape.
    public enum Result: Hashable, Sendable {
        /// All are the same.
        case agrees
        /// Some differ.
        case differs([Difference])
        /// The model's own template does not know such dialogues; ours agree with each other.
        case unknownToModel(String)
    }

    /// A shape and what became of it.
    public struct Outcome: Hashable, Sendable {
        /// The shape's name.
        public var shape: String
        /// What became of it.
        public var result: Result
    }

    private var template: ChatTemplate
    private let tokenizer: any Tokenizer
    private let own: ModelChatTemplate?

    /// Creates a comparison.
    ///
    /// - Parameter own: The model's own template; without one only training and questions are
    ///   compared.
    public init(_ template: ChatTemplate, _ tokenizer: any Tokenizer, own: ModelChatTemplate?) {
        (self.template, self.tokenizer, self.own) = (template, tokenizer, own)
    }

    /// Compares over dialogues of some shapes.
    ///
    /// - Throws: ``FledgeError`` when the template cannot write them.
    public func outcomes(over shapes: [DialogueShape] = DialogueShape.all) throws -> [Outcome] {
        try shapes.map { Outcome(shape: $0.name, result: try result($0)) }
    }

    private func result(_ shape: DialogueShape) throws -> Result {
        var copy = self
        if let thinking = shape.thinking {
            guard template.readsThoughts else {
                return .unknownToModel("the template knows no thoughts")
            }
            copy.template.enablesThinking = thinking
        }
        return try copy.comparison(
            shape, variables: shape.thinking.map { ["enable_thinking": .bool($0)] } ?? [:],
            [.trainingWithQuestion, .questionWithOwn, .trainingWithOwn])
    }

    /// Compares a dialogue of a run as the run writes it.
    ///
    /// - Parameters:
    ///   - asksOnly: Whether the question alone counts, and not the answer behind it.
    ///   - discards: Whether only the last answer may hold a thought.
    /// - Throws: ``FledgeError`` when the template cannot write it.
    public func outcome(
        of shape: DialogueShape, asksOnly: Bool, discardingHistoryThoughts discards: Bool
    ) throws -> Outcome {
        let isQuiet = template.family.isReasoning && template.enablesThinking != true
        return Outcome(
            shape: shape.name,
            result: try comparison(
                shape, variables: isQuiet ? ["enable_thinking": false] : [:],
                [asksOnly ? .questionWithOwn : .trainingWithOwn],
                discardingHistoryThoughts: discards))
    }

    private func comparison(
        _ shape: DialogueShape, variables: JSONValue, _ kinds: Set<Comparison>,
        discardingHistoryThoughts discards: Bool = false
    ) throws -> Result {
        var template = template
        // Control strings in these dialogues are none but the template's.
        template.contentSpecials = .text
        var question = [Int32]()
        var dialogue = EncodedDialogue(turns: [], numbers: [])
        do {
            question = try template.encodePrompt(
                Array(shape.messages.dropLast()), system: shape.system, tools: shape.tools,
                with: tokenizer)
            if kinds != [.questionWithOwn] {
                dialogue =
                    try template.encodeDialogues(
                        shape.messages, system: shape.system, tools: shape.tools,
                        discardingHistoryThoughts: discards, with: tokenizer
                    ).last ?? dialogue
            }
        } catch let error as FledgeError
            where error.code == .data || template.model != nil && error.code == .mismatch
        {
            return .unknownToModel("the template cannot write it: \(error.message)")
        }
        let turns = dialogue.turns
        let end = template.usesEfficientEnd ? tokenizer.endOfText : nil
        let trained = turns.flatMap { [$0.prompt, $0.response] } + [dialogue.tail]
        var differences = [Difference]()
        if kinds.contains(.trainingWithQuestion), template.model == nil {
            let read = turns.dropLast().flatMap { $0.prompt + $0.response }
            note(
                .trainingWithQuestion, read + (turns.last?.prompt ?? []), question, &differences)
        }
        let reason = try compareWithOwn(
            shape, variables, kinds, question, (trained, end), &differences)
        if !differences.isEmpty { return .differs(differences) }
        return reason.map { .unknownToModel($0) } ?? .agrees
    }

    /// - Returns: Why the model's own template has nothing to compare with; nil where it has.
    private func compareWithOwn(
        _ shape: DialogueShape, _ variables: JSONValue, _ kinds: Set<Comparison>,
        _ question: [Int32], _ trained: (parts: [[Int32]], end: Int32?),
        _ differences: inout [Difference]
    ) throws -> String? {
        guard let own else { return "the model has no chat template of its own" }
        let rendering = ModelRendering(own, variables: variables, fitsQuestions: true)
        func rendered(
            _ shape: DialogueShape, asking: Bool, _ further: JSONValue = [:]
        ) throws -> String {
            let items = try ChatTemplate.modelMessages(
                asking ? Array(shape.messages.dropLast()) : shape.messages, system: shape.system,
                thoughts: rendering.thoughts, splitsContent: template.model != nil)
            return try rendering.render(
                items, tools: ChatTemplate.toolList(shape.tools), asking: asking, further: further
            ).text
        }
        do {
            let asked = try rendered(shape, asking: true)
            // A template that ignores a part of the dialogue does not say how it should be written.
            for (part, without) in shape.parts {
                let further: JSONValue =
                    without.thinking.map { ["enable_thinking": .bool($0)] } ?? [:]
                if try rendered(without, asking: true, further) == asked {
                    return "the model's own template ignores \(part)"
                }
            }
            if kinds.contains(.questionWithOwn) {
                note(.questionWithOwn, question, ids(asked), &differences)
            }
            if kinds.contains(.trainingWithOwn) {
                let all = try rendered(shape, asking: false)
                // Nobody learns the beginning of an answer that is not there.
                let end = rendering.constantPrompt
                let isEnded = !end.isEmpty && all.utf8.reversed().starts(with: end.reversed())
                let said = isEnded ? all.bytes(0..<all.utf8.count - end.count) : all
                noteTraining(trained, said, &differences)
            }
            return nil
        } catch let error as FledgeError {
            return "the model's own template refuses it: \(error.message)"
        }
    }

    /// Compares a whole dialogue.
    ///
    /// Where tokens would reach from a question into its answer, or from there into the next question,
    /// the parts are tokenised by themselves: that is how the model is asked.
    private func noteTraining(
        _ trained: (parts: [[Int32]], end: Int32?), _ text: String,
        _ differences: inout [Difference]
    ) {
        let own = withoutSpace(ids(text))
        // One end token for a whole dialogue is not a part of every template.
        let end = own.last == trained.end ? [trained.end].compactMap { $0 } : []
        let ours = withoutSpace(trained.parts.flatMap { $0 } + end)
        if ours != own, withoutSpace(split(text, as: trained.parts)) == ours { return }
        note(.trainingWithOwn, ours, own, &differences)
    }

    /// The ids of a text that is cut where parts end; what is left over is a part, too.
    private func split(_ text: String, as parts: [[Int32]]) -> [Int32] {
        guard tokenizer.decodesEachTokenAlone else { return [] }
        var (place, result) = (0, [Int32]())
        for part in parts {
            let count = part.reduce(0) { $0 + tokenizer.bytes(of: $1).count }
            let end = min(place + count, text.utf8.count)
            result += ids(text.bytes(place..<end))
            place = end
        }
        return result + ids(text.bytes(place..<text.utf8.count))
    }

    private func ids(_ text: String) -> [Int32] { tokenizer.encode(text, specials: .parse) }

    /// Without tokens of white space at the end, which nothing depends on.
    private func withoutSpace(_ ids: [Int32]) -> ArraySlice<Int32> {
        var ids = ids[...]
        while let last = ids.last,
            tokenizer.bytes(of: last).allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) })
        {
            ids.removeLast()
        }
        return ids
    }

    private func note(
        _ comparison: Comparison, _ first: some Sequence<Int32>, _ second: some Sequence<Int32>,
        _ differences: inout [Difference]
    ) {
        let (first, second) = (Array(first), Array(second))
        guard first != second else { return }
        let same = zip(first, second).prefix { $0 == $1 }
        let place = same.count
        func text(_ ids: [Int32]) -> String {
            tokenizer.decode(Array(ids.dropFirst(place).prefix(12)), skippingSpecials: false)
        }
        var texts = (text(first), text(second))
        if texts.0 == texts.1 {
            // The same text, cut into other tokens.
            func tokens(_ ids: [Int32]) -> String {
                let shown = ids.dropFirst(place).prefix(6).map(String.init)
                return " (tokens \(shown.joined(separator: " ")))"
            }
            texts = (texts.0 + tokens(first), texts.1 + tokens(second))
        }
        differences.append(
            Difference(
                comparison: comparison, place: place, first: texts.0, second: texts.1))
    }
}

extension DialogueShape {
    /// What a template may ignore, each with the dialogue without it.
    fileprivate var parts: [(String, DialogueShape)] {
        var parts = [(String, DialogueShape)]()
        if !tools.isEmpty {
            var without = self
            without.tools = ""
            parts.append(("tools", without))
        }
        if !system.isEmpty {
            var without = self
            without.system = ""
            parts.append(("system texts", without))
        }
        if let thinking {
            var without = self
            without.thinking = !thinking
            if messages.allSatisfy({ !$0.content.holds("<think>") }) {
                parts.append(("whether thinking is on", without))
            }
        }
        return parts
    }
}
