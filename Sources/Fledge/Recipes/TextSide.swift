internal import FledgeCore
internal import FledgeData
internal import FledgeJinja
public import FledgeModel
public import FledgeTokenize
internal import Foundation
internal import Logging

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
    /// Whether the template was read off that one.
    let isDerived: Bool
    /// Whether the run asks for other dialogues than the template's.
    private let isChanged: Bool
    /// What compares rows with that one; nil where there is nothing to compare.
    let templateChecks: TemplateChecks?
    /// The time that templates are told, in seconds since 1970; one for all dialogues.
    public let time: Double
    /// What the user should hear about the fitting.
    public let notes: [String]

    /// Loads the tokenizer of the model and fits it to the template.
    ///
    /// Where no template is named it is read off the model's own one, which is `empty` for models
    /// without; `model` names the model's own one itself.
    ///
    /// - Parameters:
    ///   - asksOnly: Whether the model is asked and nothing else: where no template is named and no data
    ///     either, the model's own one writes the questions.
    ///   - time: The time that templates are told, in seconds since 1970; nil for the present one.
    /// - Throws: ``FledgeError`` when there is no tokenizer, no such template, or when none can be
    ///   read off the model's own one.
    public init(_ configuration: RunConfiguration, asksOnly: Bool = false, time: Double? = nil)
        throws
    {
        let path = try configuration.requiredModelPath()
        var tokenizer = try TokenizerFile.load(path)
        Logger.fledge.debug("tokenizer read", metadata: ["path": "\(path)"])
        var notes: [String] = []
        notes += try TokenizerFolder.unreadFiles(in: path).map {
            "The file \($0) beside the tokenizer is not read."
        }
        let options = configuration.data
        // Texts of pre-training are written in no template; what ends them may come from one.
        let isText = configuration.method.rows.isText
        let clock = time.map { JinjaClock.fixed(secondsSince1970: $0, isLocal: true) } ?? .system
        let standing = clock.stopped()
        self.time = standing.secondsSince1970
        var own: ModelChatTemplate?
        do { own = try ModelChatTemplate.load(path) } catch let error as FledgeError {
            guard let name = options.template, name != Self.modelTemplate else { throw error }
            notes.append("The model's own chat template cannot be read: \(error.message)")
            own = nil
        }
        own?.clock = standing
        var template: ChatTemplate
        do {
            template = try Self.template(configuration, tokenizer, own, asksOnly: asksOnly)
        } catch {
            guard isText, options.template == nil else { throw error }
            template = try TemplateCatalog.named("empty")
        }
        if options.template == nil, !isText {
            notes.append(
                own == nil
                    ? "No template is named and the model has none: texts are joined as they are."
                    : template.model == nil
                        ? "No template is named: it is read off the model's own one."
                        : "No template is named: dialogues are written by the model's own one.")
        }
        template.contentSpecials = configuration.splitsSpecialTokens ? .text : .parse
        template.referenceWays = configuration.finetuning.referenceQuirks.templateWays
        template.toolDate = standing.text("%d %b %Y")
        let preparation = try template.prepare(&tokenizer)
        if let (from, to) = preparation.replacedEnd {
            notes.append("The template ends answers with \(to) in place of \(from ?? "nothing").")
            if from == nil, preparation.addedTokens.contains(to) {
                notes.append(Self.noEndNote + "; the template adds \(to).")
            }
        }
        if preparation.padsWithEnd {
            notes.append("The tokenizer has no padding token; the end token stands in for it.")
        }
        if !preparation.addedTokens.isEmpty {
            notes.append(
                Self.addedTokensNote + preparation.addedTokens.joined(separator: " "))
        }
        let isReference = configuration.finetuning.referenceQuirks.contains(.derivedTemplate)
        let isRead = options.template == nil && own != nil && !isReference
        if let own, isRead || template.model != nil {
            template.stopWords += own.stopWord(tokenizer).map { [$0] } ?? []
        }
        addsBeginOfText =
            tokenizer.beginOfText != nil
            && tokenizer.configuration["add_bos_token"]?.boolValue == true
        stopTokens = template.stopTokens(of: tokenizer)
        isChanged = options.defaultSystem != nil || !(options.enablesThinking ?? false)
        isDerived = isRead && template.model == nil
        ownTemplate = own
        let comparesQuestions = configuration.method.rows.learnsLastAnswer
        templateChecks =
            isText || template.model != nil || configuration.finetuning.referenceQuirks == .all
            ? nil
            : own.map {
                TemplateChecks(
                    template: template, tokenizer: tokenizer, own: $0,
                    asksOnly: comparesQuestions, masksHistory: options.masksHistory,
                    defaultSystem: options.defaultSystem,
                    comparesTools: options.toolFormat == nil)
            }
        (self.tokenizer, self.template, self.notes) = (tokenizer, template, notes)
        if isDerived, !isText { try requireAgreement() }
    }

    private static let addedTokensNote = "Tokens added for the template: "

    private static let noEndNote = "The tokenizer names no token that ends a text (eos)"

    /// The name that stands for the model's own template.
    static let modelTemplate = "model"

    private static func template(
        _ configuration: RunConfiguration, _ tokenizer: TextTokenizer, _ own: ModelChatTemplate?,
        asksOnly: Bool
    ) throws -> ChatTemplate {
        let options = configuration.data
        let isChanged = options.toolFormat != nil || options.defaultSystem?.isEmpty == true
        var template: ChatTemplate
        switch (options.template, own) {
        case (modelTemplate?, let own):
            return try OwnTemplate(configuration).template(own)
        case (let name?, _): template = try TemplateCatalog.named(name)
        case (nil, nil): template = try TemplateCatalog.named("empty")
        case (nil, let own?) where asksOnly && options.datasets.isEmpty && !isChanged:
            return try OwnTemplate(configuration).template(own)
        case (nil, let own?):
            if configuration.finetuning.referenceQuirks.contains(.derivedTemplate) {
                template = try derivedAsReference(tokenizer, own)
            } else {
                template = try ChatTemplate(deriving: "of the model", from: own)
            }
        }
        if let name = options.toolFormat { template.setToolFormat(try .named(name)) }
        if let system = options.defaultSystem {
            template.defaultSystem = system
            if system.isEmpty { template.alwaysWritesSystem = false }
        }
        if template.family != .plain {
            template.enablesThinking = options.enablesThinking
            template.preservesThinking = options.preservesThinking
        }
        return template
    }

    private static func derivedAsReference(
        _ tokenizer: TextTokenizer, _ own: ModelChatTemplate
    ) throws -> ChatTemplate {
        let around = tokenizer.addedAroundText
        let prefix = tokenizer.decode(around.prefix + around.suffix, skippingSpecials: false)
        return try ChatTemplate(derivingAsReference: "of the model", prefix: prefix) {
            messages, opensAnswer in
            let items = messages.map { message -> JSONValue in
                ["role": .string(message.role), "content": .string(message.content)]
            }
            return try own.render(
                messages: .array(items), addsGenerationPrompt: opensAnswer
            ).text
        }
    }

    /// Refuses a template that was read off the model's own one and writes a plain question with its
    /// answer in another way. Other kinds of dialogues are compared where the data have them.
    private func requireAgreement() throws {
        let question = DialogueShape("a question", "How are you?", "I am fine.")
        // What the run replaces is meant to differ.
        if isChanged { return }
        let outcomes = try TemplateAgreement(template, tokenizer, own: ownTemplate)
            .outcomes(over: [question])
        guard case .differs(let differences)? = outcomes.first?.result,
            let first = differences.first
        else { return }
        func shown(_ text: String) -> String { JSONValue.string(text).serialized() }
        throw FledgeError(
            .templateDiffers,
            "The template that was read off the model's own one differs from it: of "
                + "\(first.comparison.rawValue), after \(first.place) equal tokens, one has "
                + "\(shown(first.first)) and the other \(shown(first.second)).",
            advice: "Set template: model, which writes every dialogue as the model's own template "
                + "does, or name the model's template.")
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
            advice: vectorAdvice)
    }

    /// What to do where tokens have no vectors: the template may have added some.
    var vectorAdvice: String {
        if let note = notes.first(where: { $0.hasPrefix(Self.noEndNote) }) {
            return note + " Say which token it is: eos_token in tokenizer_config.json, "
                + "tokenizer.ggml.eos_token_id in a GGUF file."
        }
        let added = notes.filter { $0.hasPrefix(Self.addedTokensNote) }
        return added.isEmpty
            ? "See whether tokenizer and weights are of the same model; enlarging the embedding "
                + "(resize_vocab) is not supported yet."
            : "Choose the template of this model: " + added.joined(separator: " ")
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
        return try modelPath(of: path)
    }

    /// The path of a model that is named in one of the keys; a name is looked up in the local hub cache.
    ///
    /// - Throws: ``FledgeError`` when there is none.
    func modelPath(of text: String) throws -> String {
        try location.path(of: HomePath.expanded(text), revision: model.modelRevision)
    }

    /// The folder of an adapter; a name is looked up in the local hub cache, and stays what it is where
    /// there is none.
    ///
    /// - Parameter folder: The folder inside of it that holds the adapter; nil where it does itself.
    func adapterPath(of text: String, inside folder: String? = nil) -> String {
        let (path, rest) = (HomePath.expanded(text), folder.map { "/" + $0 } ?? "")
        let file = (folder.map { $0 + "/" } ?? "") + "adapter_config.json"
        return ((try? location.path(of: path, holding: file)) ?? path) + rest
    }

    private var location: ModelLocation {
        ModelLocation(
            cache: model.cacheFolder, environment: ProcessInfo.processInfo.environment)
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
