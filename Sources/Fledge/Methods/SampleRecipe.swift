public import FledgeData

/// How the rows of a run become samples, and what is checked about them.
public struct SampleRecipe<Sample: Sendable> {
    /// How rows to train on become samples, loaded and streamed alike.
    public var arrangement: any SampleArrangement<Sample>
    /// How rows for evaluation become samples where that is otherwise.
    public var evaluationArrangement: (any SampleArrangement<Sample>)?
    /// Tokens of a packed row, with the one that the reference pads to; nil when rows are not packed.
    public var packedLength: Int?
    /// Number of answers that a row has.
    public var answerCount: Int
    /// Whether nothing of a row is read but its first text.
    public var readsTextAlone: Bool
    /// Whether questions are learned as well as answers.
    public var learnsQuestions: Bool
    /// Finds what is wrong with samples.
    public var check: (SampleChecks, [Sample], DataReport) -> [DataFault]

    /// Creates a recipe.
    ///
    /// - Parameters:
    ///   - arrangement: How rows become samples.
    ///   - packedLength: Tokens of a packed row, with the one that the reference pads to.
    ///   - answerCount: Number of answers that a row has.
    ///   - readsTextAlone: Whether nothing of a row is read but its first text.
    ///   - learnsQuestions: Whether questions are learned as well as answers.
    ///   - check: Finds what is wrong with samples.
    public init(
        _ arrangement: any SampleArrangement<Sample>, packedLength: Int? = nil, answerCount: Int,
        readsTextAlone: Bool = false, learnsQuestions: Bool = false,
        check: @escaping (SampleChecks, [Sample], DataReport) -> [DataFault]
    ) {
        (self.arrangement, self.packedLength) = (arrangement, packedLength)
        (self.answerCount, self.check) = (answerCount, check)
        (self.readsTextAlone, self.learnsQuestions) = (readsTextAlone, learnsQuestions)
    }
}
