import FledgeCore
import FledgeJinja

/// Where a model's own template reads the thoughts of answers, found by showing it some.
struct ThoughtPlaces: Sendable {
    /// Where a thought is put that stands apart from its answer.
    enum Place: Hashable, Sendable {
        /// In a member of the message.
        case member(String)
        /// In the content, between words for thoughts, which the template knows.
        case content
        /// In the content, though the template knows nothing of thoughts.
        case plainContent
        /// Nowhere: the template writes none.
        case nowhere
    }

    /// The member of answers; nil where the template reads none.
    let member: String?
    /// Where thoughts of answers are put, and of calls.
    let answers, calls: Place

    /// The names under which templates know thoughts.
    private static let names = ["reasoning_content", "reasoning", "thinking", "thought"]
    private static let (thought, answer) = ("qzthoughtzq", "qzanswerzq")

    /// Asks a template.
    init(_ own: ModelChatTemplate, _ variables: JSONValue) {
        func text(_ members: [JSONValue.Member], isCall: Bool) -> String? {
            var message: [JSONValue.Member] = [.init("role", "assistant")] + members
            if isCall {
                let call: JSONValue = ["name": "qzcallzq", "arguments": ["qz": "zq"]]
                message.append(
                    .init(
                        "tool_calls",
                        [["type": "function", "id": "call00000", "function": call]]))
            }
            return try? own.render(
                messages: [["role": "user", "content": "qzquestionzq"], .object(message)],
                variables: variables
            ).text
        }
        func member(isCall: Bool) -> String? {
            Self.names.first { name in
                let members: [JSONValue.Member] = [
                    .init("content", .string(Self.answer)), .init(name, .string(Self.thought)),
                ]
                return text(members, isCall: isCall)?.holds(Self.thought) ?? false
            }
        }
        // A template that writes words of its own around every answer would open a thought twice.
        func place(isCall: Bool) -> Place {
            let content = "<think>\n\(Self.thought)\n</think>\n\n\(Self.answer)"
            let written = text([.init("content", .string(content))], isCall: isCall)
            guard let written, written.holds(Self.thought) else {
                return written == nil ? .plainContent : .nowhere
            }
            let before = written.split(at: Self.thought)?.before ?? ""
            if let (_, rest) = before.split(at: "<think>"), rest.holds("<think>") {
                return .nowhere
            }
            let knows = own.templates.contains { $0.template.text.holds("think>") }
            return knows ? .content : .plainContent
        }
        let found = member(isCall: false)
        self.member = found
        answers = found.map(Place.member) ?? place(isCall: false)
        calls =
            member(isCall: true).map(Place.member) ?? found.map(Place.member)
            ?? place(isCall: true)
    }
}

extension ChatTemplate {
    /// What becomes of thoughts that stand apart from answers.
    public enum ThoughtWriting: Hashable, Sendable {
        /// They are written in the template's own way.
        case known
        /// They become a part of the text, which the template knows nothing of.
        case asText
        /// They are left out.
        case none
    }

    /// What becomes of thoughts of messages of a role.
    public func thoughtWriting(in role: Message.Role) -> ThoughtWriting {
        guard let model else { return family.isReasoning ? .known : .none }
        switch role == .function ? model.thoughts.calls : model.thoughts.answers {
        case .member, .content: return .known
        case .plainContent: return .asText
        case .nowhere: return .none
        }
    }
}
