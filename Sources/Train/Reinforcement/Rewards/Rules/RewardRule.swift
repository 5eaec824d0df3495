/// A rule that gives an answer a score, for ``RuleReward``.
public protocol RewardRule {
    /// The columns of the row that it looks at.
    var columns: Set<String> { get }

    /// What it gives an answer; for most rules from 0 to 1.
    ///
    /// - Throws: `FledgeError` when the row lacks what the rule needs.
    func score(_ answer: JudgedAnswer) throws -> Double
}

extension RewardRule {
    /// None.
    public var columns: Set<String> { [] }
}
