internal import FledgeCore
public import FledgeData
public import FledgeModel
public import FledgeTensor

/// Trains a policy by its own answers: draws them, has them judged, and updates the weights by how much
/// better than expected they were.
///
/// PPO, GRPO, RLOO and distillation by a teacher are this stage with other parts. Dropout is off
/// throughout, so that before the first update of a step the policy is, to the bit, the one that gave the
/// answers.
public final class PolicyStage: Stage {
    /// Questions.
    public typealias Batch = PromptBatch
    /// Answers that are computed at once.
    public typealias Work = PolicyWork

    /// Control tokens of question and answer for those who judge it, and the answer's plain text.
    public typealias Decoding = (_ prompt: [Int32], _ answer: [Int32]) -> (
        text: String, answer: String
    )

    let model: any CausalLM
    let head: ValueHead?
    let rewards: (any RewardSource)?
    let reference: (any ReferencePolicy)?
    let messages: RunMessages?
    let decode: Decoding
    let recomputesBlocks: Bool
    private let auxiliary: AuxiliaryLoss
    var options: PolicyOptions
    /// The parameters that change: the model's in its order, then those of the head.
    public let parameters: [Parameter]

    var normalizer = ScoreNormalizer()
    private var warnings = PolicyWarnings()
    /// The step that was planned last, which knows whether the run is to stop.
    var context: StepContext?
    /// The answers of the step that is under way.
    var answers: [PolicyAnswer] = []
    /// What the first update computes again, where that is one pass; its gradients can still be made.
    private var kept: (answers: [Int], pass: PendingGradients<PolicyPass>)?

    /// Creates a stage that trains whatever is trainable in the model, and a value head.
    ///
    /// - Parameters:
    ///   - head: Expects what answers will be worth; for estimators that use values.
    ///   - rewards: What judges answers; without any the reference's probabilities are the signal alone.
    ///   - reference: What the policy is held against.
    ///   - recomputesBlocks: Whether activations are computed again in the backward pass.
    ///   - auxiliaryWeight: How much the loss counts that keeps the routers of experts balanced.
    ///   - messages: What rewards tell while they are waited for.
    ///   - decode: Gives ids as texts.
    /// - Precondition: There is a head where the estimator uses values, and a reference where the options
    ///   ask for one.
    public init(
        _ model: any CausalLM, head: ValueHead? = nil, rewards: (any RewardSource)?,
        reference: (any ReferencePolicy)? = nil, options: PolicyOptions,
        recomputesBlocks: Bool = false, auxiliaryWeight: Double = 0,
        messages: RunMessages? = nil, decode: @escaping Decoding
    ) {
        precondition(
            head != nil || !options.estimator.usesValues,
            "PolicyStage: the estimator uses values, and there is no head")
        precondition(
            reference != nil || (options.rewardControl == nil && options.penalty == nil),
            "PolicyStage: straying costs something, and there is no reference")
        precondition(
            options.answersPerQuestion > 0 && options.epochs > 0
                && options.answersPerUpdate ?? 1 > 0,
            "PolicyStage: \(options.answersPerQuestion) answers, \(options.epochs) epochs, updates of \(options.answersPerUpdate ?? 1)"
        )
        (self.model, self.head, self.rewards) = (model, head, rewards)
        (self.reference, self.options, self.decode) = (reference, options, decode)
        (self.recomputesBlocks, self.messages) = (recomputesBlocks, messages)
        auxiliary = AuxiliaryLoss(coefficient: auxiliaryWeight)
        parameters = model.trainableParameters + (head?.trainableParameters ?? [])
    }

    // MARK: - Planning

    /// Draws answers, has them judged, and lays out the updates.
    public func plan(
        _ batches: [PromptBatch], _ step: StepContext
    ) throws -> StepPlan<PolicyWork> {
        (context, kept) = (step, nil)
        let rollouts = try draw(batches, keyedBy: [step.index], step)
        var metrics = try judge(rollouts, step)
        let updates = layOut(step)
        try computePasses(updates[0], step)
        keepUncertainTokens()
        metrics.merge(estimate()) { $1 }
        metrics.merge(PolicyMetrics.ofAnswers(rollouts)) { $1 }
        let samples = rollouts.prefix(options.shownAnswers).enumerated().map { place, rollout in
            shown(rollout, answers[place], step.index)
        }
        // What has no advantage moves nothing but the value head and what is held to the reference.
        let isIdle = { [options, head] (answer: PolicyAnswer) in
            head == nil && options.penalty == nil
                && (!answer.isLearned || answer.advantages.allSatisfy { $0 == 0 })
        }
        let works = updates.flatMap { $0 }.enumerated().map { number, places in
            passes(places, isFirst: number == 0) { !isIdle($0) }
        }
        let counted = works.filter { $0.contains { $0.weight > 0 } }
        // What the first update does not compute alike is of no use.
        if let kept, counted.first?.first?.answers != kept.answers { self.kept = nil }
        return StepPlan(
            updates: counted, metrics: metrics,
            samples: samples,
            warnings: warnings.found(in: metrics, isJudged: rewards != nil))
    }

    /// Which answers each update of each epoch takes, in an order that follows from seed, step and epoch.
    private func layOut(_ step: StepContext) -> [[[Int]]] {
        let learned = answers.indices.filter { !answers[$0].isFiltered }
        let all = learned.isEmpty ? Array(answers.indices) : learned
        let size = options.answersPerUpdate ?? all.count
        return (0..<options.epochs).map { epoch in
            var order = all
            if size < all.count {
                var generator = KeyedGenerator(
                    RandomKey(seed: options.seed).appending("updates").appending(step.index)
                        .appending(epoch))
                for place in order.indices.dropFirst().reversed() {
                    order.swapAt(place, Int(generator.next() % UInt64(place + 1)))
                }
            }
            return stride(from: 0, to: order.count, by: size).map {
                Array(order[$0..<min($0 + size, order.count)])
            }
        }
    }

    private func shown(_ rollout: Rollout, _ answer: PolicyAnswer, _ step: Int) -> JSONValue {
        let texts = decode(rollout.question.promptIDs, rollout.answer)
        return [
            "step": .integer(step), "text": .string(texts.text), "answer": .string(texts.answer),
            "reward": .number(answer.given),
            "advantage": .number(answer.advantages.first ?? 0),
            "finish_reason": .string(rollout.finishReason.rawValue),
        ]
    }

    // MARK: - Judging

    /// Takes answers and their scores in.
    private func judge(_ rollouts: [Rollout], _ step: StepContext) throws -> [String: Metric] {
        let size = options.answersPerQuestion
        answers = rollouts.enumerated().map { place, rollout in
            let ignored = [Int32](
                repeating: ProcessedSample.ignored, count: rollout.question.promptIDs.count)
            return PolicyAnswer(
                sample: ProcessedSample(
                    inputIDs: rollout.question.promptIDs + rollout.answer,
                    labels: ignored + rollout.answer, source: rollout.question.source),
                index: rollout.index * size + place % size, group: rollout.group,
                count: rollout.answer.count, drawn: rollout.drawnLogProbabilities,
                isMasked: options.masksTruncated && rollout.isTruncated)
        }
        guard rewards != nil else { return [:] }
        let rewards = try rewards(of: rollouts, step)
        var scores = rewards.map(\.score)
        let metrics = PolicyMetrics.ofScores(scores, groups: answers.map(\.group))
            .merging(PolicyMetrics.ofParts(rewards)) { $1 }
        for (place, score) in scores.enumerated() { answers[place].given = score }
        if let range = options.scoreRange {
            scores = scores.map { min(max($0, range.lowerBound), range.upperBound) }
        }
        if options.normalizesScores { scores = normalizer(scores) }
        for (place, score) in scores.enumerated() { answers[place].score = score }
        if let filter = options.filter {
            for (_, places) in Dictionary(grouping: answers.indices, by: { answers[$0].group })
            where !filter.keeps(places.map { scores[$0] }) {
                for place in places { answers[place].isFiltered = true }
            }
        }
        return metrics
    }

    /// Computes what the answers are worth before the weights change.
    private func computePasses(_ updates: [[Int]], _ step: StepContext) throws {
        let asksPolicy =
            head != nil || updates.count > 1 || options.epochs > 1 || options.rewardControl != nil
            || rewards == nil || options.correction != nil || options.entropyShare < 1
        guard asksPolicy || reference != nil else { return }
        for update in updates {
            let works = passes(update, isFirst: true) { _ in true }
            for work in works {
                try step.checkCancellation()
                guard let batch = work.batch else { continue }
                if let reference {
                    let values = try reference.logProbabilities(
                        batch.tokens, temperature: options.temperature)
                    forEachAnswer(work) { place, range in
                        answers[place].reference = Array(values[range])
                    }
                }
                guard asksPolicy else { continue }
                // An update of one pass begins with the same one, so its forward half is not made twice;
                // of several passes, or updates, none could be kept without holding more at once.
                if updates.count == 1, works.count == 1 {
                    let pass = PendingGradients(of: parameters) { compute(batch) }
                    takeOver(pass.outputs, work)
                    kept = (work.answers, pass)
                } else {
                    takeOver(untracked(parameters) { compute(batch, isTracked: false) }, work)
                }
                try model.requireSound()
            }
        }
    }

    private func passes(
        _ places: [Int], isFirst: Bool, isComputed: (PolicyAnswer) -> Bool
    ) -> [PolicyWork] {
        PolicyWork.passes(
            answers, places, options, isFirst: isFirst,
            angleThreshold: model.configuration.angleThreshold, isComputed: isComputed)
    }

    /// What was computed of some answers before, if the weights are still the same.
    private func takeKept(_ work: PolicyWork) -> PendingGradients<PolicyPass>? {
        guard let kept = kept.take(), work.isFirst, kept.answers == work.answers,
            kept.pass.isCurrent
        else { return nil }
        return kept.pass
    }

    /// What the policy makes of some answers now.
    private func compute(_ batch: AnswerBatch, isTracked: Bool = true) -> PolicyPass {
        var pass = ForwardPass(model.elementType)
        pass.recomputesBlocks = isTracked && recomputesBlocks
        if isTracked { auxiliary.begin(&pass) }
        let tokens = batch.tokens
        let hidden = model.hiddenStates(tokens, pass)
        let asksEntropy = isTracked || options.entropyShare < 1
        var entropies = [Double](repeating: 0, count: asksEntropy ? tokens.supervision.count : 0)
        let policy = entropies.withUnsafeMutableBufferPointer { entropies in
            let entropies = entropies
            return tokenLogProbabilities(
                hidden, head: model.head, tokens.supervision, temperature: options.temperature,
                observe: asksEntropy ? { entropies[$0] = $1.entropy } : nil
            ).converted(to: .float64)
        }
        let values = head.map {
            $0(
                hidden, rows: tokens.supervision.rows,
                samples: tokens.supervision.samples.map { batch.indices[Int($0)] }, pass
            ).converted(to: .float64)
        }
        return PolicyPass(
            logProbabilities: policy, values: values, entropies: entropies, forward: pass)
    }

    private func takeOver(_ pass: PolicyPass, _ work: PolicyWork) {
        let (old, values) = (pass.logProbabilities.doubles(), pass.values?.doubles())
        forEachAnswer(work) { place, range in
            answers[place].old = Array(old[range])
            answers[place].values = values.map { Array($0[range]) } ?? []
            if options.entropyShare < 1 { answers[place].entropies = Array(pass.entropies[range]) }
        }
    }

    /// Leaves the tokens at which the policy was surest out of its loss.
    private func keepUncertainTokens() {
        guard options.entropyShare < 1 else { return }
        let learned = answers.indices.filter { answers[$0].isLearned }
        let kept = HighEntropyTokens(share: options.entropyShare)(
            learned.map { answers[$0].entropies })
        for (place, kept) in zip(learned, kept) { answers[place].weights = kept.map { $0 ? 1 : 0 } }
    }

    /// Gives each answer of a pass the range of its predictions.
    func forEachAnswer(_ work: PolicyWork, _ body: (_ place: Int, _ range: Range<Int>) -> Void) {
        var start = 0
        for place in work.answers {
            body(place, start..<start + answers[place].count)
            start += answers[place].count
        }
    }

    /// Rewards of tokens, and the advantages that follow.
    private func estimate() -> [String: Metric] {
        let learned = answers.indices.filter { !answers[$0].isFiltered }
        let coefficient = options.rewardControl?.coefficient ?? 0
        let rewards = learned.map { place in
            let answer = answers[place]
            var rewards = [Double](repeating: 0, count: answer.count)
            // What is not learned pays nothing for straying.
            if coefficient != 0, !answer.reference.isEmpty, !answer.isMasked {
                for t in 0..<answer.count {
                    rewards[t] = -coefficient * (answer.old[t] - answer.reference[t])
                }
            }
            if !rewards.isEmpty { rewards[rewards.count - 1] += answer.score }
            return AnswerRewards(rewards, values: answer.values, group: answer.group)
        }
        let advantages = options.estimator(rewards)
        precondition(
            advantages.count == rewards.count,
            "AdvantageEstimator: \(advantages.count) advantages of \(rewards.count) answers")
        for (place, advantage) in zip(learned, advantages) {
            precondition(
                advantage.advantages.count == answers[place].count,
                "AdvantageEstimator: \(advantage.advantages.count) advantages of \(answers[place].count) tokens"
            )
            answers[place].advantages = advantage.advantages
            answers[place].returns = advantage.returns
        }
        var metrics = PolicyMetrics.ofDivergence(answers)
        if head != nil { metrics["explained_variance"] = PolicyMetrics.explainedVariance(answers) }
        if var control = options.rewardControl {
            metrics["kl_coefficient"] = Metric(sum: control.coefficient, weight: 1)
            if let divergence = metrics["kl"] {
                control.observe(divergence: divergence.value, answers: answers.count)
                options.rewardControl = control
            }
        }
        return metrics
    }

    // MARK: - Updates

    /// Adds the gradients of the answers' loss sum.
    public func accumulate(
        _ work: PolicyWork, into gradients: inout Gradients
    ) throws -> LossReport {
        let before = takeKept(work)
        guard let batch = work.batch else {
            // What nothing is learned from counts in the mean all the same.
            return LossReport(
                weight: work.weight,
                metrics: ["policy_loss": Metric(sum: 0, weight: work.weight)])
        }
        let tokens = batch.tokens
        var report = LossReport(weight: work.weight, tokens: tokens.tokenCount)
        let pending = before ?? PendingGradients(of: parameters) { compute(batch) }
        _ = pending.add(to: &gradients) { made in
            var costs = PolicyBatchCosts(count: tokens.supervision.count, options)
            let (new, expected) = (made.logProbabilities.doubles(), made.values?.doubles())
            forEachAnswer(work) { place, range in
                costs.add(
                    answers[place], range, new: new[range], values: expected?[range],
                    entropies: made.entropies[range], isFirst: work.isFirst)
            }
            costs.finish()
            report.sum = costs.total
            report.metrics = costs.metrics
            auxiliary.add(to: &report, from: made.forward)
            warnings.observe(costs.metrics)
            if costs.strayed > 0 { warnings.noteStrayed(costs.strayed) }
            let policy = made.logProbabilities
            var surrogate = sum(policy * Tensor(costs.slopes, shape: policy.shape))
            if let values = made.values {
                surrogate = surrogate + sum(values * Tensor(costs.valueSlopes, shape: values.shape))
            }
            return surrogate
        }
        try model.requireSound()
        return report
    }
}

/// What the policy makes of the tokens of some answers: ln p, values, and entropies.
private struct PolicyPass {
    let logProbabilities: Tensor
    let values: Tensor?
    let entropies: [Double]
    /// What counted the routers of experts.
    let forward: ForwardPass
}
