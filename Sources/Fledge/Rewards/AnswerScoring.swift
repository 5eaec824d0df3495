public import FledgeModel
internal import FledgeTrain

/// What a model computes to judge answers, for the prediction of memory and the check of lengths.
public struct AnswerScoring {
    /// The model, which may be the policy's own.
    public let model: DecoderLM
    /// Answers that are computed together.
    public let batchSize: Int
    /// Gives the tokens of a question as the model sees it; nil where it sees the policy's.
    let ownLength: ((any StageSample) -> Int?)?

    /// Whether it sees the policy's tokens.
    var seesPolicyTokens: Bool { ownLength == nil }

    /// The most tokens that are computed at once: whole questions with their answers, none shared.
    ///
    /// - Parameters:
    ///   - questions: The longest ones.
    ///   - length: The tokens of the longest to the policy.
    ///   - newTokens: The most tokens of an answer to the policy.
    ///   - answers: Answers of a step.
    package func largestPass(
        _ questions: [any StageSample], length: Int, newTokens: Int, answers: Int
    ) -> Int {
        var (question, answer) = (length, newTokens)
        if let ownLength, let longest = questions.compactMap(ownLength).max() {
            // Of answers only their number in the policy's tokens is known.
            let ratio = max(1, Double(longest) / Double(max(length, 1)))
            (question, answer) = (longest, Int((Double(newTokens) * ratio).rounded(.up)))
        }
        let each = min(question + answer, model.configuration.contextLength)
        return min(batchSize, max(answers, 1)) * each
    }
}
