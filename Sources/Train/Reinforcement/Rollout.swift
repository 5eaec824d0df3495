public import FledgeData
public import FledgeModel

/// An answer that a policy gave to a question, as it was drawn.
public struct Rollout: Hashable, Sendable {
    /// The question.
    public var question: PromptSample
    /// The ids of the answer, with the stop token last where there was one.
    public var answer: [Int32]
    /// Why the answer ended.
    public var finishReason: FinishReason
    /// ln p of each token by the policy while it generated: temperature 1, nothing left out. Empty
    /// where nobody has asked for it.
    public var logProbabilities: [Double]
    /// ln p of each token in the distribution that it was drawn from. Empty where nobody has asked for it.
    public var drawnLogProbabilities: [Double]
    /// The question's place in the data.
    public var index: Int
    /// Answers with the same number answer the same question.
    public var group: Int

    /// Creates a rollout.
    public init(_ question: PromptSample, _ answer: GeneratedAnswer, index: Int, group: Int) {
        (self.question, self.answer, self.index) = (question, answer.ids, index)
        finishReason = answer.finishReason
        logProbabilities = answer.logProbabilities
        drawnLogProbabilities = answer.drawnLogProbabilities
        self.group = group
    }

    /// Whether the answer has no end of its own.
    public var isTruncated: Bool { finishReason != .stop }
}
