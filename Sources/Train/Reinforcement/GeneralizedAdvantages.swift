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
