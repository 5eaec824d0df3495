public import FledgeModel
public import FledgeTrain

/// Proximal policy optimization (`stage: ppo`; reference: 05 §10).
public struct ProximalPolicyOptimization: PolicyMethod {
    /// What judges answers; nil for what the configuration names.
    public let reward: (@Sendable (JudgedAnswer) throws -> Double)?

    /// Creates the method.
    ///
    /// - Parameter reward: What judges answers; nil for what the configuration names.
    public init(reward: (@Sendable (JudgedAnswer) throws -> Double)? = nil) {
        self.reward = reward
    }

    /// `ppo`.
    public var name: String { "ppo" }

    /// How answers are drawn and judged, and learning with a value head.
    public var reads: Set<KeyGroup> { [.rollouts, .proximal, .rewards] }

    /// One.
    public var defaultAnswersPerQuestion: Int { 1 }

    /// False, as in the reference.
    public var drawsFromAll: Bool { false }

    /// True.
    public var trainsValues: Bool { true }

    /// Always.
    public func reference(
        _ side: ModelSide, _ configuration: RunConfiguration
    ) throws -> PolicyReference? { try PolicyReference(side, configuration) }

    /// Those that are gone through before the answers are drawn anew.
    public func batchesPerStep(_ configuration: RunConfiguration) -> Int {
        configuration.training.gradientAccumulationSteps * configuration.reinforcement.bufferSize
    }

    /// Generalised advantages with a clipped loss.
    public func options(
        _ configuration: RunConfiguration, _ generation: GenerationOptions
    ) -> PolicyOptions {
        let keys = configuration.reinforcement
        var options = PolicyOptions(
            generation: generation,
            estimator: GeneralizedAdvantages(
                discount: keys.discount, smoothing: keys.smoothing,
                whitensRewards: keys.whitensRewards),
            loss: ClippedPolicyLoss(low: keys.clipRange))
        options.answersPerQuestion = keys.answersPerQuestion ?? defaultAnswersPerQuestion
        options.epochs = keys.epochs
        options.answersPerUpdate =
            options.answersPerQuestion * configuration.training.trainBatchSize
            * configuration.training.gradientAccumulationSteps
        options.rewardControl =
            keys.adaptsCost
            ? AdaptiveKLControl(keys.initialCost, target: keys.targetDivergence)
            : FixedKLControl(keys.initialCost)
        options.valueLoss = ClippedValueLoss(range: keys.valueClipRange)
        options.valueWeight = keys.valueWeight
        options.normalizesScores = keys.normalizesScores
        options.masksTruncated = keys.masksTruncated
        options.ratioLimit = 10
        options.take(configuration)
        return options
    }
}

extension PolicyOptions {
    /// What all methods take from a configuration.
    mutating func take(_ configuration: RunConfiguration) {
        seed = configuration.training.seed
        answersPerPass = configuration.training.trainBatchSize
        evaluatedAnswersPerQuestion = configuration.reinforcement.evaluatedAnswersPerQuestion
    }

    /// Learns the distribution that answers are drawn from, as far as its temperature makes it.
    mutating func takeTemperature() {
        guard generation.samples, generation.temperature > 0 else { return }
        temperature = generation.temperature
    }
}

extension RunConfiguration {
    /// Batches of questions that are answered before the first update of a step.
    var batchesPerGeneration: Int {
        reinforcement.batchesPerGeneration ?? training.gradientAccumulationSteps
    }

    /// Answers of an update where a step may have several.
    ///
    /// - Parameter answers: Those that each question gets where no key says.
    func answersPerUpdate(_ answers: Int) -> Int {
        (reinforcement.answersPerQuestion ?? answers) * training.trainBatchSize
            * training.gradientAccumulationSteps
    }
}
