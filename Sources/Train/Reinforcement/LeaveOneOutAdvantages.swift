/// How far an answer's reward is from the mean of the others of its group (RLOO, Ahmadian et al. 2024).
///
/// An answer whose total is not a number was not judged: it moves no mean and has no advantage.
public struct LeaveOneOutAdvantages: AdvantageEstimator, Hashable {
    /// Whether the advantages of all answers are brought to mean 0 and deviation 1.
    public var normalizes: Bool

    /// Creates an estimator.
    public init(normalizes: Bool = false) { self.normalizes = normalizes }

    /// It does not.
    public var usesValues: Bool { false }

    /// The advantages; zeros in a group of one answer.
    public func callAsFunction(_ answers: [AnswerRewards]) -> [AnswerAdvantages] {
        let totals = answers.map(\.total)
        var groups: [Int: (sum: Double, count: Int)] = [:]
        for (answer, total) in zip(answers, totals) where !total.isNaN {
            groups[answer.group, default: (0, 0)].sum += total
            groups[answer.group, default: (0, 0)].count += 1
        }
        var own: [Double?] = zip(answers, totals).map { answer, total in
            guard let (sum, count) = groups[answer.group], !total.isNaN, count > 1 else {
                return nil
            }
            return total - (sum - total) / Double(count - 1)
        }
        if normalizes {
            let all = Moments(of: own.compactMap(\.self))
            own = own.map { $0.map { ($0 - all.mean) / (all.deviation + 1e-4) } }
        }
        return zip(answers, own).map { answer, advantage in
            AnswerAdvantages(Array(repeating: advantage ?? 0, count: answer.rewards.count))
        }
    }
}
