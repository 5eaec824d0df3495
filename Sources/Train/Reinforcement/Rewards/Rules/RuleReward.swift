/// A weighted sum of rules, as `reward_rules` lists them: Σ weight·score.
public struct RuleReward: RewardSource {
    /// A rule in a sum.
    public struct Entry {
        /// What its scores are called in logs.
        public var name: String
        /// What its score is multiplied by.
        public var weight: Double
        /// The rule.
        public var rule: any RewardRule

        /// Creates an entry.
        public init(_ name: String, weight: Double = 1, _ rule: any RewardRule) {
            (self.name, self.weight, self.rule) = (name, weight, rule)
        }
    }

    /// The rules.
    public let entries: [Entry]

    /// Creates a reward from rules; of several with one name the later ones get a number.
    public init(_ entries: [Entry]) {
        var counts: [String: Int] = [:]
        self.entries = entries.map { entry in
            let count = counts[entry.name, default: 0] + 1
            counts[entry.name] = count
            var named = entry
            if count > 1 { named.name += "_\(count)" }
            return named
        }
    }

    /// The columns of rows that the rules look at: those that `DatasetOptions.keptColumns` has to name.
    public var columns: Set<String> {
        entries.reduce(into: []) { $0.formUnion($1.rule.columns) }
    }

    /// The sums.
    public func scores(_ answers: [JudgedAnswer]) throws -> [Double] {
        try rewards(answers).map(\.score)
    }

    /// The sums, with the score of each rule.
    public func rewards(_ answers: [JudgedAnswer]) throws -> [Reward] {
        try answers.map { answer in
            var reward = Reward(0)
            for entry in entries {
                let score = try entry.rule.score(answer)
                reward.parts[entry.name] = score
                reward.score += entry.weight * score
            }
            return reward
        }
    }
}
