internal import FledgeCore
internal import FledgeJinja
internal import FledgeTokenize

/// `template: model`: dialogues are written by the model's own template.
struct OwnTemplate {
    let configuration: RunConfiguration

    init(_ configuration: RunConfiguration) { self.configuration = configuration }

    /// The template.
    ///
    /// - Throws: ``FledgeError`` when the model has none, or for options that only templates of slots
    ///   have.
    func template(_ own: ModelChatTemplate?) throws -> ChatTemplate {
        guard let own else {
            throw FledgeError(
                .configuration,
                "template: model needs a chat template of the model, which has none.",
                advice: "Name a template.")
        }
        guard own.templates.contains(where: { $0.template.text.utf8.contains { $0 > 0x20 } }) else {
            throw FledgeError(
                .configuration, "The model's chat template is empty: it writes nothing.",
                advice: "Put the model's template there, or name a template.",
                at: FledgeError.Location(file: own.source))
        }
        let options = configuration.data
        func refuse(_ key: String, _ reason: String) -> FledgeError {
            FledgeError(
                .configuration, "\(key) has no meaning with template: model: \(reason).",
                advice: "Leave it out, or name a template.")
        }
        if options.toolFormat != nil {
            throw refuse("tool_format", "calls are written by the model's own template")
        }
        if options.defaultSystem?.isEmpty == true {
            throw refuse(
                "default_system: \"\"",
                "what stands without a system text is up to the model's own template")
        }
        var variables: JSONValue = [:]
        // What is not asked for is up to the template.
        let values = configuration.values
        if values.isSet("enable_thinking"), let flag = options.enablesThinking {
            variables["enable_thinking"] = .bool(flag)
        }
        if values.isSet("preserve_thinking") {
            variables["preserve_thinking"] = .bool(options.preservesThinking)
        }
        var template = ChatTemplate(
            writingAs: ModelRendering(own, variables: variables, fitsQuestions: true))
        template.defaultSystem = options.defaultSystem ?? ""
        return template
    }
}

extension ModelChatTemplate {
    /// The control token that ends an answer as the template writes it; nil where there is none.
    func stopWord(_ tokenizer: TextTokenizer) -> String? {
        let answer = "qzanswerzq"
        let text = try? render(messages: [
            ["role": "user", "content": "?"], ["role": "assistant", "content": .string(answer)],
        ]).text
        guard let end = text?.split(separator: answer, maxSplits: 1).dropFirst().first else {
            return nil
        }
        let ids = tokenizer.encode(String(end), specials: .parse)
        return ids.first(where: tokenizer.isSpecial).flatMap(tokenizer.written)
    }
}
