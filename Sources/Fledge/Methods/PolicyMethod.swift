internal import FledgeCore
public import FledgeData
public import FledgeModel
public import FledgeTrain

/// A method that learns from answers of its own: PPO and its kin. What conforms says what is done with
/// the answers; questions, answers, rewards and reference are the same for all.
public protocol PolicyMethod: TrainingMethod where Sample == PromptSample, Batch == PromptBatch {
    /// What judges answers; nil for what the configuration names.
    var reward: (@Sendable (JudgedAnswer) throws -> Double)? { get }

    /// Whether answers are judged; else the reference's probabilities are all that counts.
    var isJudged: Bool { get }

    /// Answers that each question gets where the configuration does not say.
    var defaultAnswersPerQuestion: Int { get }

    /// Whether answers are drawn from the model's whole distribution where the configuration does not
    /// say otherwise; else as in chat.
    var drawsFromAll: Bool { get }

    /// Whether a value head is trained with the policy.
    var trainsValues: Bool { get }

    /// What the policy is held against; nil for nothing.
    ///
    /// - Throws: ``FledgeError`` when a model is missing or does not fit.
    func reference(
        _ side: ModelSide, _ configuration: RunConfiguration
    ) throws -> PolicyReference?

    /// How the policy learns.
    ///
    /// - Parameter generation: How answers are drawn.
    func options(
        _ configuration: RunConfiguration, _ generation: GenerationOptions
    ) -> PolicyOptions
}

/// What drawing answers needs, for the prediction of memory.
public struct RolloutSize: Hashable, Sendable {
    /// Answers to each question.
    public var answersPerQuestion: Int
    /// The most tokens of an answer.
    public var newTokens: Int
    /// Answers that are drawn at the same time.
    public var concurrentAnswers: Int
    /// Answers that are judged together.
    public var judgedAnswers: Int
    /// The most tokens that an update computes at once, unless one answer with its question has more.
    public var tokensPerPass: Int

    /// Creates a size.
    public init(
        answersPerQuestion: Int, newTokens: Int, concurrentAnswers: Int, judgedAnswers: Int,
        tokensPerPass: Int
    ) {
        (self.answersPerQuestion, self.newTokens) = (answersPerQuestion, newTokens)
        (self.concurrentAnswers, self.tokensPerPass) = (concurrentAnswers, tokensPerPass)
        self.judgedAnswers = judgedAnswers
    }
}

/// What a policy is held against.
public struct PolicyReference {
    /// Gives the probabilities.
    public var policy: any ReferencePolicy
    /// A model of its own that it holds.
    public var companion: (any CausalLM)?
    /// What the user should know.
    public var notes: [String]

    /// Creates a reference.
    public init(
        _ policy: any ReferencePolicy, companion: (any CausalLM)? = nil, notes: [String] = []
    ) {
        (self.policy, self.companion, self.notes) = (policy, companion, notes)
    }

    /// The reference that a configuration chooses: `ref_model`, `ref_policy`.
    ///
    /// - Throws: ``FledgeError`` when it is not there or does not fit.
    public init(_ side: ModelSide, _ configuration: RunConfiguration) throws {
        let choice = try ReferenceChoice(side, configuration)
        self.init(
            choice.policy ?? ModelReference(side.model), companion: choice.companion,
            notes: choice.notes)
    }
}

extension PolicyMethod {
    /// True.
    public var isJudged: Bool { true }

    /// What all methods of this kind read.
    public var reads: Set<KeyGroup> { [.rollouts, .rewards, .ratios] }

    /// Questions.
    public var rows: RowTraits { RowTraits(learnsLastAnswer: true) }

    /// The mean score.
    public var plotted: [String] { ["reward"] }

    /// False: questions are not computed in micro-batches.
    public func mergesBatches(_ configuration: RunConfiguration) -> Bool { false }

    /// Questions, with their rows for those who judge answers by them.
    public func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PromptSample> {
        let processor = try PromptProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks,
            keepsRows: configuration.judgesByRows)
        return SampleRecipe(SingleSamples(processor), answerCount: 0) { $0.faults(in: $1, $2) }
    }

    /// Questions, one after another.
    public func collate(
        _ picked: [(index: Int, sample: PromptSample)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> PromptBatch {
        PromptBatch(picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
    }

    /// The question.
    public func size(
        of sample: PromptSample, sharesPrefixes: Bool, _ configuration: RunConfiguration
    ) -> (tokens: Int, supervised: Int) { (sample.promptIDs.count, 0) }

    /// What generation and updates take.
    public func rollouts(_ configuration: RunConfiguration) -> RolloutSize? {
        let generation = generation(configuration, stopTokens: [])
        let options = options(configuration, generation)
        let answers = max(
            options.answersPerQuestion * configuration.training.trainBatchSize
                * batchesPerStep(configuration),
            configuration.training.evaluates
                ? options.evaluatedAnswersPerQuestion * configuration.training.evaluationBatchSize
                : 0)
        return RolloutSize(
            answersPerQuestion: options.answersPerQuestion, newTokens: generation.maxNewTokens,
            concurrentAnswers: min(options.concurrentAnswers, answers), judgedAnswers: answers,
            tokensPerPass: options.tokensPerPass)
    }

    /// How answers are drawn: as the configuration says.
    func generation(
        _ configuration: RunConfiguration, stopTokens: Set<Int32>
    ) -> GenerationOptions {
        var generation = GenerationOptions(configuration, stopTokens: stopTokens)
        guard drawsFromAll else { return generation }
        func isOpen(_ key: String) -> Bool { !configuration.values.isSet(key) }
        if isOpen("temperature") { generation.temperature = 1 }
        if isOpen("top_p") { generation.topP = 1 }
        if isOpen("top_k") { generation.topK = 0 }
        if isOpen("max_new_tokens") { generation.maxNewTokens = 256 }
        return generation
    }

    /// Refuses what makes no sense for answers that are new in every step.
    public func check(_ configuration: RunConfiguration) throws {
        try checkPolicy(configuration)
    }

    /// Refuses what makes no sense for any method of this kind.
    func checkPolicy(_ configuration: RunConfiguration) throws {
        let values = configuration.values
        try values.require(
            !values.flag("cache_frozen_activations"),
            "`cache_frozen_activations` keeps nothing for `stage: \(name)`, whose answers are new in every step.",
            ["cache_frozen_activations"])
        try values.require(
            !configuration.training.predicts, "`stage: \(name)` predicts nothing.",
            ["do_predict"])
        try values.require(
            !isJudged || reward != nil || configuration.rewards.model != nil
                || configuration.rewards.rules != nil,
            "`reward_model` is necessary for \(name.uppercased()) training, or `reward_rules`.",
            ["reward_model"])
    }

    /// Refuses groups of one answer, or of answers that are all the same.
    func checkGroups(_ configuration: RunConfiguration) throws {
        let values = configuration.values
        let count = configuration.reinforcement.answersPerQuestion ?? defaultAnswersPerQuestion
        try values.require(
            count > 1, "`stage: \(name)` compares answers to one question: `num_generations` is 1.",
            ["num_generations"])
        try values.require(
            configuration.generating.samples && configuration.generating.temperature > 0,
            "`stage: \(name)` compares answers to one question, which are all the same where none is drawn at random.",
            ["do_sample", "temperature"])
    }

    /// A warning of answers that are drawn from a part of the distribution that is learned.
    private func distributionNote(
        _ configuration: RunConfiguration, _ generation: GenerationOptions
    ) -> String? {
        let isWhole =
            !generation.samples
            || (generation.topP >= 1 && generation.topK == 0 && generation.repetitionPenalty == 1)
        let isCorrected = reads.contains(.groups) && configuration.policyLoss.correction != nil
        guard drawsFromAll, !isWhole, !isCorrected else { return nil }
        let advice =
            reads.contains(.groups)
            ? "; vllm_importance_sampling_correction: true weighs them by that" : ""
        return
            "Warning: answers are drawn from a part of the model's distribution (top_p, top_k, repetition_penalty), and learned as if they came from all of it\(advice)."
    }

    /// The policy with everything that it learns by.
    public func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<PromptBatch> {
        let generation = generation(configuration, stopTokens: text.stopTokens)
        var notes = [
            "Each question gets \(options(configuration, generation).answersPerQuestion) answers of at most \(generation.maxNewTokens) tokens, drawn with temperature \(generation.temperature), top_p \(generation.topP) and top_k \(generation.topK)."
        ]
        notes += distributionNote(configuration, generation).map { [$0] } ?? []
        let reference = try reference(side, configuration)
        notes += reference?.notes ?? []
        var artifact = side.artifact
        var head: ValueHead?
        if trainsValues {
            let made = try ValueHeadChoice(side, configuration)
            notes.append(made.note)
            artifact = JointArtifact(artifact, made.head)
            head = made.head
        }
        var companions = [reference?.companion].compactMap(\.self)
        var source: (any RewardSource)?
        var scoring: AnswerScoring?
        let messages = RunMessages()
        if isJudged {
            if let reward {
                source = RewardFunction(reward)
            } else {
                let choice = try RewardChoice(
                    side, text, configuration, announce: messages.post)
                (source, scoring) = (choice.source, choice.scoring)
                companions += choice.companions
                notes += choice.notes
            }
        }
        let options = options(configuration, generation)
        let valueHead = head
        let tokenizer = text.tokenizer
        var parts = TrainingParts<PromptBatch>(
            side, artifact: artifact, head: head,
            companions: companions, notes: notes
        ) { recomputes in
            PolicyStage(
                side.model, head: valueHead, rewards: source,
                reference: reference?.policy, options: options,
                recomputesBlocks: recomputes, auxiliaryWeight: side.auxiliaryWeight,
                messages: messages
            ) { prompt, answer in
                (
                    tokenizer.decode(prompt + answer, skippingSpecials: false),
                    tokenizer.decode(answer, skippingSpecials: true)
                )
            }
        }
        (parts.scoring, parts.messages) = (scoring, messages)
        return parts
    }
}
