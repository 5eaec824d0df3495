public import FledgeCore
public import FledgeJinja

/// The Jinja template of a model as the way in which a ``ChatTemplate`` writes dialogues.
///
/// Equality and digests go by the texts of the templates and the variables that they are given. All of its
/// dialogues are written at one time.
public struct ModelRendering: Hashable, Sendable, CustomDebugStringConvertible {
    /// The model's templates.
    public let own: ModelChatTemplate
    /// What the templates are given beside the dialogue, such as `enable_thinking`.
    public let variables: JSONValue
    /// Where messages hold their thoughts.
    let thoughts: ThoughtPlaces
    /// Whether answers follow what the model is asked.
    let fitsQuestions: Bool
    /// Whether the template takes system messages without a text.
    let takesEmptySystem: Bool
    /// The beginning of an answer that the template writes behind every dialogue, asked or not; empty for
    /// templates that write it where they are asked.
    let constantPrompt: [UInt8]

    /// Creates a rendering.
    ///
    /// - Parameters:
    ///   - variables: An object of variables beside messages and tools.
    ///   - clock: The time that the template is told; nil for that of the template. It stands still.
    ///   - fitsQuestions: Whether an answer follows what the model is asked even where the template writes
    ///     the question in another way once it is answered, and whether the beginning of a further answer
    ///     is left off where the template always ends with it. Without it dialogues are exactly what the
    ///     template writes.
    public init(
        _ own: ModelChatTemplate, variables: JSONValue = [:], clock: JinjaClock? = nil,
        fitsQuestions: Bool = false
    ) {
        var own = own
        own.clock = (clock ?? own.clock).stopped()
        (self.own, self.variables, self.fitsQuestions) = (own, variables, fitsQuestions)
        thoughts = ThoughtPlaces(own, variables)
        let empty = try? own.render(
            messages: [
                ["role": "system", "content": ""], ["role": "user", "content": "qzquestionzq"],
            ], addsGenerationPrompt: true, variables: variables)
        takesEmptySystem = empty != nil
        constantPrompt = fitsQuestions ? ConstantPrompt(own, variables).bytes : []
    }

    /// What tells one rendering from another.
    public var debugDescription: String {
        let texts = own.templates.map { "\($0.name): \($0.template.text)" }
        let parts =
            texts + [
                own.specialTokens.serialized(), variables.serialized(), "\(fitsQuestions)",
            ]
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
                variables: variables)
        } catch let error as FledgeError {
            throw FledgeError(
                .data, "The model's own template refuses the dialogue: \(error.message)",
                advice: "Name a template that can write it, or leave the row out.")
        }
    }
}
