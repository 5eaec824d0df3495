public import FledgeCore
public import FledgeJinja

/// The Jinja template of a model as the way in which a ``ChatTemplate`` writes dialogues.
///
/// Equality and digests go by the texts of the templates and the variables that they are given.
public struct ModelRendering: Hashable, Sendable, CustomDebugStringConvertible {
    /// The model's templates.
    public let own: ModelChatTemplate
    /// What the templates are given beside the dialogue, such as `enable_thinking`.
    public let variables: JSONValue
    /// The name of the member that messages hold their thoughts in; nil where the template writes
    /// thoughts as a part of the content.
    let thoughtMember: String?
    private let clock: JinjaClock

    /// The names under which templates know thoughts.
    private static let thoughtMembers = [
        "reasoning_content", "reasoning", "thinking", "thought",
    ]

    /// Creates a rendering.
    ///
    /// - Parameters:
    ///   - variables: An object of variables beside messages and tools.
    ///   - clock: The time that the template is told.
    public init(
        _ own: ModelChatTemplate, variables: JSONValue = [:], clock: JinjaClock = .system
    ) {
        (self.own, self.variables, self.clock) = (own, variables, clock)
        let (question, thought, answer) = ("qzquestionzq", "qzthoughtzq", "qzanswerzq")
        thoughtMember = Self.thoughtMembers.first { name in
            let messages: JSONValue = [
                ["role": "user", "content": .string(question)],
                .object([
                    .init("role", "assistant"), .init("content", .string(answer)),
                    .init(name, .string(thought)),
                ]),
            ]
            let text = try? own.render(messages: messages, variables: variables, clock: clock).text
            return text?.holds(thought) ?? false
        }
    }

    /// What tells one rendering from another.
    public var debugDescription: String {
        let texts = own.templates.map { "\($0.name): \($0.template.text)" }
        let parts = texts + [own.specialTokens.serialized(), variables.serialized()]
        return SHA256.hexadecimal(of: Array(parts.joined(separator: "\n").utf8))
    }

    /// Whether two write the same: by what templates, tokens and variables are.
    public static func == (left: ModelRendering, right: ModelRendering) -> Bool {
        left.debugDescription == right.debugDescription
    }

    /// Hashes what tells one from another.
    public func hash(into hasher: inout Hasher) { hasher.combine(debugDescription) }

    /// Whether the template marks what the model itself says.
    func marksGeneration(withTools: Bool) -> Bool {
        (try? own.template(withTools: withTools).marksGeneration) ?? false
    }

    /// The text of a dialogue.
    ///
    /// - Parameters:
    ///   - asking: Whether it ends where the model shall speak.
    ///   - further: Variables that come before those of the rendering.
    /// - Throws: ``FledgeError`` when the template refuses the dialogue.
    func render(
        _ messages: [JSONValue], tools: JSONValue, asking: Bool, further: JSONValue = [:]
    ) throws -> JinjaTemplate.Rendering {
        var variables = variables
        for member in further.members ?? [] { variables[member.key] = member.value }
        do {
            return try own.render(
                messages: .array(messages), tools: tools, addsGenerationPrompt: asking,
                variables: variables, clock: clock)
        } catch let error as FledgeError {
            throw FledgeError(
                .data, "The model's own template refuses the dialogue: \(error.message)",
                advice: "Name a template that can write it, or leave the row out.")
        }
    }
}
