import FledgeCore
public import FledgeData
public import FledgeModel
import FledgeTensor

/// Trains a policy on pairs of answers without a reward model (DPO, Rafailov et al. 2023, and its
/// kin): the mean over pairs of a ``PreferenceLoss``. Dropout is off.
///
/// Losses are sums over pairs, so that batches can be cut as one likes; but not with a loss that
/// ``PreferenceLoss/couplesPairs`` or a classifier, which look at means of the batch.
public struct PreferenceOptimization: Objective {
    /// What is added to the loss of a pair, or changed in how answers count.
    public struct Options: Hashable, Sendable {
        /// How much the better answer's mean −ln p is added (`pref_ftx`).
        public var supervisedWeight: Double
        /// How much a classifier of answers counts beside the loss (`pref_bco_weight`; BCO, Jung et al.
        /// 2024); for losses with a reference.
        public var classifierWeight: Double
        /// How much the policy's tokens behind the shorter answer of a pair count (`ld_alpha`); nil for
        /// as much as the others.
        public var lengthWeight: Double?

        /// Creates options; nothing is added when all is left out.
        public init(
            supervisedWeight: Double = 0, classifierWeight: Double = 0, lengthWeight: Double? = nil
        ) {
            (self.supervisedWeight, self.classifierWeight) = (supervisedWeight, classifierWeight)
            self.lengthWeight = lengthWeight
        }

        /// Weights below this count as none, as in the reference.
        static let leastWeight = 1e-6
    }

    private let loss: any PreferenceLoss
    private let reference: (any ReferencePolicy)?
    private let options: Options
    private let classifier = AnswerClassifier()
    private let meanLogits = MeanLogits()

    /// Creates the objective.
    ///
    /// - Parameter reference: What the policy is held against; without one the policy itself is, as in
    ///   an evaluation alone. Losses that use none do not ask it.
    public init(
        loss: some PreferenceLoss, reference: (any ReferencePolicy)? = nil,
        options: Options = Options()
    ) {
        (self.loss, self.options) = (loss, options)
        self.reference = loss.usesReference ? reference : nil
    }

    /// The loss of the pairs; rewards, log-probabilities and mean logits of both sides.
    public func callAsFunction(
        _ model: some CausalLM, _ batch: PreferenceBatch, _ pass: ForwardPass
    ) throws -> Loss {
        let (pairs, answers) = (batch.pairCount, batch.answers)
        let hidden = model.hiddenStates(batch.tokens, pass.withoutDropout)
        let values = tokenLogProbabilities(hidden, head: model.head, batch.tokens.supervision)
        let means = AnswerScores.meanFactors(answers)
        var policy = AnswerScores.sums(
            values, answers,
            weights: options.lengthWeight.map { AnswerScores.desensitized(batch, alpha: $0) })
        var held: Tensor? = loss.usesReference ? policy.detached : nil
        if let reference { held = try AnswerScores.sums(reference, answers) }
        let policyMeans = policy * means
        if loss.averages { (policy, held) = (policyMeans, held.map { $0 * means }) }
        let (first, second) = (0..<pairs, pairs..<2 * pairs)
        let scores = PreferenceScores(
            chosen: policy.elements(first), rejected: policy.elements(second),
            referenceChosen: held?.elements(first), referenceRejected: held?.elements(second))
        var losses = loss(scores)
        precondition(losses.shape == [pairs], "PreferenceLoss: \(losses.shape), \(pairs) pairs")
        var metrics = loss.metrics(scores, losses: losses.doubles())
        if options.classifierWeight > Options.leastWeight, loss.usesReference {
            let weight = options.classifierWeight
            losses =
                (losses
                    + classifier.losses(scores, beta: loss.beta, isTraining: pass.isTraining)
                    * weight)
                * (1 / (1 + weight))
        }
        if options.supervisedWeight > Options.leastWeight {
            losses = losses - policyMeans.elements(first) * options.supervisedWeight
        }
        let logits = meanLogits(hidden, head: model.head, answers)
        for (name, metric) in sides(scores, logits: logits) { metrics[name] = metric }
        return Loss(sum: sum(losses), weight: Double(pairs), metrics: metrics)
    }

    /// The running baseline of the classifier.
    public var state: StageState {
        get { options.classifierWeight > Options.leastWeight ? classifier.state : StageState() }
        nonmutating set { classifier.state = newValue }
    }

    private func sides(_ scores: PreferenceScores, logits: [Double]) -> [String: Metric] {
        let pairs = scores.chosen.count
        var metrics = [
            "logps/chosen": Metric(meanOf: scores.chosen.doubles()),
            "logps/rejected": Metric(meanOf: scores.rejected.doubles()),
            "logits/chosen": Metric(meanOf: logits[..<pairs]),
            "logits/rejected": Metric(meanOf: logits[pairs...]),
        ]
        // The policy is no reward beside itself.
        guard reference != nil || !loss.usesReference else { return metrics }
        let chosen = scores.chosenRatios.doubles().map { $0 * loss.beta }
        let rejected = scores.rejectedRatios.doubles().map { $0 * loss.beta }
        metrics["rewards/chosen"] = Metric(meanOf: chosen)
        metrics["rewards/rejected"] = Metric(meanOf: rejected)
        metrics["rewards/margins"] = Metric(meanOf: zip(chosen, rejected).map { $0 - $1 })
        metrics["rewards/accuracies"] = Metric(
            meanOf: zip(chosen, rejected).map { $0 > $1 ? 1 : 0 })
        return metrics
    }
}
