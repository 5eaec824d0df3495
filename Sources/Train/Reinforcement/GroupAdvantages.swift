/// How far an answer's reward is from the mean of its group (GRPO, Shao et al. 2024), the same for all of
/// its tokens.
///
/// An answer whose total is not a number was not judged: it moves no mean and has no advantage.
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
        let judged = answers.indices.filter { !totals[$0].isNaN }
        let groups = Dictionary(grouping: judged) { answers[$0].group }
            .mapValues { Moments(of: $0.map { totals[$0] }) }
        let all = Moments(of: judged.map { totals[$0] })
        return zip(answers, totals).map { answer, total in
            guard let own = groups[answer.group], !total.isNaN else {
                return AnswerAdvantages(Array(repeating: 0, count: answer.rewards.count))
            }
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
