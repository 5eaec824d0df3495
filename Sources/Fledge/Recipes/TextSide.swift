internal import FledgeCore
public import FledgeModel
public import FledgeTokenize
internal import Foundation

/// Tokenizer and chat template of a run, fitted to each other.
///
/// Training, chat and export all go through here, so that a model is asked as it was taught.
public struct TextSide: Sendable {
    /// The tokenizer, with the end, padding and stop tokens that the template needs.
    public let tokenizer: TextTokenizer
    /// The template with the run's options applied.
    public let template: ChatTemplate
    /// The tokens that end an answer.
    public let stopTokens: Set<Int32>
    /// Whether plain texts begin with the tokenizer's token for that.
    public let addsBeginOfText: Bool
    /// The chat template that the model brings along.
    public let ownTemplate: ModelChatTemplate?
    /// How the template compares with that one; nil where it was not compared.
    let agreement: [TemplateAgreement.Outcome]?
    /// What the user should hear about the fitting.
    public let notes: [String]

    /// Loads the tokenizer of the model and fits it to the template.
    ///
    /// Where no template is named it is read off the model's own one, which is `empty` for models
    /// without.
    ///
    /// - Throws: ``FledgeError`` when there is no tokenizer, no such template, or when none can be
    ///   read off the model's own one.
    public init(_ configuration: RunConfiguration) throws {
        let path = try configuration.requiredModelPath()
        var tokenizer = try TokenizerFile.load(path)
        var notes: [String] = []
        var own: ModelChatTemplate?
        do { own = try ModelChatTemplate.load(path) } catch let error as FledgeError {
            guard configuration.data.template != nil else { throw error }
            notes.append("The model's own chat template cannot be read: \(error.message)")
        }
        ownTemplate = own
        // Texts of pre-training are written in no template; what ends them may come from one.
        let isText = configuration.finetuning.stage == .pretraining
        var template: ChatTemplate
        do { template = try Self.template(configuration.data, tokenizer, own) } catch {
            guard isText, configuration.data.template == nil else { throw error }
            template = try TemplateCatalog.named("empty")
        }
        if configuration.data.template == nil, !isText {
            notes.append(
                own == nil
                    ? "No template is named and the model has none: texts are joined as they are."
                    : "No template is named: it is read off the model's own one.")
        }
        if configuration.splitsSpecialTokens {
            template.contentSpecials = .text
        } else {
            template.contentSpecials = .parse
        }
        let preparation = try template.prepare(&tokenizer)
        if let (from, to) = preparation.replacedEnd {
            notes.append("The template ends answers with \(to) in place of \(from ?? "nothing").")
        }
        if preparation.padsWithEnd {
            notes.append("The tokenizer has no padding token; the end token stands in for it.")
        }
        if !preparation.addedTokens.isEmpty {
            notes.append(
                "Tokens added for the template: " + preparation.addedTokens.joined(separator: " "))
        }
        addsBeginOfText =
            tokenizer.beginOfText != nil
            && tokenizer.configuration["add_bos_token"]?.boolValue == true
        stopTokens = template.stopTokens(of: tokenizer)
        agreement =
            own == nil || isText
            ? nil : try? TemplateAgreement(template, tokenizer, own: own).outcomes()
        let wrong = (agreement ?? []).filter {
            if case .differs = $0.result { true } else { false }
        }
        if let agreement, let first = wrong.first {
            notes.append(
                "The template \(template.name) writes \(wrong.count) of \(agreement.count) kinds of dialogues in another way than the model's own one, first \(first.shape): fledge verify-template shows where."
            )
        }
        (self.tokenizer, self.template, self.notes) = (tokenizer, template, notes)
    }

    private static func template(
        _ options: DataArguments, _ tokenizer: TextTokenizer, _ own: ModelChatTemplate?
    ) throws -> ChatTemplate {
        var template: ChatTemplate
        if let name = options.template {
            template = try TemplateCatalog.named(name)
        } else {
            let around = tokenizer.addedAroundText
            template =
                try own.map { own in
                    let prefix = tokenizer.decode(
                        around.prefix + around.suffix, skippingSpecials: false)
                    return try ChatTemplate(deriving: "of the model", prefix: prefix) {
                        messages, opensAnswer in
                        let items = messages.map { message -> JSONValue in
                            ["role": .string(message.role), "content": .string(message.content)]
                        }
                        return try own.render(
                            messages: .array(items), addsGenerationPrompt: opensAnswer
                        ).text
                    }
                } ?? TemplateCatalog.named("empty")
        }
        if let name = options.toolFormat { template.setToolFormat(try .named(name)) }
        if let system = options.defaultSystem { template.defaultSystem = system }
        if template.family != .plain {
            template.enablesThinking = options.enablesThinking
            template.preservesThinking = options.preservesThinking
        }
        return template
    }

    /// Checks that every id that text can become has a row in the model's embedding.
    ///
    /// - Throws: ``FledgeError`` naming the tokens that have none.
    public func requireFits(_ model: any CausalLM) throws {
        let rows = model.configuration.vocabularySize
        guard tokenizer.vocabularyCount > rows else { return }
        throw FledgeError(
            .mismatch,
            "The tokenizer has \(tokenizer.vocabularyCount) tokens, but the model's embedding has \(rows) rows.",
            advice:
                "Choose the template of this model; enlarging the embedding (resize_vocab) is not supported yet."
        )
    }
}

extension RunConfiguration {
    /// The model's path; a name is looked up in the local hub cache.
    ///
    /// - Throws: ``FledgeError`` when there is none.
    func requiredModelPath() throws -> String {
        guard let path = model.modelPath else {
            throw FledgeError(.configuration, "Please provide `model_name_or_path`.")
        }
        let environment = ProcessInfo.processInfo.environment
        return try ModelLocation(cache: model.cacheFolder, environment: environment)
            .path(of: HomePath.expanded(path), revision: model.modelRevision)
    }

    /// Whether control strings in a user's text stay text.
    var splitsSpecialTokens: Bool {
        model.splitsSpecialTokens ?? !finetuning.referenceQuirks.contains(.contentSpecials)
    }

    /// The element type that training stores weights and computes activations in.
    public var trainingType: ElementType { training.usesBFloat16 ? .bfloat16 : .float32 }

    /// The element type of chat and export: `infer_dtype`, or that of training when it is `auto`.
    public var inferenceType: ElementType {
        switch model.inferenceType {
        case .automatic: trainingType
        case .bfloat16: .bfloat16
        // float16 is a type of files; its numbers are computed in float32.
        case .float16, .float32: .float32
        }
    }
}
