internal import FledgeCore

/// Gives 1 where the answer, or what a pattern takes out of it, equals a column of the row, else 0
/// (`type: equals`).
///
/// White space around both does not count, numbers are compared as numbers (`1,000` and `1000.0` are
/// one), and of a column that holds a list any element may be met.
public struct EqualityRule: RewardRule {
    private let pattern: SearchPattern?
    private let group: String
    private let expected: ExpectedText

    /// Creates a rule.
    ///
    /// - Parameters:
    ///   - pattern: What takes the text to compare out of the answer, from its last match; nil for the
    ///     whole answer. Without a group of its own the whole match is taken, else the first group.
    /// - Throws: `FledgeError` when the pattern or its group is wrong.
    public init(
        column: String, pattern: String? = nil, group: String? = nil, ignoresCase: Bool = false
    ) throws {
        self.pattern = try pattern.map { try SearchPattern($0, ignoresCase: ignoresCase) }
        self.group = group ?? (self.pattern.map { $0.groupCount > 0 ? "1" : "0" } ?? "0")
        expected = ExpectedText(column: column, ignoresCase: ignoresCase)
        try self.pattern?.requireGroup(self.group)
    }

    /// The column.
    public var columns: Set<String> { expected.columns }

    /// Whether the text is what the column holds.
    public func score(_ answer: JudgedAnswer) throws -> Double {
        guard let pattern else { return try expected.isMet(by: answer.answer, answer) ? 1 : 0 }
        guard let found = try pattern.lastText(of: group, in: answer.answer) else { return 0 }
        return try expected.isMet(by: found, answer) ? 1 : 0
    }
}
