internal import FledgeCore
internal import FledgeTensor

/// Runs the optimizer steps of a stage: accumulates, sums over ranks, clips, steps, logs, evaluates.
///
/// The trainer is a convenience, never a wall: ``Stage``, ``Optimizer`` and
/// ``LearningRateSchedule`` do the same in a loop of your own.
public final class Trainer<Batch: Sendable> {
    let stage: any Stage<Batch>
    private let optimizer: any Optimizer
    private let schedule: any LearningRateSchedule
    private let accumulation: Int
    private let maxGradientNorm: Double
    private let logging: Interval
    private let logsFirstStep: Bool
    private let evaluation: Interval
    private let evaluationDelay: Double
    private let evaluatesOnStart: Bool
    let evaluationMean: EvaluationMean
    let metricMean: EvaluationMean
    private let callbacks: [any Callback]
    let communicator: any Communicator
    let stop: StopFlag

    /// Creates a trainer.
    ///
    /// - Parameters:
    ///   - accumulation: Micro-batches of one optimizer step, over all ranks.
    ///   - maxGradientNorm: Gradients with a larger norm are scaled down to it; 0 for no clipping.
    ///   - logging: When loss, norm and rate go into the history.
    ///   - logsFirstStep: Whether the first step is logged whatever the interval.
    ///   - evaluation: When the evaluation set is evaluated.
    ///   - evaluationDelay: Steps (epochs, when evaluation is per epoch) before the first evaluation.
    ///   - evaluatesOnStart: Whether the evaluation set is evaluated before the first step.
    ///   - evaluationMean: How the losses of evaluation batches become one number.
    ///   - metricMean: How their metrics do.
    ///   - stop: Lets another thread end the run.
    public init(
        _ stage: some Stage<Batch>, optimizer: any Optimizer = AdamW(),
        schedule: some LearningRateSchedule,
        accumulation: Int = 1, maxGradientNorm: Double = 1, logging: Interval = .every(10),
        logsFirstStep: Bool = false, evaluation: Interval = .never, evaluationDelay: Double = 0,
        evaluatesOnStart: Bool = false, evaluationMean: EvaluationMean = .weighted,
        metricMean: EvaluationMean = .weighted,
        callbacks: [any Callback] = [], communicator: any Communicator = SingleProcess(),
        stop: StopFlag = StopFlag()
    ) {
        (self.stage, self.optimizer, self.schedule) = (stage, optimizer, schedule)
        (self.accumulation, self.maxGradientNorm) = (accumulation, maxGradientNorm)
        (self.logging, self.logsFirstStep) = (logging, logsFirstStep)
        (self.evaluation, self.evaluationDelay) = (evaluation, evaluationDelay)
        (self.evaluatesOnStart, self.evaluationMean) = (evaluatesOnStart, evaluationMean)
        self.metricMean = metricMean
        (self.callbacks, self.communicator, self.stop) = (callbacks, communicator, stop)
    }

    /// An evaluation set and what the names of its values begin with, such as `eval_short`.
    public typealias EvaluationSet = (prefix: String, source: any BatchSource<Batch>)

    /// Trains for a number of optimizer steps.
    ///
    /// - Parameters:
    ///   - source: The micro-batches of every epoch.
    ///   - evaluating: The micro-batches of the evaluation set.
    ///   - checkpoint: Where to go on; the stage's parameters are restored by the caller.
    /// - Throws: As the method for several evaluation sets.
    @available(*, noasync)
    @discardableResult
    public func fit<Source: BatchSource>(
        _ source: Source, evaluating: (any BatchSource<Batch>)? = nil, steps: Int,
        resuming checkpoint: TrainingCheckpoint? = nil
    ) throws -> TrainingRun where Source.Batch == Batch {
        let sets = evaluating.map { [EvaluationSet("eval", $0)] } ?? []
        return try fit(source, evaluatingEach: sets, steps: steps, resuming: checkpoint)
    }

    /// Trains for a number of optimizer steps, evaluating several sets by themselves.
    ///
    /// - Parameters:
    ///   - source: The micro-batches of every epoch.
    ///   - evaluating: The evaluation sets; `eval_loss` is that of all of them together.
    ///   - checkpoint: Where to go on; the stage's parameters are restored by the caller.
    /// - Throws: ``FledgeError`` with `training.notFinite` when a loss or gradient is not finite, with
    ///   `data` when a step has nothing supervised, with `interrupted` when it was asked to stop;
    ///   what the source and the callbacks throw.
    @available(*, noasync)
    @discardableResult
    public func fit<Source: BatchSource>(
        _ source: Source, evaluatingEach evaluating: [EvaluationSet], steps: Int,
        resuming checkpoint: TrainingCheckpoint? = nil
    ) throws -> TrainingRun where Source.Batch == Batch {
        let plan = TrainingPlan(
            batchesPerEpoch: source.batchesPerEpoch, accumulation: accumulation, steps: steps)
        let run = TrainingRun(
            plan, stage.parameters, optimizer, schedule, rank: communicator.rank)
        if let state = try checkpoint?.restore(run) { stage.state = state }
        run.stageState = stage.state
        try callbacks.forEach { try $0.trainingWillBegin(run) }
        run.restartClock()
        let batches = BatchPrefetcher(
            source, plan, steps: run.step..<max(run.step, plan.totalSteps),
            rank: communicator.rank, ranks: communicator.count)
        defer { batches.cancel() }
        do {
            try evaluateWhatIsPending(evaluating, run)
            while run.step < plan.totalSteps, !run.isEnding {
                try follow(try step(run, batches), run, evaluating)
            }
        } catch let error as FledgeError where error.code == .interrupted {
            try callbacks.forEach { try $0.trainingWasInterrupted(run) }
            throw error
        } catch let error as FledgeError {
            callbacks.forEach { $0.trainingDidFail(error, run) }
            throw error
        }
        let summary = summary(of: run, samples: source.sampleCount)
        run.history.append(summary)
        try callbacks.forEach { try $0.trainingDidEnd(summary, run) }
        return run
    }

    // MARK: - One step

    private func step(
        _ run: TrainingRun, _ batches: BatchPrefetcher<Batch>
    ) throws -> StepReport {
        try step(of: stage, run, try batches.next())
    }

    private func step<Driven: Stage<Batch>>(
        of stage: Driven, _ run: TrainingRun, _ batches: [Batch]
    ) throws -> StepReport {
        let watch = Stopwatch()
        let index = run.step + 1
        defer {
            // What is evaluated and saved, also by callbacks and after an interruption, are averages.
            run.optimizer.showAverages()
            // A step that is dropped leaves nothing behind in the stage.
            if run.step < index { stage.state = run.stageState }
        }
        run.optimizer.showTrained()
        OperationProfile.lap("batch")
        let context = StepContext(index: index) { [stop] in stop.isSet }
        let plan = try stage.plan(batches, context)
        let rate = run.schedule.rate(at: run.step)
        var report = StepReport(
            step: index, loss: 0, gradientNorm: 0, learningRate: rate, tokens: 0, seconds: 0,
            metrics: plan.metrics, samples: plan.samples, warnings: plan.warnings)
        for (number, work) in plan.updates.enumerated() {
            let (part, norm) = try update(
                of: stage, with: work, rate, run, isFirst: number == 0)
            report.loss += part.mean / Double(plan.updates.count)
            report.gradientNorm += norm / Double(plan.updates.count)
            report.tokens += part.tokens
            for (name, metric) in part.metrics {
                report.metrics[name, default: Metric(sum: 0, weight: 0)] += metric
            }
        }
        run.step = index
        run.wholeUpdates = run.updates
        run.stageState = stage.state
        run.tokens += report.tokens
        run.processTokens += report.tokens
        run.lossSum += report.loss
        report.seconds = watch.seconds
        return report
    }

    /// One update of the weights.
    ///
    /// - Parameter isFirst: Whether the step has changed nothing yet, so that it can be dropped.
    private func update<Driven: Stage<Batch>>(
        of stage: Driven, with works: [Driven.Work], _ rate: Double, _ run: TrainingRun,
        isFirst: Bool
    ) throws -> (report: LossReport, norm: Double) {
        var gradients = Gradients()
        var report = LossReport()
        for work in works {
            guard !isFirst || !stop.isSet else { throw interruption() }
            report += try stage.accumulate(work, into: &gradients)
            OperationProfile.lap("accumulation")
        }
        try sumOverRanks(&report, &gradients)
        let index = run.step + 1
        guard report.weight > 0 else {
            throw FledgeError(
                .data, "No token of optimizer step \(index) is supervised.",
                advice:
                    "Look at the labels with `fledge preprocess`; a short cutoff_len can cut every answer off."
            )
        }
        let update = run.updates + 1
        let active = run.optimizer.active(stage.parameters, at: update)
        let norm = gradients.squaredNorm(of: active).squareRoot() / report.weight
        guard report.mean.isFinite, norm.isFinite else {
            throw failure(
                "Step \(index): the loss is \(report.mean) and the gradient norm is \(norm).", run)
        }
        // Of work that has nothing to learn the weights and the optimizer hear nothing.
        guard active.contains(where: { gradients[$0] != nil }) else { return (report, norm) }
        // The mean over the step and the clipping are one factor, which the optimizer applies in
        // the pass that reads the gradients anyway.
        var factor = 1 / report.weight
        if maxGradientNorm > 0 { factor *= min(1, maxGradientNorm / (norm + 1e-6)) }
        OperationProfile.lap("gradient norm")
        try run.optimizer.step(gradients, scale: factor, rate: rate, step: update)
        OperationProfile.lap("optimizer")
        run.updates = update
        return (report, norm)
    }

    private func sumOverRanks(_ report: inout LossReport, _ gradients: inout Gradients) throws {
        guard communicator.count > 1 else { return }
        let names = report.metrics.keys.sorted()
        var sums = [report.sum, report.weight, Double(report.tokens)]
        let metrics = names.compactMap { report.metrics[$0] }
        sums += metrics.flatMap { [$0.sum, $0.weight] }
        try communicator.sum(&sums)
        (report.sum, report.weight, report.tokens) = (sums[0], sums[1], Int(sums[2]))
        for (index, name) in names.enumerated() {
            report.metrics[name] = Metric(sum: sums[3 + 2 * index], weight: sums[4 + 2 * index])
        }
        for parameter in stage.parameters {
            var gradient = gradients[parameter] ?? Tensor(zeros: parameter.value.shape)
            gradients[parameter] = nil
            try gradient.withMutableFloats { try communicator.sum($0) }
            gradients[parameter] = gradient
        }
    }

    // MARK: - After a step

    private func follow(
        _ report: StepReport, _ run: TrainingRun, _ evaluating: [EvaluationSet]
    ) throws {
        run.sinceLog.loss += report.loss
        run.sinceLog.steps += 1
        for (name, metric) in report.metrics {
            run.sinceLog.metrics[name, default: Metric(sum: 0, weight: 0)] += metric
        }
        if logging.isDue(after: run.step, run.plan) || (logsFirstStep && run.step == 1) {
            try log(report, run)
        }
        if !evaluating.isEmpty, isEvaluationDue(run) { try logEvaluation(evaluating, run) }
        try callbacks.forEach { try $0.didFinishStep(report, run) }
    }

    /// The evaluation before the first step, or the one that was under way when the run was
    /// interrupted: its checkpoint holds the step but not its evaluation.
    private func evaluateWhatIsPending(
        _ evaluating: [EvaluationSet], _ run: TrainingRun
    ) throws {
        guard !evaluating.isEmpty, evaluation != .never else { return }
        let isPending = run.step == 0 ? evaluatesOnStart : isEvaluationDue(run)
        let isDone = run.history.contains { entry in
            entry.step == run.step
                && evaluating.allSatisfy { entry[$0.prefix + "_runtime"] != nil }
        }
        if isPending, !isDone { try logEvaluation(evaluating, run) }
    }

    private func isEvaluationDue(_ run: TrainingRun) -> Bool {
        guard evaluation != .never else { return false }
        return (evaluation.isDue(after: run.step, run.plan) && isPastDelay(run))
            || run.step == run.plan.totalSteps
    }

    private func isPastDelay(_ run: TrainingRun) -> Bool {
        evaluation == .everyEpoch
            ? run.epoch >= evaluationDelay : Double(run.step) >= evaluationDelay
    }

    private func log(_ report: StepReport, _ run: TrainingRun) throws {
        let steps = Double(run.sinceLog.steps)
        var values = completed(run.sinceLog.metrics)
        values["loss"] = run.sinceLog.loss / steps
        values["grad_norm"] = report.gradientNorm
        values["learning_rate"] = report.learningRate
        let entry = LogEntry(step: run.step, epoch: run.epoch, values: values)
        run.sinceLog = (0, 0, [:])
        run.history.append(entry)
        try callbacks.forEach { try $0.didLog(entry, run) }
    }

    /// Metrics whose sums are complete, with what follows from them.
    func completed(_ metrics: [String: Metric]) -> [String: Double] {
        metrics.merging(stage.derivedMetrics(metrics)) { $1 }.mapValues(\.value)
    }

    private func logEvaluation(_ sets: [EvaluationSet], _ run: TrainingRun) throws {
        let values = try evaluationValues(sets)
        if let loss = values["eval_loss"]
            ?? values.first(where: { $0.key.hasSuffix("_loss") })?.value,
            !loss.isFinite
        {
            throw failure("The evaluation loss after step \(run.step) is \(loss).", run)
        }
        run.hear(values)
        let entry = LogEntry(step: run.step, epoch: run.epoch, values: values)
        run.history.append(entry)
        try callbacks.forEach { try $0.didEvaluate(entry, run) }
    }

    /// What is logged at the end, over resumes: a process that finds nothing left to do tells of those
    /// that did it.
    ///
    /// - Parameter samples: Samples of an epoch.
    private func summary(of run: TrainingRun, samples: Int) -> LogEntry {
        let isKnown = run.totalElapsed != nil
        let seconds = run.totalElapsed ?? run.elapsed
        let steps = Double(run.step - (isKnown ? 0 : run.firstStep))
        let epochs = run.epoch - (isKnown ? 0 : run.plan.epochs(after: run.firstStep))
        func rate(_ count: Double) -> Double {
            seconds > 0 ? TrainerLog.rounded(count / seconds, 3) : 0
        }
        return LogEntry(
            step: run.step, epoch: run.epoch,
            values: [
                "total_flos": 0, "train_runtime": TrainerLog.rounded(seconds, 4),
                "train_samples_per_second": rate(Double(samples) * epochs),
                "train_steps_per_second": rate(steps),
                "train_tokens_per_second": TrainerLog.rounded(run.meanTokensPerSecond, 3),
                "train_loss": run.step > 0 ? run.lossSum / Double(run.step) : 0,
            ])
    }

    func interruption() -> FledgeError {
        FledgeError(.interrupted, "The run was interrupted.")
    }
}
