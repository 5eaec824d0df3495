internal import FledgeCore
internal import FledgeModel
internal import FledgeTensor
internal import FledgeTrain

/// A run that was prepared, from its lock on the output folder to its results.
struct TrainingCourse<Method: TrainingMethod> {
    let recipe: TrainingRecipe
    let run: PreparedRun<Method>
    let digests: RunDigests
    /// What trains: one stage from the first step to the last evaluation, whatever it remembers.
    let trained: any Stage<Method.Batch>

    init(recipe: TrainingRecipe, run: PreparedRun<Method>, digests: RunDigests) {
        (self.recipe, self.run, self.digests) = (recipe, run, digests)
        trained = run.parts.stage(run.memory.recomputesBlocks)
    }

    var configuration: RunConfiguration { run.configuration }
    var options: TrainingArguments { run.configuration.training }
    func announce(_ line: String) { recipe.announce(line) }

    /// Trains from the beginning or a checkpoint, and writes what came of it.
    func train(
        _ beginning: OutputFolder.Beginning, _ opened: TrainingCheckpoint?
    ) throws {
        let (folder, plan) = (options.outputFolder, run.plan)
        for fault in run.courseFaults {
            guard plan.totalSteps > 0 else {
                throw FledgeError(.configuration, fault.message, advice: fault.advice)
            }
            announce("Warning: " + fault.summary)
        }
        let lock = try lockFolder(beginning)
        defer { withExtendedLifetime(lock) {} }
        if let opened, try isDone(opened) { return }
        let checkpoint = try opened.map { try resume($0) }
        if let checkpoint { announceStretch(checkpoint) }
        let keeper = try RunKeeper(
            folder, options: effectiveOptions, digests: digests,
            totalSteps: plan.totalSteps, time: run.text.time, resuming: checkpoint)
        announce(
            "Training \(run.batches.sampleCount) rows for \(plan.totalSteps) steps of "
                + "\(options.trainBatchSize * run.method.batchesPerStep(configuration)) rows, into \(folder)."
        )
        do { try prepare(after: checkpoint?.step ?? 0) } catch let error as FledgeError {
            keeper.end(after: error, step: checkpoint?.step ?? 0)
            throw error
        }
        BufferPool.resetPeak()
        let saver = saver(keeper, superseding: checkpointsToForget(beginning))
        var logs: [any Callback] = [
            RunLog(folder: folder), RolloutLog(folder: folder), WarningRelay(recipe.announce),
        ]
        if let board = options.tensorBoardFolder { logs.append(TensorBoardWriter(folder: board)) }
        let done = try trainer(logs + [keeper, saver]).fit(
            run.batches, evaluatingEach: run.evaluations, steps: plan.totalSteps,
            resuming: checkpoint)
        recipe.announceDrops(run.batches.drops)
        do {
            if options.loadsBestModelAtEnd { try takeBest(saver.state) }
            try writeResults(done, saver.state, keeper)
            saver.removeSuperseded()
            try evaluate(after: done.epoch)
            try predict(after: done.epoch)
        } catch let error as FledgeError {
            keeper.end(after: error, step: done.step)
            throw error
        }
        try keeper.finish(step: done.step)
    }

    /// Keeps the output folder for this run.
    ///
    /// - Throws: ``FledgeError`` when another run has it, or has written there since this one began.
    private func lockFolder(_ beginning: OutputFolder.Beginning) throws -> FolderLock {
        let folder = options.outputFolder
        try Folder.create(folder)
        let lock = try FolderLock(folder: folder)
        guard try OutputFolder.beginning(of: configuration) == beginning else {
            throw FledgeError(
                .fileAccess, "Another run has written into the folder in the meantime.",
                advice: "The same command goes on from there.", at: .init(file: folder))
        }
        return lock
    }

    /// Whether nothing is left to do after a checkpoint, which the user is told then. What lies in the
    /// folder stays: it tells of the run that made the weights.
    ///
    /// - Throws: ``FledgeError`` when the checkpoint has weights alone and steps are left.
    private func isDone(_ checkpoint: TrainingCheckpoint) throws -> Bool {
        guard let note = OutputFolder.completion(checkpoint, run.plan, configuration) else {
            // Steps are left, or the run was stopped while it wrote its results.
            try checkpoint.requireStates()
            return false
        }
        announce(note)
        return true
    }

    /// The keys that change what a run does.
    private var effectiveOptions: JSONValue {
        let effective = Set(configuration.options.filter(\.isEffective).map(\.name)).union([
            RunConfiguration.changedKey
        ])
        return .object((configuration.json.members ?? []).filter { effective.contains($0.key) })
    }

    func trainer(
        _ more: [any Callback], _ given: (any Stage<Method.Batch>)? = nil
    ) -> Trainer<Method.Batch> {
        let stage: any Stage<Method.Batch> = given ?? evaluated
        return trainer(of: stage, more)
    }

    private func trainer(
        of stage: some Stage<Method.Batch>, _ more: [any Callback]
    ) -> Trainer<Method.Batch> {
        var all = recipe.callbacks + more
        if let patience = configuration.finetuning.earlyStoppingEvaluations {
            all.insert(
                EarlyStopping(
                    patience: patience, metric: bestMetric.name,
                    greaterIsBetter: bestMetric.greaterIsBetter), at: 0)
        }
        let isJudged =
            options.loadsBestModelAtEnd || options.saveStrategy == .best
            || configuration.finetuning.earlyStoppingEvaluations != nil
            || configuration.values.isSet("metric_for_best_model")
            || options.schedule.followsEvaluations
        if isJudged, options.evaluationStrategy != .never {
            all.insert(JudgedMetric(bestMetric.name), at: 0)
        }
        let isReference = configuration.finetuning.referenceQuirks.contains(.evaluationBatchMean)
        return Trainer(
            stage,
            optimizer: configuration.optimizer(for: run.side.model.configuration),
            schedule: options.learningRates(totalSteps: run.plan.totalSteps),
            accumulation: run.method.batchesPerStep(configuration),
            maxGradientNorm: options.maxGradientNorm,
            logging: Interval(options.loggingStrategy, options.loggingInterval, run.plan),
            logsFirstStep: options.logsFirstStep,
            evaluation: Interval(
                options.evaluationStrategy, options.evaluationInterval, run.plan),
            evaluationDelay: options.evaluationDelay, evaluatesOnStart: options.evaluatesOnStart,
            evaluationMean: isReference ? run.method.referenceEvaluationMean : .weighted,
            metricMean: isReference ? run.method.referenceMetricMean : .weighted,
            callbacks: all, stop: recipe.stop)
    }

    var bestMetric: CheckpointSaver.BestMetric {
        let name = configuration.training.bestModelMetric
        return .init(
            name.hasPrefix("eval_") ? name : "eval_" + name,
            greaterIsBetter: configuration.training.greaterIsBetter)
    }
}
