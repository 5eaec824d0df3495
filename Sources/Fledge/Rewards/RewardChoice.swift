internal import FledgeAdapters
internal import FledgeCore
internal import FledgeData
public import FledgeModel
internal import FledgeTokenize
public import FledgeTrain
public import Foundation

/// What judges the answers of a run, as `reward_model` and `reward_rules` say, with sentences about it.
public struct RewardChoice {
    /// The judge; of a model and rules the sum, with the parts `model` and `rules`.
    public let source: any RewardSource
    /// Models of their own that it holds, for the prediction of memory.
    public private(set) var companions: [any CausalLM] = []
    /// What it computes; nil where no model judges.
    public private(set) var scoring: AnswerScoring?
    /// What the user should know.
    public private(set) var notes: [String] = []

    /// Chooses and loads.
    ///
    /// - Parameters:
    ///   - side: The policy.
    ///   - text: The policy's tokenizer and template.
    ///   - environment: Where the token of a service is looked up.
    ///   - announce: Hears of requests that a service is asked again.
    /// - Throws: ``FledgeError`` when nothing is named, or what is named is missing, damaged, or does not
    ///   fit.
    public init(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        announce: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        let options = configuration.rewards
        let rules = try options.ruleReward()
        guard options.model != nil || rules != nil else {
            throw FledgeError(
                .configuration,
                "Nothing judges the answers of stage: \(configuration.method.name).",
                advice:
                    "Set reward_model (`reward_model` is necessary for PPO training) or reward_rules."
            )
        }
        if let rules {
            notes.append(
                "Answers are judged by rules: "
                    + rules.entries.map { "\($0.name) × \(JSONWriter.text(of: $0.weight))" }
                    .joined(separator: ", ") + ".")
        }
        var model: (any RewardSource)?
        switch (options.model, options.kind) {
        case (nil, _): break
        case (let address?, .api):
            let remote = try Self.remote(address, configuration, environment, announce)
            model = remote
            notes.append("Answers are judged by the service at \(remote.address).")
        case (let name?, .lora):
            let folder = configuration.adapterPath(of: name)
            model = try AdapterReward(
                side.model, folder: folder, batchSize: configuration.training.evaluationBatchSize)
            scoring = AnswerScoring(
                model: side.model, batchSize: configuration.training.evaluationBatchSize,
                ownLength: nil)
            notes.append("Answers are judged by the adapter \(name) on the policy's own weights.")
            notes += RewardModelResults.note(folder).map { [$0] } ?? []
        case (let name?, .full):
            let (reward, computed, said) = try Self.full(name, text, configuration)
            (model, companions, scoring) = (reward, [computed.model], computed)
            notes += said
        }
        switch (model, rules) {
        case (let model?, let rules?):
            source = RewardSum([("model", model), ("rules", rules)])
        case (let model?, nil): source = model
        case (nil, let rules): source = rules ?? RuleReward([])
        }
    }

    private static func remote(
        _ address: String, _ configuration: RunConfiguration, _ environment: [String: String],
        _ announce: @escaping @Sendable (String) -> Void
    ) throws -> RemoteReward {
        var options = RemoteReward.Options()
        options.timeout = configuration.rewards.timeout
        options.retries = configuration.rewards.retries
        options.concurrency = configuration.rewards.concurrency
        // What the reference puts into a request.
        options.batchSize = configuration.training.trainBatchSize
        let token = configuration.rewards.token ?? environment[RemoteReward.tokenVariable]
        options.token = token?.isEmpty == false ? token : nil
        return try RemoteReward(address, options: options, announce: announce)
    }

    private static func full(
        _ name: String, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> (RewardModel, AnswerScoring, [String]) {
        let path = try configuration.modelPath(of: name)
        let adapters = configuration.rewards.adapters.map { configuration.adapterPath(of: $0) }
        let headFolder = adapters.last ?? path
        let linears = configuration.rewards.quantization
        var content = ReferenceContent(
            model: path, merged: adapters, linears: linears.map { .quantized($0) } ?? .plain,
            type: configuration.trainingType,
            families: configuration.families, stretch: configuration.trainingStretch)
        content.title = "reward model"
        // A head that is missing is told before weights are loaded.
        let channels = try Checkpoint(path: path, families: configuration.families)
            .configuration.hiddenSize
        let head = try ValueHead(folder: headFolder, channels: channels)
        var notes = [
            "Answers are judged by the model \(name), with the value head of \(headFolder)."
        ]
        notes += RewardModelResults.note(headFolder).map { [$0] } ?? []
        let own = try ownText(path, text, configuration)
        guard own == nil || configuration.data.tokenizedPath == nil else {
            throw FledgeError(
                .configuration,
                "The reward model writes rows in tokens of its own, and `tokenized_path` holds the policy's tokens alone.",
                advice: "Leave tokenized_path out.")
        }
        let model = try content.load()
        if let own {
            notes += own.notes.map { "Reward model: \($0)" }
            notes.append(
                "The reward model sees questions and answers written anew, in its own tokens\(configuration.rewards.template.map { " and the template \($0)" } ?? "")."
            )
        }
        let batchSize = configuration.training.evaluationBatchSize
        let reward = try RewardModel(model, head: head, text: own, batchSize: batchSize)
        let written = try own.map { try RewardText($0) }
        let scoring = AnswerScoring(
            model: model, batchSize: batchSize,
            ownLength: written.map { written in { ($0 as? PromptSample).flatMap(written.length) } })
        return (reward, scoring, notes)
    }

    /// Tokenizer and template of a reward model; nil where it sees the policy's ids.
    private static func ownText(
        _ path: String, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TextSide? {
        let policy = try configuration.requiredModelPath()
        if configuration.rewards.template == nil {
            if path == policy { return nil }
            let (theirs, ours) = (try TokenizerFile.load(path), try TokenizerFile.load(policy))
            if theirs.makesSameIDs(as: ours) { return nil }
        }
        var other = configuration
        (other.model.modelPath, other.model.adapterPaths) = (path, [])
        other.data.template = configuration.rewards.template
        do { return try TextSide(other, time: text.time) } catch var error as FledgeError {
            error.message = "The text of the reward model: " + error.message
            throw error
        }
    }
}
