public import FledgeCore
public import FledgeModel
internal import Foundation
internal import Logging

/// Saves checkpoints while a run goes, and when it is interrupted.
public final class CheckpointSaver: Callback {
    /// What decides which checkpoint is the best one.
    public struct BestMetric: Hashable, Sendable {
        /// The name of a logged value, such as `eval_loss`.
        public var name: String
        /// Whether a larger value is better.
        public var greaterIsBetter: Bool

        /// Creates a criterion.
        public init(_ name: String, greaterIsBetter: Bool = false) {
            (self.name, self.greaterIsBetter) = (name, greaterIsBetter)
        }
    }

    private let folder: String
    private let interval: Interval
    private let savesBest: Bool
    private let artifact: any ModelArtifact
    private let limit: Int?
    private var superseded: [String]
    /// Steps whose checkpoints this process has written; others may be those of an earlier run.
    private var saved = Set<Int>()
    private let savesOnlyModel: Bool
    private let best: BestMetric?
    private let options: JSONValue
    private let isOwn: (_ checkpoint: String) -> Bool
    private let writeMore: (_ folder: String, _ step: Int) throws -> Void
    /// Counters and settings as they go into `trainer_state.json`.
    public private(set) var state: TrainerState

    /// Creates the callback.
    ///
    /// - Parameters:
    ///   - folder: Where `checkpoint-<step>` folders are made.
    ///   - interval: When to save, beside the last step.
    ///   - artifact: The adapter or model that is trained.
    ///   - limit: The most checkpoints of this run to keep; the best one is never deleted.
    ///   - superseded: Checkpoints of an earlier run; they go when this one has saved something.
    ///   - savesOnlyModel: Leaves out what resuming needs.
    ///   - best: What decides which checkpoint is the best one.
    ///   - savesBest: Whether every step is saved whose evaluation is better than all before it; with
    ///     the interval `never` no other one is, but when the run is interrupted.
    ///   - options: What the run was configured with, kept in the checkpoint.
    ///   - state: Settings to write into `trainer_state.json`.
    ///   - isOwn: Whether a checkpoint in the folder is one of this run; others are not deleted.
    ///   - writeMore: Writes further files into the folder of a checkpoint after a step.
    public init(
        _ folder: String, _ interval: Interval, saving artifact: any ModelArtifact,
        keeping limit: Int? = nil, superseding superseded: [String] = [],
        savesOnlyModel: Bool = false, best: BestMetric? = nil, savesBest: Bool = false,
        options: JSONValue = .object([]), state: TrainerState = TrainerState(),
        isOwn: @escaping (_ checkpoint: String) -> Bool = { _ in true },
        writeMore: @escaping (_ folder: String, _ step: Int) throws -> Void = { _, _ in }
    ) {
        (self.folder, self.interval, self.artifact) = (folder, interval, artifact)
        (self.limit, self.savesOnlyModel, self.best) = (limit, savesOnlyModel, best)
        self.superseded = superseded
        (self.options, self.state, self.writeMore) = (options, state, writeMore)
        (self.isOwn, self.savesBest) = (isOwn, savesBest)
    }

    /// Whether anything is saved at all.
    private var isSaving: Bool { interval != .never || savesBest }

    /// Takes up what an earlier process found best.
    public func trainingWillBegin(_ run: TrainingRun) {
        for entry in run.history { observe(entry, run) }
        update(run)
        if run.rank == 0 { AtomicFolder.removeLeftovers(in: folder, prefix: ".checkpoint-") }
    }

    /// Remembers the best evaluation; its checkpoint is the best one as soon as it is saved.
    public func didEvaluate(_ entry: LogEntry, _ run: TrainingRun) { observe(entry, run) }

    /// Saves when it is time, and after the last step; where the best step is wanted, after that.
    public func didFinishStep(_ report: StepReport, _ run: TrainingRun) throws {
        let isLast = run.step == run.plan.totalSteps || run.isEnding
        let isDue = interval != .never && (isLast || interval.isDue(after: run.step, run.plan))
        guard isDue || (savesBest && state.bestGlobalStep == run.step) else { return }
        try save(run)
    }

    /// Saves the last whole step, unless it is saved already.
    public func trainingWasInterrupted(_ run: TrainingRun) throws {
        guard isSaving, run.step > run.firstStep, !saved.contains(run.step) else {
            return
        }
        try save(run)
    }

    /// Marks the checkpoint whose weights have led to a loss that is not finite: whoever went on from
    /// it would end in the same way. After other errors, such as a reward that cannot be reached, the last
    /// whole step is saved.
    public func trainingDidFail(_ error: FledgeError, _ run: TrainingRun) {
        guard run.rank == 0 else { return }
        guard error.code == .notFinite else {
            // What the step under way has changed already is no step.
            if run.updates == run.wholeUpdates { try? trainingWasInterrupted(run) }
            return
        }
        let before = run.step == run.firstStep ? run.resumedFrom : nil
        guard let folder = saved.contains(run.step) ? path(run.step) : before else { return }
        SpoiledMark.put(
            on: folder, "the step after it came to no finite loss: \(error.message)")
    }

    /// Brings the state up to date with the end of the run.
    public func trainingDidEnd(_ summary: LogEntry, _ run: TrainingRun) { update(run) }

    private func path(_ step: Int) -> String { "\(folder)/checkpoint-\(step)" }

    private func save(_ run: TrainingRun) throws {
        guard run.rank == 0 else { return }
        let watch = Stopwatch()
        try FiniteCheck.require(
            run.parameters, states: run.optimizer.tensors, step: run.step)
        update(run)
        if state.bestGlobalStep == run.step { state.bestModelCheckpoint = path(run.step) }
        let target = try AtomicFolder(path: path(run.step))
        let digests = WrittenDigests()
        try digests.collecting {
            try artifact.save(to: target.temporary)
            try writeMore(target.temporary, run.step)
            try state.write(to: target.temporary)
            if !savesOnlyModel {
                try TrainingCheckpoint.writeState(of: run, options: options, to: target.temporary)
            }
        }
        let written = watch.seconds
        try CheckpointManifest.write(target.temporary, digests)
        let digested = watch.seconds
        try target.commit()
        saved.insert(run.step)
        Logger.fledgeTrain.debug(
            "checkpoint saved",
            metadata: [
                "folder": "\(target.path)", "seconds": "\(watch.seconds)",
                "digests": "\(digested - written)",
            ])
        removeSuperseded(keeping: target.path)
        deleteOldest()
    }

    private func update(_ run: TrainingRun) {
        state.epoch = run.epoch
        state.globalStep = run.step
        state.maxSteps = run.plan.totalSteps
        state.trainEpochs = run.plan.epochCount
        state.inputTokensSeen = run.tokens
        state.logHistory = run.history
    }

    /// Compares an evaluation with the best one. That before the first step does not count, as in the
    /// reference: nothing was trained there.
    private func observe(_ entry: LogEntry, _ run: TrainingRun) {
        guard let best, entry.step > 0, let value = entry[best.name], value.isFinite else { return }
        if let known = state.bestMetric, best.greaterIsBetter ? value <= known : value >= known {
            return
        }
        state.bestMetric = value
        state.bestGlobalStep = entry.step
        // Where none was saved, the best checkpoint before it stays the best one.
        if let earlier = checkpoint(entry.step, before: run) { state.bestModelCheckpoint = earlier }
    }

    /// The checkpoint of a step of an earlier process of the run; nil where there is none.
    private func checkpoint(_ step: Int, before run: TrainingRun) -> String? {
        guard let resumed = run.resumedFrom, step <= run.firstStep else { return nil }
        let beside = (resumed as NSString).deletingLastPathComponent as NSString
        let other =
            step == run.firstStep ? resumed : beside.appendingPathComponent("checkpoint-\(step)")
        return [path(step), other].first { Folder.exists($0) && isOwn($0) }
    }

    /// Removes the checkpoints of an earlier run, once there is something in their place.
    public func removeSuperseded(keeping new: String? = nil) {
        for path in superseded where path != new {
            try? Folder.removeAtomically(path)
        }
        superseded = []
    }

    private func deleteOldest() {
        guard let limit, limit > 0 else { return }
        var paths = TrainingCheckpoint.steps(in: folder).sorted().map(path).filter(isOwn)
        // Oldest first: a folder may hold later steps of an earlier run.
        let dates = Dictionary(uniqueKeysWithValues: paths.map { ($0, Self.date(of: $0)) })
        paths.sort { dates[$0, default: .distantPast] < dates[$1, default: .distantPast] }
        while paths.count > limit {
            guard let index = paths.firstIndex(where: { $0 != state.bestModelCheckpoint }),
                index < paths.count - 1
            else { return }
            try? Folder.removeAtomically(paths.remove(at: index))
        }
    }

    private static func date(of path: String) -> Date {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.modificationDate] as? Date ?? .distantPast
    }
}
