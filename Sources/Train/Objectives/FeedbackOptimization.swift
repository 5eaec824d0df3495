import FledgeCore
public import FledgeData
public import FledgeModel
import FledgeTensor

/// Trains a policy on answers that were found good or bad, each by itself: the mean over rows of a
/// ``FeedbackLoss``. Dropout is off.
///
/// The divergence in it is estimated from the batch, so its size matters and micro-batches are not to be
/// put together. One row, an odd number of rows and rows of one side alone are computed like any others.
public struct FeedbackOptimization: Objective {
    /// Constants of the loss.
    public struct Options: Hashable, Sendable {
        /// The loss of the rows.
        public var loss: FeedbackLoss
        /// How much the good answers' mean −ln p is added (`pref_ftx`), by the reference's formula: the
        /// mean over a batch's good answers, times its rows, divided by its good answers.
        public var supervisedWeight: Double
        /// Whether `kl` is reported as the sum over micro-batches, as the reference does, in place of
        /// their mean (quirk `metric_names`).
        public var sumsDivergence: Bool

        /// Creates options, the reference's when all is left out.
        public init(
            loss: FeedbackLoss = FeedbackLoss(), supervisedWeight: Double = 0,
            sumsDivergence: Bool = false
        ) {
            (self.loss, self.supervisedWeight) = (loss, supervisedWeight)
            self.sumsDivergence = sumsDivergence
        }
    }

    private let reference: (any ReferencePolicy)?
    private let options: Options
    private let meanLogits = MeanLogits()

    /// Creates the objective.
    ///
    /// - Parameter reference: What the policy is held against; without one the policy itself is, as in
    ///   an evaluation alone.
    public init(reference: (any ReferencePolicy)?, options: Options = Options()) {
        (self.reference, self.options) = (reference, options)
    }

    /// The loss of the rows; rewards, log-probabilities and mean logits of both sides, and `kl`.
    public func callAsFunction(
        _ model: some CausalLM, _ batch: FeedbackBatch, _ pass: ForwardPass
    ) throws -> Loss {
        let (rows, answers) = (batch.rowCount, batch.answers)
        let policy = policyScores(model, batch, pass.withoutDropout)
        let held =
            try reference.map { try AnswerScores.sums($0, answers) }
            ?? Tensor(
                policy.own.doubles() + policy.others.doubles(), shape: [answers.sampleCount])
        let divergence = options.loss.divergence(
            policy: policy.others.doubles(), reference: held.elements(rows..<2 * rows).doubles())
        let ratios = policy.own - held.elements(0..<rows)
        var total = sum(
            options.loss(ratios, isDesirable: batch.isDesirable, divergence: divergence))
        if let factors = supervisedFactors(batch) { total = total - sum(policy.own * factors) }
        return Loss(
            sum: total, weight: Double(rows),
            metrics: metrics(
                batch, ratios: ratios.doubles(), own: policy.own.doubles(), logits: policy.logits,
                divergence: divergence))
    }

    /// `rewards/margins`: the distance of the two means, where both sides were seen.
    public func derivedMetrics(_ metrics: [String: Metric]) -> [String: Metric] {
        guard let chosen = metrics["rewards/chosen"], let rejected = metrics["rewards/rejected"]
        else { return [:] }
        return ["rewards/margins": Metric(sum: chosen.value - rejected.value, weight: 1)]
    }

    /// Log-probabilities of the rows' own answers, and of the others without gradient.
    ///
    /// Where nothing is shared the others are computed apart, forward alone.
    private func policyScores(
        _ model: some CausalLM, _ batch: FeedbackBatch, _ pass: ForwardPass
    ) -> (own: Tensor, others: Tensor, logits: [Double]) {
        let (rows, answers) = (batch.rowCount, batch.answers)
        func scores(_ part: AnswerBatch, _ pass: ForwardPass) -> (Tensor, Tensor) {
            let hidden = model.hiddenStates(part.tokens, pass)
            let values = tokenLogProbabilities(
                hidden, head: model.head, part.tokens.supervision)
            return (AnswerScores.sums(values, part), hidden)
        }
        guard let own = answers.part(0..<rows), let others = answers.part(rows..<2 * rows) else {
            let (sums, hidden) = scores(answers, pass)
            return (
                sums.elements(0..<rows), sums.detached.elements(rows..<2 * rows),
                Array(meanLogits(hidden, head: model.head, answers).prefix(rows))
            )
        }
        let (sums, hidden) = scores(own, pass.taking(own.tokens))
        // What is not trained on is no part of the routers' balance.
        var apart = pass.taking(others.tokens)
        apart.routers = nil
        let constant = untracked(model.parameters) { scores(others, apart).0.detached }
        return (sums, constant, meanLogits(hidden, head: model.head, own))
    }

    /// For each row what its summed log-probability is multiplied by to be the supervised part of the
    /// loss's sum; nil where there is none.
    private func supervisedFactors(_ batch: FeedbackBatch) -> Tensor? {
        let good = Double(batch.isDesirable.count { $0 })
        guard options.supervisedWeight > PreferenceOptimization.Options.leastWeight, good > 0
        else { return nil }
        let rows = Double(batch.rowCount)
        let factor = options.supervisedWeight * (rows / good) * (rows / good)
        return Tensor(
            zip(batch.isDesirable, batch.answers.answerLengths).map { isGood, length in
                isGood && length > 0 ? factor / length : 0
            }, shape: [batch.rowCount])
    }

    private func metrics(
        _ batch: FeedbackBatch, ratios: [Double], own: [Double], logits: [Double],
        divergence: Double
    ) -> [String: Metric] {
        var metrics = ["kl": Metric(sum: divergence, weight: options.sumsDivergence ? 0 : 1)]
        for (side, isGood) in [("chosen", true), ("rejected", false)] {
            let rows = batch.isDesirable.indices.filter { batch.isDesirable[$0] == isGood }
            guard !rows.isEmpty else { continue }
            if reference != nil {
                metrics["rewards/" + side] = Metric(
                    meanOf: rows.map { ratios[$0] * options.loss.beta })
            }
            metrics["logps/" + side] = Metric(meanOf: rows.map { own[$0] })
            metrics["logits/" + side] = Metric(meanOf: rows.map { logits[$0] })
        }
        return metrics
    }
}
