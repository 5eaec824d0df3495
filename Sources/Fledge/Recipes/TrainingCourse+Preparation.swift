internal import FledgeCore
internal import FledgeTrain

/// What a run computes before its first step.
extension TrainingCourse {
    /// Computes what the method wants to have for the steps after `step`.
    ///
    /// - Throws: ``FledgeError`` with `interrupted` when the run was asked to stop; what the method
    ///   throws.
    func prepare(after step: Int) throws {
        guard let preparation = run.parts.preparation else { return }
        try preparation(
            ComingBatches(
                [coming(after: step)] + comingEvaluations,
                digest: digests.ofRows, cache: recipe.cache, stop: recipe.stop,
                announce: recipe.announce))
    }

    /// The batches of the steps that are left. Those of more than an epoch see all rows that are loaded,
    /// also those that one epoch leaves out; what is made of streamed rows can differ from epoch to epoch.
    private func coming(after step: Int) -> ComingBatches<Method.Batch>.Part {
        let plan = run.plan
        guard plan.totalSteps - step > plan.stepsPerEpoch, !run.data.isStreamed else {
            return .init(
                source: run.batches, plan: plan, steps: step..<max(step, plan.totalSteps))
        }
        var rule = run.method.trainingBatches(
            configuration,
            sharesPrefixes: recipe.sharesPrefixes && run.side.sharesPrefixes(configuration)
                && !run.parts.draws, auxiliaryWeight: run.side.auxiliaryWeight)
        rule.dropsLast = false
        let all = rule.epochs(run.data.train)
        let epoch = TrainingPlan(
            batchesPerEpoch: all.batchesPerEpoch, accumulation: plan.accumulation, epochs: 1)
        return .init(source: all, plan: epoch, steps: 0..<epoch.totalSteps)
    }

    private var comingEvaluations: [ComingBatches<Method.Batch>.Part] {
        guard options.evaluates, run.predictor?.isEvaluation != true else { return [] }
        return run.evaluations.map { set in
            let all = TrainingPlan(
                batchesPerEpoch: set.source.batchesPerEpoch, accumulation: 1, epochs: 1)
            return .init(source: set.source, plan: all, steps: 0..<all.totalSteps)
        }
    }
}

extension RunDigests {
    /// What the rows of the run are made of: template and data.
    fileprivate var ofRows: String {
        let names = values.keys.filter { $0 == "template" || Self.isOfData($0) }
        return ContentDigest.of(texts: names.sorted().map { "\($0) \(values[$0] ?? "")" })
    }

    private static func isOfData(_ name: String) -> Bool {
        name == tokenized || name.hasPrefix(dataset + " ")
    }
}
