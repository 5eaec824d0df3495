/// What one answer earned: numbers for each of its tokens.
public struct AnswerRewards: Hashable, Sendable {
    /// The reward of each token, such as a penalty for straying from a reference; the score of the whole
    /// answer is part of the last one's.
    public var rewards: [Double]
    /// What a value head expected before each token; empty where there is none.
    public var values: [Double]
    /// Answers with the same number are answers to one question.
    public var group: Int
    /// Positions behind the answer in a padded batch. The reference's whitening gives them rewards, which
    /// flow into the answer's last tokens; 0 leaves that out.
    public var padding: Int

    /// Creates rewards.
    public init(
        _ rewards: [Double], values: [Double] = [], group: Int = 0, padding: Int = 0
    ) {
        (self.rewards, self.values) = (rewards, values)
        (self.group, self.padding) = (group, padding)
    }

    /// The sum over its tokens.
    public var total: Double { rewards.reduce(0, +) }
}

/// How much better the tokens of one answer were than was to be expected.
public struct AnswerAdvantages: Hashable, Sendable {
    /// The advantage of each token.
    public var advantages: [Double]
    /// What a value head should have expected before each token; empty where there is none.
    public var returns: [Double]

    /// Creates advantages.
    public init(_ advantages: [Double], returns: [Double] = []) {
        (self.advantages, self.returns) = (advantages, returns)
    }
}

/// Judges the tokens of answers by what the answers earned.
///
/// ```swift
/// struct Plain: AdvantageEstimator {
///     let usesValues = false
///     func callAsFunction(_ answers: [AnswerRewards]) -> [AnswerAdvantages] {
///         answers.map { .init(Array(repeating: $0.total, count: $0.rewards.count)) }
///     }
/// }
/// ```
public protocol AdvantageEstimator: Sendable {
    /// Whether it looks at what a value head expects.
    var usesValues: Bool { get }

    /// The advantages of all answers that were given with the same weights.
    func callAsFunction(_ answers: [AnswerRewards]) -> [AnswerAdvantages]
}
