public import FledgeCore

/// Pairs of answers: samples `0..<pairCount` are the better ones, `pairCount..<2·pairCount` the worse
/// ones of the same pairs.
public struct PreferenceBatch: TokenizedBatch, Hashable {
    /// All answers behind their questions.
    public var answers: AnswerBatch

    /// Creates a batch.
    public init(answers: AnswerBatch) {
        precondition(
            answers.sampleCount.isMultiple(of: 2),
            "PreferenceBatch: \(answers.sampleCount) samples are no pairs")
        self.answers = answers
    }

    /// The tokens of all answers.
    public var tokens: TokenBatch { answers.tokens }

    /// Number of pairs.
    public var pairCount: Int { answers.sampleCount / 2 }
}

/// Puts pairs into a batch.
public struct PreferenceCollator: Sendable {
    private let collator: AnswerCollator
    private let sharesPrefixes: Bool
    private let looksAtLastTokens: Bool

    /// Creates a collator.
    ///
    /// - Parameters:
    ///   - lastTokens: Whether the state behind each answer is looked at, as a reward model does, in
    ///     place of the answers' tokens.
    ///   - sharesPrefixes: Whether what answers begin with, which is their question, is computed once.
    ///     Exact, but for the order of sums; not for models with dropout, which draws for every sample.
    public init(lastTokens: Bool = false, sharesPrefixes: Bool = false) {
        collator = AnswerCollator(supervised: lastTokens ? .lastTokens : .answers)
        (self.sharesPrefixes, looksAtLastTokens) = (sharesPrefixes, lastTokens)
    }

    /// Tokens that the batch of one pair has, and how many predictions of them are supervised.
    package func size(of pair: PairwiseSample) -> (tokens: Int, supervised: Int) {
        let (better, worse) = (pair.chosen, pair.rejected)
        guard !better.inputIDs.isEmpty, !worse.inputIDs.isEmpty else { return (0, 0) }
        let common = zip(better.inputIDs, worse.inputIDs).prefix { $0 == $1 }.count
        let isShared = sharesPrefixes && common >= PrefixForest.defaultMinimumLength
        return (
            better.inputIDs.count + worse.inputIDs.count - (isShared ? common : 0),
            looksAtLastTokens ? 2 : better.supervisedCount + worse.supervisedCount
        )
    }

    /// The batch of some pairs; one with a side without any token is left out.
    ///
    /// - Parameters:
    ///   - indices: The pairs' places in the data set, which keyed randomness uses: the better answer of
    ///     pair `i` draws as sample `2·i`, the worse one as `2·i + 1`.
    ///   - epoch: The epoch, counted from 0.
    public func batch(
        _ pairs: [PairwiseSample], indices: [Int]? = nil, epoch: Int = 0
    ) -> PreferenceBatch {
        let whole = pairs.enumerated().filter {
            !$0.element.chosen.inputIDs.isEmpty && !$0.element.rejected.inputIDs.isEmpty
        }
        let places = whole.map { indices?[$0.offset] ?? $0.offset }
        let samples = whole.map(\.element.chosen) + whole.map(\.element.rejected)
        return PreferenceBatch(
            answers: collator.batch(
                samples, indices: places.map { 2 * $0 } + places.map { 2 * $0 + 1 }, epoch: epoch,
                forest: sharesPrefixes ? AnswerCollator.forest(of: samples) : nil))
    }
}
