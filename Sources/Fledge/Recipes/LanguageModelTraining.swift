internal import FledgeCore
public import FledgeTrain
internal import Foundation

/// A whole run of pre-training or supervised fine-tuning from a configuration, as `fledge train`
/// does it.
///
/// Everything here is built from public parts; copy what you need into a script of your own.
public struct LanguageModelTraining {
    let configuration: RunConfiguration
    let announce: (String) -> Void
    private let callbacks: [any Callback]
    private let stop: StopFlag
    private let sharesPrefixes: Bool
    private let progress: RowProgress?

    /// Creates a run.
    ///
    /// - Parameters:
    ///   - callbacks: What looks on, beside the logs and checkpoints that the configuration asks for.
    ///   - stop: Lets a signal handler end the run after the micro-batch that is under way.
    ///   - sharesPrefixes: Whether what samples of an optimizer step begin with is computed once,
    ///     where no dropout is on. It changes sums by their order only.
    ///   - announce: Receives a line for everything that the run is about to do.
    ///   - progress: Hears of rows that are tokenised.
    public init(
        _ configuration: RunConfiguration, callbacks: [any Callback] = [],
        stop: StopFlag = StopFlag(), sharesPrefixes: Bool = true,
        announce: @escaping (String) -> Void = { _ in }, progress: RowProgress? = nil
    ) {
        (self.configuration, self.callbacks) = (configuration, callbacks)
        (self.stop, self.sharesPrefixes, self.announce) = (stop, sharesPrefixes, announce)
        self.progress = progress
    }

    /// Trains, evaluates and writes everything into `output_dir`.
    ///
    /// - Throws: ``FledgeError`` for whatever is missing, damaged or does not fit; with `interrupted`
    ///   after a checkpoint was saved.
    public func run() throws {
        let options = configuration.training
        guard [.pretraining, .supervised].contains(configuration.finetuning.stage) else {
            throw FledgeError(
                .unsupported,
                "stage: \(configuration.finetuning.stage.rawValue) cannot be trained yet.",
                advice: "fledge preprocess writes its rows; pt and sft can be trained.")
        }
        guard options.trains || options.evaluates else {
            throw FledgeError(
                .configuration, "There is nothing to do: neither do_train nor do_eval is true.")
        }
        for note in configuration.notes { announce(note) }
        // Before anything is loaded.
        try FolderLock.requireFree(options.outputFolder)
        OutputFolder.recover(options.outputFolder)
        let beginning = try options.trains ? OutputFolder.beginning(of: configuration) : .fresh
        if options.trains {
            OutputFolder.notes(beginning, in: options.outputFolder).forEach(announce)
        }
        var time: Double?
        if case .resumed(let path) = beginning { time = RunRecord(folder: path)?.time }
        let text = try TextSide(configuration, time: time)
        for note in text.notes { announce(note) }
        let data = try StageData<PackedRow>(
            configuration, text, threads: Kernels.threads, progress: progress)
        for line in data.summary { announce(line) }
        announceQuirks()
        let faults = data.faults.map(RunFault.init)
        if options.trains { try configuration.requireSound(faults) }
        for fault in faults + RunChecks(configuration: configuration).faults(of: text) {
            announce("Warning: " + fault.summary)
        }
        try requireEvaluable(data)
        let digests = try RunDigests(configuration, text)
        let checkpoint = try OutputFolder.open(
            beginning, for: configuration, digests: digests, announce: announce)
        let side = try ModelSide(training: configuration)
        for note in side.checkpoint.notes { announce(note) }
        let longest = data.train.map(\.length).max() ?? 0
        let evaluated = data.evaluations.flatMap { $0.rows.map(\.length) }.max() ?? 0
        for fault in RunChecks(configuration: configuration).faults(
            of: text, side.model.configuration, longestRow: longest, longestEvaluation: evaluated)
        {
            announce("Warning: " + fault.summary)
        }
        try text.requireFits(side.model)
        let cutoff = configuration.data.cutoffLength
        if let error = data.excess(over: side.model.configuration, cutoffLength: cutoff) {
            throw error
        }
        announce(side.parameterSummary)
        if let line = side.quantizationSummary { announce(line) }
        if configuration.model.printsParameterStatus {
            for line in side.parameterStatus { announce(line) }
        }
        announce(precision(of: side))
        let memory = MemoryPlan(
            configuration, side.model, rows: data.train,
            evaluations: data.evaluations.map(\.rows), isStreamed: data.stream != nil,
            sharesPrefixes: sharesPrefixes && (side.adapters?.configuration.dropout ?? 0) == 0)
        if options.trains { announce(memory.summary) }
        let run = Run(text: text, data: data, side: side, memory: memory, digests: digests)
        guard options.trains else {
            try Folder.create(options.outputFolder)
            let lock = try FolderLock(folder: options.outputFolder)
            return try withExtendedLifetime(lock) { try evaluate(run, after: nil) }
        }
        try train(run, beginning, checkpoint)
    }

    /// The parts of a run that has been loaded.
    private struct Run {
        let text: TextSide
        let data: StageData<PackedRow>
        let side: ModelSide
        let memory: MemoryPlan
        let digests: RunDigests
    }

    // MARK: - Training

    private func train(
        _ run: Run, _ beginning: OutputFolder.Beginning, _ opened: TrainingCheckpoint?
    ) throws {
        let options = configuration.training
        let folder = options.outputFolder
        let sharesPrefixes =
            sharesPrefixes && (run.side.adapters?.configuration.dropout ?? 0) == 0
        let rule = configuration.trainingBatches(sharesPrefixes: sharesPrefixes)
        let streamed = run.data.stream.map { rule.epochs($0) }
        let batches: any BatchSource<TokenBatch> =
            streamed ?? rule.epochs(run.data.train, seed: configuration.orderSeed)
        let plan = configuration.trainingPlan(batches.batchesPerEpoch)
        for fault in RunChecks(configuration: configuration).faults(of: plan) {
            guard plan.totalSteps > 0 else {
                throw FledgeError(.configuration, fault.message, advice: fault.advice)
            }
            announce("Warning: " + fault.summary)
        }
        let lock = try lockFolder(beginning)
        defer { withExtendedLifetime(lock) {} }
        if let opened, try isDone(opened, plan) { return }
        let checkpoint = try opened.map { try resume($0, run) }
        if let checkpoint { announceStretch(checkpoint, plan) }
        let keeper = try RunKeeper(
            folder, options: effectiveOptions, digests: run.digests,
            totalSteps: plan.totalSteps, time: run.text.time, resuming: checkpoint)
        announce(
            "Training \(batches.sampleCount) rows for \(plan.totalSteps) steps of "
                + "\(options.trainBatchSize * options.gradientAccumulationSteps) rows, into \(folder)."
        )
        BufferPool.resetPeak()
        let saver = saver(run, plan, keeper, superseding: checkpointsToForget(beginning))
        var logs: [any Callback] = [RunLog(folder: folder)]
        if let board = options.tensorBoardFolder { logs.append(TensorBoardWriter(folder: board)) }
        let trainer = trainer(run, plan, logs + [keeper, saver])
        let done = try trainer.fit(
            batches, evaluatingEach: evaluationSets(run), steps: plan.totalSteps,
            resuming: checkpoint)
        announceDrops(streamed?.drops ?? [:])
        if options.loadsBestModelAtEnd, let best = saver.state.bestModelCheckpoint {
            announce("The best checkpoint is \(best); its weights are taken.")
            try run.side.artifact.restore(from: best)
        }
        do {
            try writeResults(run, done, saver.state, keeper)
            saver.removeSuperseded()
            if options.evaluates { try evaluate(run, after: done.epoch) }
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
        let folder = configuration.training.outputFolder
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
    private func isDone(_ checkpoint: TrainingCheckpoint, _ plan: TrainingPlan) throws -> Bool {
        guard let note = OutputFolder.completion(checkpoint, plan, configuration) else {
            // Steps are left, or the run was stopped while it wrote its results.
            try checkpoint.requireStates()
            return false
        }
        announce(note)
        return true
    }

    /// The keys that change what a run does.
    private var effectiveOptions: JSONValue {
        let members = configuration.json.members ?? []
        return .object(members.filter { RunOption.named($0.key)?.isEffective == true })
    }

    private func trainer(
        _ run: Run, _ plan: TrainingPlan, _ more: [any Callback]
    ) -> Trainer<ObjectiveStage<DecoderLM, TokenCrossEntropy>> {
        let options = configuration.training
        var all = callbacks + more
        if let patience = configuration.finetuning.earlyStoppingEvaluations {
            all.insert(
                EarlyStopping(
                    patience: patience, metric: bestMetric.name,
                    greaterIsBetter: bestMetric.greaterIsBetter), at: 0)
        }
        return Trainer(
            ObjectiveStage(
                run.side.model, TokenCrossEntropy(), seed: options.seed,
                recomputesBlocks: run.memory.recomputesBlocks),
            optimizer: AdamW(
                beta1: options.adamBeta1, beta2: options.adamBeta2, epsilon: options.adamEpsilon,
                weightDecay: options.weightDecay),
            schedule: LearningRateSchedule(options, totalSteps: plan.totalSteps),
            accumulation: options.gradientAccumulationSteps,
            maxGradientNorm: options.maxGradientNorm,
            logging: Interval(options.loggingStrategy, options.loggingInterval, plan),
            logsFirstStep: options.logsFirstStep,
            evaluation: Interval(options.evaluationStrategy, options.evaluationInterval, plan),
            evaluationDelay: options.evaluationDelay, evaluatesOnStart: options.evaluatesOnStart,
            evaluationMean: evaluationMean,
            callbacks: all, stop: stop)
    }

    private var evaluationMean: Trainer<ObjectiveStage<DecoderLM, TokenCrossEntropy>>.EvaluationMean
    {
        guard configuration.finetuning.referenceQuirks.contains(.evaluationBatchMean) else {
            return .weighted
        }
        return configuration.finetuning.stage == .supervised ? .ofBatches : .ofBatchesBySamples
    }

    private var bestMetric: CheckpointSaver.BestMetric {
        let name = configuration.training.bestModelMetric
        return .init(
            name.hasPrefix("eval_") ? name : "eval_" + name,
            greaterIsBetter: configuration.training.greaterIsBetter)
    }

    private func saver(
        _ run: Run, _ plan: TrainingPlan, _ keeper: RunKeeper, superseding earlier: [String]
    ) -> CheckpointSaver {
        let options = configuration.training
        var state = TrainerState()
        state.trainBatchSize = options.trainBatchSize
        state.loggingSteps = options.loggingInterval.count(of: plan.totalSteps)
        state.saveSteps = options.saveInterval.count(of: plan.totalSteps)
        state.evaluationSteps = options.evaluationInterval.count(of: plan.totalSteps)
        let text = run.text
        let arguments = configuration.json
        return CheckpointSaver(
            options.outputFolder, Interval(options.saveStrategy, options.saveInterval, plan),
            saving: run.side.artifact, keeping: options.saveTotalLimit,
            superseding: earlier, savesOnlyModel: options.savesOnlyModel, best: bestMetric,
            options: arguments, state: state, isOwn: { keeper.record.owns($0) }
        ) { folder, step in
            try text.tokenizer.save(to: folder)
            try Self.writeArguments(arguments, to: folder)
            try keeper.write(toCheckpoint: folder, step: step)
        }
    }

    /// Checkpoints of an earlier run, which a run that is started anew removes where it may overwrite.
    private func checkpointsToForget(_ beginning: OutputFolder.Beginning) -> [String] {
        let all = TrainingCheckpoint.all(in: configuration.training.outputFolder)
        guard beginning == .fresh, !all.isEmpty else { return [] }
        guard configuration.training.overwritesOutputFolder else {
            announce(
                "This run begins anew; \(all.count) checkpoints of an earlier run stay in the folder, but for those whose steps it saves itself."
            )
            return []
        }
        announce(
            "\(all.count) checkpoints of an earlier run will be removed, as overwrite_output_dir asks."
        )
        return all
    }

    private func resume(_ opened: TrainingCheckpoint, _ run: Run) throws -> TrainingCheckpoint {
        let checkpoint = try OutputFolder.restore(
            opened, for: configuration, into: run.side.artifact,
            { run.side.model.trainableParameters }, announce: announce)
        announce("Resuming from \(checkpoint.folder), after step \(checkpoint.step).")
        if let kernels = checkpoint.kernelPath, kernels != Kernels.signature {
            announce(
                "The checkpoint was written with \(kernels) kernels, this machine uses \(Kernels.signature): numbers will differ in their last bits."
            )
        }
        return checkpoint
    }

    /// Says where the learning rate goes on when a run has become longer or shorter: its schedule is
    /// that of a run of the new length from the beginning.
    private func announceStretch(_ checkpoint: TrainingCheckpoint, _ plan: TrainingPlan) {
        let (before, now) = (checkpoint.state.maxSteps, plan.totalSteps)
        guard before != now, (1...Int(Int32.max)).contains(before), checkpoint.step < now else {
            return
        }
        let options = configuration.training
        let rates = [before, now].map {
            LearningRateSchedule(options, totalSteps: $0).rate(at: checkpoint.step)
        }
        guard rates[0] != rates[1] else { return }
        announce(
            "The run has \(now) steps, it had \(before): the schedule of the learning rate is that of \(now) steps, which goes on at \(shown(rates[1])), where that of \(before) would be at \(shown(rates[0]))."
        )
    }

    private func shown(_ rate: Double) -> String { String(format: "%.3g", rate) }

    // MARK: - Results

    private func writeResults(
        _ run: Run, _ done: TrainingRun, _ state: TrainerState, _ keeper: RunKeeper
    ) throws {
        let folder = configuration.training.outputFolder
        try FiniteCheck.require(run.side.model.trainableParameters, step: done.step)
        try run.side.artifact.save(to: folder)
        try run.text.tokenizer.save(to: folder)
        // From here on the weights are whole, and no other run may begin over them.
        try keeper.noteWeights(step: done.step)
        try Self.writeArguments(configuration.json, to: folder)
        try state.write(to: folder)
        var results = state.logHistory.last?.values ?? [:]
        results["epoch"] = done.epoch
        results.merge(run.memory.results) { $1 }
        results["total_flos"] = state.totalFloatingPointOperations
        try ResultFiles(folder: folder).write(results, split: "train")
        try ModelCard(configuration, results).write(to: folder)
        if configuration.finetuning.plotsLoss { try plot(state, to: folder) }
        announce("The \(run.side.adapters == nil ? "model" : "adapter") is in \(folder).")
    }

    private func plot(_ state: TrainerState, to folder: String) throws {
        let missing = try LossCurve.write(
            ["loss", "eval_loss"], history: state.logHistory, to: folder)
        if missing.contains("loss") {
            announce("There is no loss to plot: logging_steps is longer than the run.")
        }
    }

    private static func writeArguments(_ arguments: JSONValue, to folder: String) throws {
        try AtomicFile.write(
            arguments.serialized(.indented) + "\n", to: folder + "/training_args.json")
    }

    // MARK: - Evaluation

    /// The sets under the prefixes of their values: `eval`, or `eval_<data set>` for each by itself.
    private func evaluationSets(_ run: Run) -> [(
        prefix: String, source: any BatchSource<TokenBatch>
    )] {
        let rule = configuration.evaluationBatches(sharesPrefixes: sharesPrefixes)
        return run.data.evaluations.map { set in
            let batches = rule.epochs(set.rows, seed: nil)
            return ("eval" + set.name.dropFirst("validation".utf8.count), batches)
        }
    }

    private func evaluate(_ run: Run, after epoch: Double?) throws {
        let folder = configuration.training.outputFolder
        let sets = evaluationSets(run)
        for (prefix, batches) in sets {
            announce("Evaluating \(prefix): \(batches.sampleCount) rows.")
        }
        var results = try trainer(run, configuration.trainingPlan(0), []).evaluationValues(sets)
        results["epoch"] = epoch
        if configuration.finetuning.stage == .pretraining {
            for (prefix, _) in sets where results[prefix + "_loss"] != nil {
                results[prefix + "_perplexity"] = exp(results[prefix + "_loss"] ?? 0)
            }
        }
        try ResultFiles(folder: folder).write(results, split: "eval")
        if let loss = results["eval_loss"] {
            let perplexity = results["eval_perplexity"].map {
                ", perplexity \($0.rounded(places: 2))"
            }
            announce("Evaluation loss \(loss.rounded(places: 4))\(perplexity ?? "").")
        }
    }
}
