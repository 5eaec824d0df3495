public import FledgeModel
public import FledgeTrain

/// Group relative policy optimization (`stage: grpo`; Shao et al. 2024, with what followed it: Dr. GRPO,
/// DAPO, GSPO).
public struct GroupRelativePolicyOptimization: PolicyMethod {
    /// What judges answers; nil for what the configuration names.
    public let reward: (@Sendable (JudgedAnswer) throws -> Double)?

    /// Creates the method.
    ///
    /// - Parameter reward: What judges answers; nil for what the configuration names.
    public init(reward: (@Sendable (JudgedAnswer) throws -> Double)? = nil) {
        self.reward = reward
    }

    /// `grpo`.
    public var name: String { "grpo" }

    /// How answers are drawn and judged, and learning within groups.
    public var reads: Set<KeyGroup> { [.rollouts, .ratios, .groups, .rewards] }

    /// Eight, as in TRL.
    public var defaultAnswersPerQuestion: Int { 8 }

    /// True, as in TRL.
    public var drawsFromAll: Bool { true }

    /// False.
    public var trainsValues: Bool { false }

    /// Where straying costs something.
    public func reference(
        _ side: ModelSide, _ configuration: RunConfiguration
    ) throws -> PolicyReference? {
        guard configuration.reinforcement.divergenceWeight ?? 0 != 0 else { return nil }
        return try PolicyReference(side, configuration)
    }

    /// Those that are answered before the first update.
    public func batchesPerStep(_ configuration: RunConfiguration) -> Int {
        configuration.batchesPerGeneration
    }

    /// Refuses groups in which nothing tells better from worse.
    public func check(_ configuration: RunConfiguration) throws {
        try checkPolicy(configuration)
        try checkGroups(configuration)
    }

    /// Distances from the group's mean with a clipped loss.
    public func options(
        _ configuration: RunConfiguration, _ generation: GenerationOptions
    ) -> PolicyOptions {
        let keys = configuration.reinforcement
        let loss = configuration.policyLoss
        var options = PolicyOptions(
            generation: generation, estimator: GroupAdvantages(scale: keys.scale), loss: loss.loss)
        options.answersPerQuestion = keys.answersPerQuestion ?? defaultAnswersPerQuestion
        options.epochs = keys.iterations
        options.answersPerUpdate = configuration.answersPerUpdate(defaultAnswersPerQuestion)
        options.reduction = loss.reduction(longest: generation.maxNewTokens)
        if let weight = keys.divergenceWeight, weight > 0 {
            options.penalty = loss.penalty(weight)
        }
        options.correction = loss.tokenWeights
        options.entropyShare = loss.entropyShare
        options.takeTemperature()
        options.masksTruncated = keys.masksTruncated
        options.filter = keys.dropsDeadGroups ? DeadGroupFilter() : nil
        options.take(configuration)
        return options
    }
}
