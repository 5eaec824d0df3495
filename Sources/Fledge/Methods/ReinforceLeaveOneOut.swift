public import FledgeModel
public import FledgeTrain

/// REINFORCE with the mean of the other answers as baseline (`stage: rloo`; Ahmadian et al. 2024).
public struct ReinforceLeaveOneOut: PolicyMethod {
    /// What judges answers; nil for what the configuration names.
    public let reward: (@Sendable (JudgedAnswer) throws -> Double)?

    /// Creates the method.
    ///
    /// - Parameter reward: What judges answers; nil for what the configuration names.
    public init(reward: (@Sendable (JudgedAnswer) throws -> Double)? = nil) {
        self.reward = reward
    }

    /// `rloo`.
    public var name: String { "rloo" }

    /// How answers are drawn and judged, and limited ratios.
    public var reads: Set<KeyGroup> { [.rollouts, .ratios, .leaveOneOut, .rewards] }

    /// Two, as in TRL.
    public var defaultAnswersPerQuestion: Int { 2 }

    /// True, as in TRL.
    public var drawsFromAll: Bool { true }

    /// False.
    public var trainsValues: Bool { false }

    /// Where straying costs something.
    public func reference(
        _ side: ModelSide, _ configuration: RunConfiguration
    ) throws -> PolicyReference? {
        guard cost(configuration) != 0 else { return nil }
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

    private func cost(_ configuration: RunConfiguration) -> Double {
        configuration.reinforcement.divergenceWeight ?? 0.05
    }

    /// Distances from the mean of the others with a clipped loss of whole answers.
    public func options(
        _ configuration: RunConfiguration, _ generation: GenerationOptions
    ) -> PolicyOptions {
        let keys = configuration.reinforcement
        var options = PolicyOptions(
            generation: generation,
            estimator: LeaveOneOutAdvantages(normalizes: keys.normalizesAdvantages),
            loss: SequencePolicyLoss(
                low: configuration.policyLoss.clipLow, high: configuration.policyLoss.clipHigh,
                ratio: .product))
        options.answersPerQuestion = keys.answersPerQuestion ?? defaultAnswersPerQuestion
        options.epochs = keys.iterations
        options.answersPerUpdate = configuration.answersPerUpdate(defaultAnswersPerQuestion)
        options.reduction = .answers
        options.scoreRange = keys.scoreRange
        options.takeTemperature()
        let cost = cost(configuration)
        options.rewardControl = cost == 0 ? nil : FixedKLControl(cost)
        options.masksTruncated = keys.masksTruncated
        options.take(configuration)
        return options
    }
}
