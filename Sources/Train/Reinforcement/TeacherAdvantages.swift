/// How much likelier each token is to a teacher than it was to the policy that drew it: advantages of
/// on-policy distillation. The rewards are those differences, ln p_teacher − ln p_drawn.
///
/// With ``PolicyGradientLoss`` the expected slope is that of the reverse Kullback–Leibler divergence from
/// the teacher.
public struct TeacherAdvantages: AdvantageEstimator, Hashable {
    /// γ, how much more the first differences of an answer count than its last: the factor of a token is
    /// 1 + γ·(1 − the part of Σ|difference| that lies before it). 0 treats all alike.
    public var emphasis: Double

    /// Creates an estimator.
    public init(emphasis: Double = 0) { self.emphasis = emphasis }

    /// It does not.
    public var usesValues: Bool { false }

    /// The advantages.
    public func callAsFunction(_ answers: [AnswerRewards]) -> [AnswerAdvantages] {
        answers.map { answer in
            let whole = max(answer.rewards.reduce(0) { $0 + abs($1) }, 1e-6)
            var before = 0.0
            return AnswerAdvantages(
                answer.rewards.map { difference in
                    defer { before += abs(difference) }
                    return difference * (1 + emphasis * (1 - before / whole))
                })
        }
    }
}
