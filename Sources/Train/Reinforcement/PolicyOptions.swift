public import FledgeModel

/// How a policy learns from answers of its own.
public struct PolicyOptions {
    /// How answers are drawn and where they end.
    public var generation: GenerationOptions
    /// Answers that each question gets.
    public var answersPerQuestion = 1
    /// Answers that are drawn at the same time.
    public var concurrentAnswers = 64
    /// Answers that each held-out question gets.
    public var evaluatedAnswersPerQuestion = 1
    /// What logits are divided by where probabilities are compared and learned: the temperature at which
    /// answers are drawn, where it is that distribution that learns.
    public var temperature = 1.0
    /// How often the answers of a step are gone through.
    public var epochs = 1
    /// Answers of each update of the weights; nil for all of a step.
    public var answersPerUpdate: Int?
    /// The most tokens that are computed at once, unless fewer than ``answersPerPass`` answers are.
    public var tokensPerPass = 1024
    /// Answers that are computed at once whatever their tokens are.
    public var answersPerPass = 1

    /// What tells how much better than expected tokens were.
    public var estimator: any AdvantageEstimator
    /// The loss of the policy's tokens.
    public var loss: any PolicyLoss
    /// How tokens become a loss.
    public var reduction = LossReduction.tokens
    /// What straying from the reference costs in the reward; nil for nothing.
    public var rewardControl: (any KLControl)?
    /// What straying costs in the loss; nil for nothing.
    public var penalty: KLPenalty?
    /// Weighs tokens that were drawn from another distribution than the policy's own; nil for all alike.
    public var correction: (any RolloutCorrection)?
    /// The part of a step's tokens whose policy loss counts, those at which the policy that gave them was
    /// least sure; the others count in what the loss is divided by.
    public var entropyShare = 1.0
    /// The least and the largest score that is learned by; nil for no limits.
    public var scoreRange: ClosedRange<Double>?
    /// The loss of the value head.
    public var valueLoss = ClippedValueLoss()
    /// How much the value head's loss counts beside the policy's.
    public var valueWeight = 0.1
    /// Whether scores are brought to mean 0 and deviation 1 by what was seen so far.
    public var normalizesScores = false
    /// Whether answers that were cut off are not learned from.
    public var masksTruncated = false
    /// Which groups are learned from; nil for all.
    public var filter: (any GroupFilter)?
    /// The mean ratio of new to old probability in an update from which nothing is learned any more; nil
    /// for no limit.
    public var ratioLimit: Double?
    /// Answers of each step that are shown.
    public var shownAnswers = 2
    /// The seed of the order in which answers are gone through.
    public var seed: UInt64 = 42

    /// Creates options.
    public init(
        generation: GenerationOptions, estimator: any AdvantageEstimator, loss: any PolicyLoss
    ) {
        (self.generation, self.estimator, self.loss) = (generation, estimator, loss)
    }
}

/// Decides which groups of answers are learned from.
public protocol GroupFilter: Sendable {
    /// Whether answers to one question with these scores are learned from.
    func keeps(_ scores: [Double]) -> Bool
}

/// Leaves groups out whose answers all have the same score: nothing in them tells better from worse.
public struct DeadGroupFilter: GroupFilter, Hashable {
    /// Creates the filter.
    public init() {}

    /// Whether scores differ.
    public func keeps(_ scores: [Double]) -> Bool {
        guard let first = scores.first else { return false }
        return scores.contains { $0 != first }
    }
}
