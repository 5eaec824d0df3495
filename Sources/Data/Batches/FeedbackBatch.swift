public import FledgeCore

/// Answers that were found good or bad: samples `0..<rowCount` are the rows' own, the others the same
/// questions with answers of other rows, from which a divergence is estimated.
public struct FeedbackBatch: TokenizedBatch, Hashable {
    /// All answers behind their questions.
    public var answers: AnswerBatch
    /// Whether the answer of a row was found good.
    public var isDesirable: [Bool]

    /// Creates a batch.
    public init(answers: AnswerBatch, isDesirable: [Bool]) {
        precondition(
            answers.sampleCount == 2 * isDesirable.count,
            "FeedbackBatch: \(answers.sampleCount) samples for \(isDesirable.count) rows")
        (self.answers, self.isDesirable) = (answers, isDesirable)
    }

    /// The tokens of all answers.
    public var tokens: TokenBatch { answers.tokens }

    /// Number of rows.
    public var rowCount: Int { isDesirable.count }
}

/// Puts answers that were found good or bad into a batch.
public struct FeedbackCollator: Sendable {
    private let collator = AnswerCollator(supervised: .answers)
    private let sharesPrefixes: Bool
    private let trainsWeights: Bool

    /// Creates a collator.
    ///
    /// - Parameters:
    ///   - sharesPrefixes: Whether what answers begin with is computed once, where that is less work.
    ///     Exact, but for the order of sums; not for models with dropout.
    ///   - trainsWeights: Whether the backward pass makes gradients of the weights too, not of
    ///     activations and small adapters alone, which doubles its work.
    public init(sharesPrefixes: Bool = false, trainsWeights: Bool = true) {
        (self.sharesPrefixes, self.trainsWeights) = (sharesPrefixes, trainsWeights)
    }

    /// The batch of some rows.
    ///
    /// - Parameters:
    ///   - indices: The rows' places in the data set, which keyed randomness uses: the row's own answer
    ///     of row `i` draws as sample `2·i`, the other one as `2·i + 1`.
    ///   - epoch: The epoch, counted from 0.
    public func batch(
        _ rows: [FeedbackSample], indices: [Int]? = nil, epoch: Int = 0
    ) -> FeedbackBatch {
        let places = rows.indices.map { indices?[$0] ?? $0 }
        let samples = rows.map(\.target) + rows.map(\.mismatched)
        return FeedbackBatch(
            answers: collator.batch(
                samples, indices: places.map { 2 * $0 } + places.map { 2 * $0 + 1 }, epoch: epoch,
                forest: sharesPrefixes ? forest(of: rows, samples) : nil),
            isDesirable: rows.map(\.isDesirable))
    }

    /// Tokens that a batch of one row has.
    public func tokenCount(of row: FeedbackSample) -> Int {
        let samples = [row.target, row.mismatched]
        let forest = sharesPrefixes ? forest(of: [row], samples) : nil
        return forest?.layout.count ?? samples.reduce(0) { $0 + $1.inputIDs.count }
    }

    /// The forest of all samples, where it is worth it.
    ///
    /// Counted in forward passes over a token. Of the forest's tokens each has the policy's forward and
    /// backward pass and the reference's forward pass. Apart, the other rows' answers need two forward
    /// passes alone, but their questions are computed again.
    private func forest(of rows: [FeedbackSample], _ samples: [ProcessedSample]) -> PrefixForest? {
        guard let forest = AnswerCollator.forest(of: samples) else { return nil }
        let own = rows.reduce(0) { $0 + $1.target.inputIDs.count }
        let others = rows.reduce(0) { $0 + $1.mismatched.inputIDs.count }
        let passes = trainsWeights ? 4 : 3
        return passes * forest.layout.count < passes * own + 2 * others ? forest : nil
    }
}
