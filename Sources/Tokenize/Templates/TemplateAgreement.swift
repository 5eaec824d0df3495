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

    private let template: ChatTemplate
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
        var template = template
        // Control strings in these dialogues are none but the template's.
        template.contentSpecials = .text
        if let thinking = shape.thinking {
            guard template.family.isReasoning else {
                return .unknownToModel("the template knows no thoughts")
            }
            template.enablesThinking = thinking
        }
        let turns: [EncodedTurn]
        let question: [Int32]
        do {
            turns = try template.encodeMultiturn(
                shape.messages, system: shape.system, tools: shape.tools, with: tokenizer)
            question = try template.encodePrompt(
                Array(shape.messages.dropLast()), system: shape.system, tools: shape.tools,
                with: tokenizer)
        } catch let error as FledgeError where error.code == .data {
            return .unknownToModel("the template cannot write it: \(error.message)")
        }
        let end = template.usesEfficientEnd ? [tokenizer.endOfText].compactMap { $0 } : []
        let trained = turns.flatMap { $0.prompt + $0.response } + end
        let read = turns.dropLast().flatMap { $0.prompt + $0.response } + (turns.last?.prompt ?? [])
        var differences = [Difference]()
        note(.trainingWithQuestion, read, question, &differences)
        let reason = try compareWithOwn(shape, question, trained, &differences)
        if !differences.isEmpty { return .differs(differences) }
        return reason.map { .unknownToModel($0) } ?? .agrees
    }

    /// - Returns: Why the model's own template has nothing to compare with; nil where it has.
    private func compareWithOwn(
        _ shape: DialogueShape, _ question: [Int32], _ trained: [Int32],
        _ differences: inout [Difference]
    ) throws -> String? {
        guard let own else { return "the model has no chat template of its own" }
        func rendered(_ shape: DialogueShape, asking: Bool) throws -> String {
            let tools =
                shape.tools.isEmpty
                ? JSONValue.null : try JSONValue(parsing: shape.tools, file: shape.name)
            let variables: JSONValue = shape.thinking.map { ["enable_thinking": .bool($0)] } ?? [:]
            return try own.render(
                messages: shape.json(dropping: asking ? 1 : 0), tools: tools,
                addsGenerationPrompt: asking, variables: variables
            ).text
        }
        do {
            let asked = try rendered(shape, asking: true)
            // A template that ignores a part of the dialogue does not say how it should be written.
            for (part, without) in shape.parts where try rendered(without, asking: true) == asked {
                return "the model's own template ignores \(part)"
            }
            note(.questionWithOwn, question, ids(asked), &differences)
            note(
                .trainingWithOwn, withoutSpace(trained),
                withoutSpace(ids(try rendered(shape, asking: false))), &differences)
            return nil
        } catch let error as FledgeError {
            return "the model's own template refuses it: \(error.message)"
        }
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
        differences.append(
            Difference(
                comparison: comparison, place: place, first: text(first), second: text(second)))
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
