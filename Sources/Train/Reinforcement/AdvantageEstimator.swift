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

/// Generalised advantage estimation (Schulman et al. 2016): A_t = δ_t + γλ·A_{t+1} with
/// δ_t = r_t + γ·V_{t+1} − V_t, whitened over all tokens; returns are A + V before whitening.
public struct GeneralizedAdvantages: AdvantageEstimator, Hashable {
    /// γ, what a reward is worth one token earlier.
    public var discount: Double
    /// λ, how far later tokens count.
    public var smoothing: Double
    /// Whether rewards are divided by their deviation first; their mean stays.
    public var whitensRewards: Bool

    /// Creates an estimator, TRL's classic one when all is left out.
    public init(discount: Double = 1, smoothing: Double = 0.95, whitensRewards: Bool = false) {
        (self.discount, self.smoothing) = (discount, smoothing)
        self.whitensRewards = whitensRewards
    }

    /// It does.
    public var usesValues: Bool { true }

    /// The advantages.
    ///
    /// - Precondition: Every answer has as many values as rewards.
    public func callAsFunction(_ answers: [AnswerRewards]) -> [AnswerAdvantages] {
        var rewards = answers.map(\.rewards)
        var ofPadding = 0.0
        if whitensRewards {
            let whitening = Whitening(of: rewards)
            whitening.apply(to: &rewards, keepsMean: true)
            ofPadding = whitening.whitened(0, keepsMean: true)
        }
        var advantages: [[Double]] = []
        var returns: [[Double]] = []
        for (answer, rewards) in zip(answers, rewards) {
            let values = answer.values
            precondition(
                values.count == rewards.count,
                "GeneralizedAdvantages: \(values.count) values of \(rewards.count) tokens")
            var own = [Double](repeating: 0, count: rewards.count)
            var (next, nextValue) = (0.0, 0.0)
            for _ in 0..<answer.padding { next = ofPadding + discount * smoothing * next }
            for t in rewards.indices.reversed() {
                next =
                    rewards[t] + discount * nextValue - values[t] + discount * smoothing * next
                (own[t], nextValue) = (next, values[t])
            }
            advantages.append(own)
            returns.append(zip(own, values).map { $0 + $1 })
        }
        Whitening(of: advantages).apply(to: &advantages, keepsMean: false)
        return zip(advantages, returns).map { AnswerAdvantages($0, returns: $1) }
    }
}

/// How far an answer's reward is from the mean of its group (GRPO, Shao et al. 2024), the same for all of
/// its tokens.
public struct GroupAdvantages: AdvantageEstimator, Hashable {
    /// What the distance is divided by.
    public enum Scale: String, Hashable, Sendable, CaseIterable {
        /// The deviation of the group.
        case group
        /// The deviation of all answers.
        case batch
        /// Nothing (Dr. GRPO, Liu et al. 2025).
        case none
    }

    /// What the distance is divided by.
    public var scale: Scale
    /// What is added to a deviation.
    public var epsilon: Double

    /// Creates an estimator, TRL's when all is left out.
    public init(scale: Scale = .group, epsilon: Double = 1e-4) {
        (self.scale, self.epsilon) = (scale, epsilon)
    }

    /// It does not.
    public var usesValues: Bool { false }

    /// The advantages; zeros in a group of one answer.
    public func callAsFunction(_ answers: [AnswerRewards]) -> [AnswerAdvantages] {
        let totals = answers.map(\.total)
        let groups = Dictionary(grouping: answers.indices) { answers[$0].group }
            .mapValues { Moments(of: $0.map { totals[$0] }) }
        let all = Moments(of: totals)
        return zip(answers, totals).map { answer, total in
            let own = groups[answer.group] ?? all
            let deviation =
                switch scale {
                case .group: own.deviation + epsilon
                case .batch: all.deviation + epsilon
                case .none: 1.0
                }
            return AnswerAdvantages(
                Array(
                    repeating: (total - own.mean) / deviation, count: answer.rewards.count))
        }
    }
}

/// How far an answer's reward is from the mean of the others of its group (RLOO, Ahmadian et al. 2024).
public struct LeaveOneOutAdvantages: AdvantageEstimator, Hashable {
    /// Creates an estimator.
    public init() {}

    /// It does not.
    public var usesValues: Bool { false }

    /// The advantages; zeros in a group of one answer.
    public func callAsFunction(_ answers: [AnswerRewards]) -> [AnswerAdvantages] {
        var groups: [Int: (sum: Double, count: Int)] = [:]
        for answer in answers {
            groups[answer.group, default: (0, 0)].sum += answer.total
            groups[answer.group, default: (0, 0)].count += 1
        }
        return answers.map { answer in
            let (sum, count) = groups[answer.group] ?? (0, 0)
            let others = count > 1 ? (sum - answer.total) / Double(count - 1) : answer.total
            return AnswerAdvantages(
                Array(repeating: answer.total - others, count: answer.rewards.count))
        }
    }
}
