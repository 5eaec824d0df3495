internal import FledgeCore

/// Gives 1 where a pattern is found in the answer, else 0 (`type: regex`).
///
/// With a column the text of a group has to equal that column besides; of several matches the last one
/// counts, since answers end with what they come to.
public struct PatternRule: RewardRule {
    private let pattern: SearchPattern
    private let group: String
    private let expected: ExpectedText?

    /// Creates a rule.
    ///
    /// - Parameters:
    ///   - group: The number or name of the group that is compared; 0 is the whole match.
    ///   - column: The column that the group has to equal; nil where being found is enough.
    /// - Throws: `FledgeError` when the pattern or its group is wrong.
    public init(
        _ pattern: String, group: String = "0", column: String? = nil, ignoresCase: Bool = false
    ) throws {
        self.pattern = try SearchPattern(pattern, ignoresCase: ignoresCase)
        self.group = group
        expected = column.map { ExpectedText(column: $0, ignoresCase: ignoresCase) }
        try self.pattern.requireGroup(group)
    }

    /// The column.
    public var columns: Set<String> { expected?.columns ?? [] }

    /// Whether the pattern is found, and the group is what the column holds.
    public func score(_ answer: JudgedAnswer) throws -> Double {
        guard let expected else { return try pattern.isFound(in: answer.answer) ? 1 : 0 }
        guard let found = try pattern.lastText(of: group, in: answer.answer) else { return 0 }
        return try expected.isMet(by: found, answer) ? 1 : 0
    }
}
