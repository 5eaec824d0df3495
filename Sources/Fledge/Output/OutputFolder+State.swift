internal import FledgeCore
internal import FledgeTrain
internal import Foundation

extension OutputFolder {
    /// How far the run of an output folder has come.
    public enum State: Hashable, Sendable {
        /// There is none.
        case empty
        /// A process is writing into the folder.
        case running
        /// It has ended before its last step; the newest checkpoint, if there is one.
        case unfinished(checkpoint: String?)
        /// It is done, after so many steps.
        case finished(step: Int)
    }

    /// How far the run of a folder has come.
    public static func state(of folder: String) -> State {
        if FolderLock.isHeld(folder: folder) { return .running }
        let newest = newestCheckpoint(in: folder)
        let record = RunRecord(folder: folder)
        guard holdsWeights(folder) else {
            return newest == nil && record == nil ? .empty : .unfinished(checkpoint: newest)
        }
        if newerCheckpoint(in: folder) != nil || record.map({ $0.state != .finished }) == true {
            return .unfinished(checkpoint: newest)
        }
        return .finished(step: record?.step ?? step(of: folder) ?? 0)
    }

    /// The newest checkpoint that the run of a folder can go on from; nil where there is none.
    ///
    /// A folder may hold checkpoints of several runs: one that was started anew leaves those of the one
    /// before. `fledge_run.json` tells whose run it is.
    public static func newestCheckpoint(in folder: String) -> String? {
        checkpoints(in: folder).last
    }

    /// The checkpoints that the run of a folder can go on from, by their steps.
    static func checkpoints(in folder: String) -> [String] {
        let sound = TrainingCheckpoint.sound(in: folder)
        guard let record = RunRecord(folder: folder) else { return sound }
        let own = sound.filter(record.owns)
        guard own.isEmpty, record.state != .finished, record.weights?.run != record.run else {
            return own
        }
        // A run that was killed before it had saved anything has left the folder to the one before.
        let runs = sound.map { RunRecord(folder: $0)?.run }
        let before = record.weights?.run
        let run = runs.contains(before) ? before : runs.last ?? nil
        return zip(sound, runs).filter { $0.1 == run }.map(\.0)
    }

    /// Whether there are files of weights in the folder itself.
    static func holdsWeights(_ folder: String) -> Bool {
        let files = (try? Folder.names(in: folder)) ?? []
        return weightFiles.contains(where: files.contains)
    }

    /// Whether there are files of weights of an adapter, or of a whole model, in a folder.
    static func holdsWeights(_ folder: String, ofAdapter isAdapter: Bool) -> Bool {
        let files = (try? Folder.names(in: folder)) ?? []
        return weightFiles.contains { $0.hasPrefix("adapter_") == isAdapter && files.contains($0) }
    }

    /// The newest checkpoint of a folder, where it is newer than the weights in the folder itself: a
    /// finished run was extended, or started anew, and has not ended.
    static func newerCheckpoint(in folder: String) -> String? {
        guard let newest = newestCheckpoint(in: folder), let saved = step(of: newest)
        else { return nil }
        let record = RunRecord(folder: folder)
        guard let weights = record?.weights, let run = RunRecord(folder: newest)?.run else {
            // Folders of earlier versions tell steps alone.
            guard let step = step(of: folder) else { return newest }
            return saved > step ? newest : nil
        }
        if run == weights.run { return saved > weights.step ? newest : nil }
        return run == record?.run ? newest : nil
    }

    /// The step after which a folder's weights were saved, as its `trainer_state.json` tells.
    static func step(of folder: String) -> Int? {
        (try? TrainerState(path: folder + "/" + TrainerState.fileName))?.globalStep
    }

    /// What the user is told where nothing is left to do after a checkpoint; nil where something is.
    static func completion(
        _ checkpoint: TrainingCheckpoint, _ plan: TrainingPlan, _ configuration: RunConfiguration
    ) -> String? {
        let folder = configuration.training.outputFolder
        guard holdsWeights(folder) else { return nil }
        let total = plan.totalSteps
        guard let record = RunRecord(folder: folder) else {
            // Folders of earlier versions tell steps alone.
            guard checkpoint.step >= total, step(of: folder) == checkpoint.step else { return nil }
            return done("This run has finished at step \(checkpoint.step)", "", folder)
        }
        guard record.state == .finished, record.weights?.run == record.run,
            record.owns(checkpoint.folder)
        else { return nil }
        // Who names a checkpoint in the middle wants the steps after it once more.
        if case .checkpoint = configuration.training.resume,
            checkpoint.step < min(record.step, total)
        {
            return nil
        }
        if total <= record.step {
            return done("This run has finished at step \(record.step)", "", folder)
        }
        let patience = "early_stopping_steps"
        guard record.step < record.totalSteps, total <= record.totalSteps,
            let steps = record.options[patience]?.intValue,
            steps == configuration.finetuning.earlyStoppingEvaluations
        else { return nil }
        return done(
            "Early stopping has ended this run at step \(record.step) of \(record.totalSteps)",
            "\(patience), ", folder)
    }

    private static func done(_ what: String, _ keys: String, _ folder: String) -> String {
        "\(what); nothing is left to do, and nothing is changed in \(folder). "
            + "Raise \(keys)max_steps or num_train_epochs to go on, set overwrite_output_dir: true to start anew, or choose another output_dir."
    }

    /// Makes up for a process that was killed while it put a checkpoint in the place of another, or
    /// wrote a file.
    static func recover(_ folder: String) {
        AtomicFile.removeLeftovers(in: folder)
        AtomicFolder.removeLeftovers(in: folder, prefix: ".checkpoint-")
    }

    /// Whether the weights in the folder are the result of its run, which has not ended all the same: it
    /// was stopped in its last evaluation.
    public static func holdsWeightsOfUnfinishedRun(_ folder: String) -> Bool {
        guard holdsWeights(folder), let record = RunRecord(folder: folder) else { return false }
        return record.state != .finished && record.weights?.run == record.run
            && record.weights?.step == record.step
    }

    /// Whether a run was killed in this folder before it had written anything to go on from, or while
    /// it wrote its results: what is there is part of nothing.
    static func isLeftUnfinished(_ folder: String) -> Bool {
        guard let record = RunRecord(folder: folder) else { return false }
        return record.state != .finished && record.weights == nil
    }
}
