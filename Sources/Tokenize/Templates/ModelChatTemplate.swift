public import FledgeCore
public import FledgeJinja

/// The chat templates that a model brings along, and the special tokens that they name.
///
///     if let template = try ModelChatTemplate.load("SmolLM2-135M-Instruct") {
///         let prompt = try template.render(
///             messages: [["role": "user", "content": "Hello"]], addsGenerationPrompt: true)
///     }
public struct ModelChatTemplate: Sendable {
    /// A template and the name that the model gives it: `default`, `tool_use`, `rag`.
    public struct Named: Sendable {
        /// The name.
        public var name: String
        /// The template.
        public var template: JinjaTemplate

        /// Creates a template with a name.
        public init(_ name: String, _ template: JinjaTemplate) {
            (self.name, self.template) = (name, template)
        }
    }

    /// The templates; most models have one, named `default`.
    public var templates: [Named]
    /// The texts of `bos_token`, `eos_token` and their like, which templates know by these names.
    public var specialTokens: JSONValue
    /// The file or folder they came from, for messages.
    public var source: String
    /// The time that `strftime_now` tells where a rendering names no other.
    public var clock = JinjaClock.system

    /// Creates a model's templates.
    public init(
        _ templates: [Named], specialTokens: JSONValue = [:], source: String = "chat template"
    ) {
        (self.templates, self.specialTokens, self.source) = (templates, specialTokens, source)
    }

    /// Creates the templates of a model that has one.
    public init(_ template: JinjaTemplate, specialTokens: JSONValue = [:]) {
        self.init([Named("default", template)], specialTokens: specialTokens)
    }

    /// The template for a dialogue: the named one, else `tool_use` where there are tools and the
    /// model has such a template, else `default`.
    public func template(named name: String? = nil, withTools: Bool = false) throws -> JinjaTemplate
    {
        func find(_ name: String) -> JinjaTemplate? {
            templates.last { JinjaText.equal($0.name, name) }?.template
        }
        if let name {
            if let template = find(name) { return template }
        } else if templates.count == 1, let only = templates.first {
            return only.template
        } else if let template = (withTools ? find("tool_use") : nil) ?? find("default") {
            return template
        }
        let names = templates.map(\.name).sorted().joined(separator: ", ")
        throw FledgeError(
            .configuration,
            name.map { "The model has no chat template named \($0)." }
                ?? "The model has several chat templates and none is the default.",
            advice: templates.isEmpty
                ? "Choose a built-in template." : "Choose one of these by name: \(names).",
            at: FledgeError.Location(file: source))
    }

    /// Renders a dialogue, as `apply_chat_template` of transformers does.
    ///
    /// - Parameters:
    ///   - messages: An array of objects with `role`, `content` and whatever else the template
    ///     reads.
    ///   - tools: An array of JSON schemas, or `null`.
    ///   - documents: An array of objects with `title` and `text`, or `null`.
    ///   - addsGenerationPrompt: Whether the text ends with what comes before an answer.
    ///   - continuesFinalMessage: Whether the text ends inside of the last message, which the model
    ///     is to continue.
    ///   - variables: An object of further variables, such as `enable_thinking`; they come before
    ///     special tokens of the same name.
    ///   - name: Which template; see ``template(named:withTools:)``.
    ///   - clock: The time that `strftime_now` tells; nil for ``clock``.
    ///   - limits: How much the template may do.
    /// - Throws: `FledgeError`; one with the code `templateRaised` and the template's own message
    ///   where it refuses the dialogue.
    public func render(
        messages: JSONValue, tools: JSONValue = .null, documents: JSONValue = .null,
        addsGenerationPrompt: Bool = false, continuesFinalMessage: Bool = false,
        variables: JSONValue = [:], template name: String? = nil, clock: JinjaClock? = nil,
        limits: JinjaLimits = JinjaLimits()
    ) throws -> JinjaTemplate.Rendering {
        guard !(addsGenerationPrompt && continuesFinalMessage) else {
            throw FledgeError(
                .configuration,
                "A text cannot end both inside of the last message and before a new answer.",
                advice: "Set one of addsGenerationPrompt and continuesFinalMessage.")
        }
        let template = try template(named: name, withTools: !tools.isNull)
        let continuation = continuesFinalMessage ? try Continuation(messages) : nil
        var context = specialTokens.members ?? []
        context += variables.members ?? []
        context += [
            .init("messages", continuation?.messages ?? messages), .init("tools", tools),
            .init("documents", documents),
            .init("add_generation_prompt", .bool(addsGenerationPrompt)),
        ]
        let rendering = try template.render(
            .object(context), clock: clock ?? self.clock, limits: limits)
        return try continuation?.cut(rendering) ?? rendering
    }
}

/// The last message of a dialogue with a mark after it, where the rendering is cut.
private struct Continuation {
    private static let mark = "CONTINUE_FINAL_MESSAGE_TAG"
    private(set) var messages: JSONValue
    private var final = ""

    init(_ messages: JSONValue) throws {
        guard var items = messages.arrayValue, var last = items.popLast(),
            let content = last["content"], !content.isNull
        else { throw Continuation.failure("the last message has no content to continue") }
        if var parts = content.arrayValue {
            guard let index = parts.lastIndex(where: { $0["text"] != nil }),
                let text = parts[index]["text"]?.stringValue
            else { throw Continuation.failure("the last message has no text to continue") }
            final = text
            parts[index]["text"] = .string(text + Continuation.mark + " ")
            last["content"] = .array(parts)
        } else if let text = content.stringValue {
            final = text
            last["content"] = .string(text + Continuation.mark + " ")
        } else {
            throw Continuation.failure("the last message's content is \(content.kind)")
        }
        self.messages = .array(items + [last])
    }

    /// The rendering up to the mark, without what the template trimmed from the message.
    func cut(_ rendering: JinjaTemplate.Rendering) throws -> JinjaTemplate.Rendering {
        let parts = JinjaText.splitFromEnd(rendering.text, at: Continuation.mark, limit: 1)
        guard parts.count == 2, JinjaText.contains(rendering.text, JinjaText.strip(final)) else {
            throw Continuation.failure("the template does not write the last message as it is")
        }
        var text = parts[0]
        // Where the space after the mark was trimmed, so was what stands before it.
        if parts[1].utf8.first != UInt8(ascii: " ") { text = JinjaText.strip(text, left: false) }
        let end = text.utf8.count
        return JinjaTemplate.Rendering(
            text: text, generated: rendering.generated.map { $0.clamped(to: 0..<end) })
    }

    private static func failure(_ reason: String) -> FledgeError {
        FledgeError(
            .data, "The last message cannot be continued: \(reason).",
            advice: "End the dialogue with the text that the model is to continue.")
    }
}
