internal import FledgeCore
public import FledgeData
internal import FledgeModel

extension PolicyStage {
    /// What answers to held-out questions earn, drawn alike each time.
    public func evaluate(_ batch: PromptBatch) throws -> LossReport {
        let step = StepContext(index: 0) { [context] in context?.isCancelled ?? false }
        let rollouts = try draw(
            [batch], keyedBy: [0], step, answersPerQuestion: options.evaluatedAnswersPerQuestion)
        var metrics = PolicyMetrics.ofAnswers(rollouts)
        if rewards != nil {
            let rewards = try rewards(of: rollouts, step)
            metrics["reward"] = Metric(meanOf: rewards.map(\.score))
            metrics.merge(PolicyMetrics.ofParts(rewards)) { $1 }
        }
        return LossReport(
            tokens: rollouts.reduce(0) { $0 + $1.question.promptIDs.count + $1.answer.count },
            metrics: metrics)
    }

    /// The cost of straying, and what is known of scores.
    public var state: StageState {
        get {
            var values: [JSONValue.Member] = []
            if let control = options.rewardControl, control.isAdaptive {
                values.append(.init("kl_coefficient", .number(control.coefficient)))
            }
            if options.normalizesScores { values.append(.init("scores", normalizer.json)) }
            return StageState(values: .object(values))
        }
        set {
            if options.rewardControl?.isAdaptive == true,
                let coefficient = newValue.values["kl_coefficient"]?.doubleValue
            {
                options.rewardControl?.coefficient = coefficient
            }
            if let scores = newValue.values["scores"] { normalizer = ScoreNormalizer(json: scores) }
        }
    }
}
