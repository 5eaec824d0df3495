import FledgeCore
public import FledgeData
public import FledgeModel
import FledgeTensor

/// Trains a value head, and the model below it, to give better answers more (Ouyang et al. 2022):
/// the mean over pairs of −ln σ(chosen − rejected).
///
/// An answer's score is the head's value of its last token, so a batch comes from a
/// `PreferenceCollator` of last tokens.
public struct RewardRanking: Objective {
    /// The head.
    public let head: ValueHead

    /// Creates the objective.
    public init(head: ValueHead) { self.head = head }

    /// The head.
    public var modules: [any Module] { [head] }

    /// The loss of the pairs, and the share of them in the right order.
    public func callAsFunction(
        _ model: some CausalLM, _ batch: PreferenceBatch, _ pass: ForwardPass
    ) throws -> Loss {
        let pairs = batch.pairCount
        let scores = scores(model, batch.answers, pass).converted(to: .float64)
        let margins = scores.elements(0..<pairs) - scores.elements(pairs..<2 * pairs)
        let right = margins.doubles().count { $0 > 0 }
        return Loss(
            sum: sum(logSigmoid(margins)) * -1, weight: Double(pairs),
            metrics: ["accuracy": Metric(sum: Double(right), weight: Double(pairs))])
    }

    /// What the head gives each sample of a batch of last tokens, without dropout.
    public func scores(_ model: some CausalLM, _ batch: AnswerBatch) -> [Double] {
        scores(model, batch, ForwardPass(model.elementType)).doubles()
    }

    private func scores(
        _ model: some CausalLM, _ batch: AnswerBatch, _ pass: ForwardPass
    ) -> Tensor {
        let supervision = batch.tokens.supervision
        precondition(
            supervision.count == batch.sampleCount,
            "RewardRanking: \(supervision.count) last tokens of \(batch.sampleCount) answers")
        return head(
            model.hiddenStates(batch.tokens, pass), rows: supervision.rows,
            samples: supervision.samples.map { batch.indices[Int($0)] }, pass)
    }
}
