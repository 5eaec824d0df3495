public import FledgeCore
public import FledgeModel
public import FledgeTokenize
internal import FledgeTrain
internal import Foundation

/// A dialogue with a model, in the template that it was trained with.
public struct ChatSession {
    /// An answer of the model.
    public struct Reply: Hashable, Sendable {
        /// The generated ids, the stop token included.
        public var ids: [Int32]
        /// The text without control tokens.
        public var text: String
        /// Why it ended.
        public var finishReason: FinishReason
        /// Thought, text and calls of tools, where the session has tools; else the text alone.
        public var answer: ParsedAnswer
    }

    /// The messages so far.
    public private(set) var messages: [Message] = []
    /// The calls whose results are not there yet, in order.
    public private(set) var openCalls: [FunctionCall] = []
    /// Twice the number of questions, also of those that are no longer among the messages.
    private var questionCount = 0
    private var results: [String] = []
    private var tools = ""
    private let text: TextSide
    private let engine: GenerationEngine
    /// What the model has seen: only what is new is computed for the next question.
    private let dialogue: GenerationEngine.Dialogue
    private let options: GenerationOptions
    private let skipsSpecials: Bool

    /// Starts a dialogue.
    ///
    /// - Parameter announce: Hears, once, that the dialogue no longer fits the model's context and its
    ///   oldest turns are left out.
    public init(
        _ configuration: RunConfiguration, _ text: TextSide, _ model: any CausalLM,
        announce: @escaping (String) -> Void = { _ in }
    ) {
        self.announce = announce
        context = model.configuration.contextLength
        let generating = configuration.generating
        self.text = text
        engine = GenerationEngine(model, concurrent: 1)
        dialogue = engine.makeDialogue()
        skipsSpecials = generating.skipsSpecialTokens
        options = GenerationOptions(configuration, stopTokens: text.stopTokens)
    }

    private let announce: (String) -> Void
    private let context: Int
    private var hasAnnounced = false

    /// Forgets the dialogue.
    public mutating func clear() {
        (messages, openCalls, results) = ([], [], [])
        hasAnnounced = false
    }

    /// Tells the model of tools that it may call.
    ///
    /// - Parameter list: A JSON list of tools, bare or as in OpenAI's chat completions.
    /// - Throws: ``FledgeError`` when it is none, or the template cannot describe them.
    public mutating func use(tools list: JSONValue) throws {
        guard let items = list.arrayValue, !items.isEmpty,
            items.allSatisfy({ ($0["function"] ?? $0)["name"]?.stringValue != nil })
        else {
            throw FledgeError(
                .data, "The tools are \(list.kind), expected a list of objects with a name.",
                advice: "Write [{\"type\": \"function\", \"function\": {\"name\": …, "
                    + "\"description\": …, \"parameters\": …}}, …].")
        }
        tools = list.serialized()
        _ = try text.template.encodePrompt(
            [Message(.user, "")], tools: tools, with: text.tokenizer)
    }

    /// Takes what somebody wrote: a question, or where the model called tools, the result of the next of
    /// ``openCalls``.
    ///
    /// - Returns: The reply; `nil` while further results are missing.
    /// - Throws: As ``ask(_:receive:)``.
    public mutating func send(
        _ line: String, receive: (String) throws -> Bool = { _ in true }
    ) throws -> Reply? {
        guard !openCalls.isEmpty else { return try ask(line, receive: receive) }
        results.append(line)
        openCalls.removeFirst()
        guard openCalls.isEmpty else { return nil }
        defer { results = [] }
        return try reply(to: Message(results: results), receive)
    }

    /// Asks the model and remembers question and answer.
    ///
    /// - Parameter receive: Called with each piece of text as soon as its characters are whole;
    ///   returns whether to go on.
    /// - Throws: ``FledgeError`` when the question alone does not fit the model's context; the dialogue
    ///   stays as it was then, and can go on.
    public mutating func ask(
        _ question: String, receive: (String) throws -> Bool = { _ in true }
    ) throws -> Reply {
        (openCalls, results) = ([], [])
        return try reply(to: Message(.user, question), receive)
    }

    /// The prompt of the dialogue with one more message; the oldest turns go where it does not fit.
    ///
    /// - Throws: ``FledgeError`` when the last turn alone does not fit.
    private mutating func fittingPrompt(_ message: Message) throws -> [Int32] {
        var kept = messages
        while true {
            let prompt = try text.template.encodePrompt(
                kept + [message], tools: tools, with: text.tokenizer)
            // An answer of some words has to fit as well, while there is something to leave out.
            let room = min(options.maxNewTokens, max(1, context / 16))
            guard prompt.count + room > context else {
                if kept.count < messages.count { leaveOut(messages.count - kept.count) }
                return prompt
            }
            // A turn begins with a question, and results belong to the calls before them.
            guard let next = kept.dropFirst().firstIndex(where: { $0.role == .user }) else {
                if !kept.isEmpty, message.role == .user {
                    kept = []
                    continue
                }
                guard prompt.count < context else { throw tooLong(prompt.count) }
                if kept.count < messages.count { leaveOut(messages.count - kept.count) }
                return prompt
            }
            kept.removeFirst(next)
        }
    }

    private mutating func leaveOut(_ count: Int) {
        messages.removeFirst(count)
        guard !hasAnnounced else { return }
        hasAnnounced = true
        announce(
            "The dialogue no longer fits the model's context of \(context) tokens: its oldest turns are left out from here on."
        )
    }

    private func tooLong(_ count: Int) -> FledgeError {
        FledgeError(
            .data,
            "This needs \(count) tokens; the model's context holds \(context), the answer included.",
            advice: "Write less at a time.")
    }

    private mutating func reply(
        to message: Message, _ receive: (String) throws -> Bool
    ) throws -> Reply {
        let prompt = try fittingPrompt(message)
        var options = options
        // Only as much as there is room for.
        options.maxNewTokens = min(options.maxNewTokens, max(1, context - prompt.count))
        // Every question has draws of its own, so that a repeated one can get another answer.
        options.seed = options.seed &+ UInt64(questionCount)
        questionCount += 2
        var decoder = StreamingDecoder(text.tokenizer, skippingSpecials: skipsSpecials)
        let result = try engine.answer(
            GenerationRequest(prompt, options, in: dialogue)
        ) { id in
            let piece = decoder.append(id)
            return piece.isEmpty ? true : try receive(piece)
        }
        let rest = decoder.finish()
        if !rest.isEmpty { _ = try receive(rest) }
        var ids = result.ids
        if result.finishReason == .stop { ids.removeLast() }
        let said = text.tokenizer.decode(ids, skippingSpecials: skipsSpecials)
        var answer = ParsedAnswer(text: said)
        // Without tools an answer that looks like a call is none.
        if !tools.isEmpty {
            // Some formats mark calls with special tokens.
            answer = try text.template.parse(
                answer: text.tokenizer.decode(ids, skippingSpecials: false))
        }
        openCalls = answer.calls
        messages += [
            message,
            answer.calls.isEmpty ? Message(.assistant, said) : text.template.message(answer),
        ]
        return Reply(
            ids: result.ids, text: said, finishReason: result.finishReason, answer: answer)
    }
}

extension RunConfiguration {
    /// The configuration with which to talk to what a training file produced: the adapter or model
    /// that `output_dir` holds is taken, or that of its newest checkpoint.
    ///
    /// - Returns: The configuration, and a sentence that says what was taken.
    /// - Throws: ``FledgeError`` when what was trained is damaged: nobody means the base model then.
    public func usingTrainedAdapter() throws -> (configuration: RunConfiguration, note: String?) {
        let folder = training.outputFolder
        let isTrainingFile = model.adapterPaths.isEmpty || training.trains
        guard isTrainingFile, values.isSet("output_dir") else { return (self, nil) }
        let newer = OutputFolder.newerCheckpoint(in: folder)
        let isLowRank = finetuning.method == .lora
        let kind = isLowRank ? "adapter" : "model"
        let described = isLowRank ? "adapter_config.json" : "config.json"
        let places =
            [newer, folder].compactMap { $0 } + OutputFolder.checkpoints(in: folder).reversed()
        let isWhole = { (path: String) in
            FileManager.default.fileExists(atPath: path + "/" + described)
        }
        let trained = places.first(where: isWhole)
        let damaged = places.prefix { $0 != trained }.first {
            !isWhole($0) && OutputFolder.holdsWeights($0, ofAdapter: isLowRank)
        }
        if let damaged, trained == nil {
            throw FledgeError(
                .fileCorrupt, "The folder holds weights, but no \(described) that describes them.",
                advice: "Train again with overwrite_output_dir: true.", at: .init(file: damaged))
        }
        guard let trained else {
            let base = model.adapterPaths.isEmpty ? "the base model" : "the model before training"
            return (self, "\(folder) holds no trained \(kind); this is \(base).")
        }
        var copy = self
        var note = trained == folder ? "" : ", since the run has not ended"
        if trained == newer, OutputFolder.holdsWeights(folder) {
            note =
                ", which is newer than the \(kind) in \(folder): the run there was extended or started anew, and has not ended"
        } else if OutputFolder.state(of: folder) == .running {
            note += trained == folder ? "; a run is going on there" : ", but is going on"
        }
        if let damaged { note += "; \(damaged) has no \(described) and is passed over" }
        guard isLowRank else {
            copy.model.modelPath = trained
            return (copy, "Using the model in \(trained)\(note).")
        }
        let settings = try? JSONValue(contentsOf: trained + "/" + described)
        if let base = settings?["base_model_name_or_path"]?.stringValue, let path = model.modelPath,
            base != path
        {
            note +=
                ". Warning: it was trained on \(base), not on \(path); if it has been merged into that, it counts twice"
        }
        // Training merges the given adapters, but for the last one where that is trained on.
        copy.model.adapterPaths =
            adapterFolders.dropLast(finetuning.createsNewAdapter ? 0 : 1) + [trained]
        copy.model.adapterFolder = nil
        return (copy, "Using the adapter in \(trained)\(note).")
    }
}
