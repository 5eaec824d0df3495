public import FledgeCore

/// Questions that a policy is to answer.
public struct PromptBatch: TokenizedBatch, Hashable {
    /// The questions.
    public var prompts: [PromptSample]
    /// For each question its place in the data, by which draws are keyed.
    public var indices: [Int]
    /// The questions' tokens, of which nothing is supervised.
    public var tokens: TokenBatch

    /// Creates a batch.
    ///
    /// - Precondition: There is an index for each question.
    public init(_ prompts: [PromptSample], indices: [Int], epoch: Int = 0) {
        precondition(
            prompts.count == indices.count,
            "PromptBatch: \(prompts.count) questions, \(indices.count) indices")
        (self.prompts, self.indices) = (prompts, indices)
        tokens = TokenBatch(
            ids: prompts.flatMap(\.promptIDs),
            layout: SequenceLayout(lengths: prompts.map(\.promptIDs.count)), samples: indices,
            epoch: epoch)
    }
}
