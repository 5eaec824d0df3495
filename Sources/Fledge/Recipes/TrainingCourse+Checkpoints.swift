internal import FledgeCore
internal import FledgeTensor
internal import FledgeTrain
internal import Foundation

/// What a run saves on its way, and how it goes on from there.
extension TrainingCourse {
    func saver(
        _ keeper: RunKeeper, superseding earlier: [String]
    ) -> CheckpointSaver {
        let (options, plan) = (options, run.plan)
        var state = TrainerState()
        state.trainBatchSize = options.trainBatchSize
        state.loggingSteps = options.loggingInterval.count(of: plan.totalSteps)
        state.saveSteps = options.saveInterval.count(of: plan.totalSteps)
        state.evaluationSteps = options.evaluationInterval.count(of: plan.totalSteps)
        let text = run.text
        let arguments = configuration.json
        return CheckpointSaver(
            options.outputFolder,
            Interval(options.saveStrategy.interval, options.saveInterval, plan),
            saving: run.parts.artifact, keeping: options.saveTotalLimit,
            superseding: earlier, savesOnlyModel: options.savesOnlyModel, best: bestMetric,
            savesBest: options.saveStrategy == .best,
            options: arguments, state: state, isOwn: { keeper.record.owns($0) }
        ) { folder, step in
            try text.tokenizer.save(to: folder)
            try Self.writeArguments(arguments, to: folder)
            try keeper.write(toCheckpoint: folder, step: step)
        }
    }

    /// Checkpoints of an earlier run, which a run that is started anew removes where it may overwrite.
    func checkpointsToForget(_ beginning: OutputFolder.Beginning) -> [String] {
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

    func resume(_ opened: TrainingCheckpoint) throws -> TrainingCheckpoint {
        let checkpoint = try OutputFolder.restore(
            opened, for: configuration, into: run.parts.artifact,
            { run.parts.parameters }, announce: announce)
        announce("Resuming from \(checkpoint.folder), after step \(checkpoint.step).")
        if let kernels = checkpoint.kernelPath, kernels != Kernels.signature {
            announce(
                "The checkpoint was written with \(kernels) kernels, this machine uses \(Kernels.signature): numbers will differ in their last bits."
            )
        }
        return checkpoint
    }

    /// Puts the best checkpoint's weights in the place of the last ones, and gives the stage back what it
    /// knew there; where there is none that is whole, the last ones stay.
    ///
    /// - Throws: ``FledgeError`` when the checkpoint does not fit.
    func takeBest(_ state: TrainerState) throws {
        let step = state.bestGlobalStep
        let better = step.map { "the best evaluation is that of step \($0), which was not saved" }
        guard let best = state.bestModelCheckpoint else {
            return announce(
                "Warning: there is no best checkpoint: \(better ?? "no step was evaluated"). The weights of the last step stay. Save at every evaluation (save_steps as eval_steps) to have one."
            )
        }
        let checkpoint: TrainingCheckpoint
        do { checkpoint = try TrainingCheckpoint(folder: best) } catch {
            return announce(
                "Warning: the best checkpoint, \(best), cannot be taken, and the weights of the last step stay. \(error)"
            )
        }
        announce("The best checkpoint is \(best); its weights are taken.")
        if let better, checkpoint.step != step { announce("Warning: \(better).") }
        try run.parts.artifact.restore(from: best)
        if !checkpoint.holdsOnlyModel { trained.state = try checkpoint.stageState() }
    }

    /// Says where the learning rate goes on when a run has become longer or shorter: its schedule is
    /// that of a run of the new length from the beginning.
    func announceStretch(_ checkpoint: TrainingCheckpoint) {
        let (before, now) = (checkpoint.state.maxSteps, run.plan.totalSteps)
        guard before != now, (1...Int(Int32.max)).contains(before), checkpoint.step < now else {
            return
        }
        let options = options
        let rates = [before, now].map {
            options.learningRates(totalSteps: $0).rate(at: checkpoint.step)
        }
        guard rates[0] != rates[1] else { return }
        announce(
            "The run has \(now) steps, it had \(before): the schedule of the learning rate is that of \(now) steps, which goes on at \(shown(rates[1])), where that of \(before) would be at \(shown(rates[0]))."
        )
    }

    private func shown(_ rate: Double) -> String { String(format: "%.3g", rate) }
}
