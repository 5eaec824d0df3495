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
        let newest = TrainingCheckpoint.newest(in: folder)
        let record = RunRecord(folder: folder)
        guard holdsWeights(folder) else {
            return newest == nil && record == nil ? .empty : .unfinished(checkpoint: newest)
        }
        if newerCheckpoint(in: folder) != nil || record.map({ $0.state != .finished }) == true {
            return .unfinished(checkpoint: newest)
        }
        return .finished(step: record?.step ?? step(of: folder) ?? 0)
    }

    /// Whether there are files of weights in the folder itself.
    static func holdsWeights(_ folder: String) -> Bool {
        let files = (try? Folder.names(in: folder)) ?? []
        return weightFiles.contains(where: files.contains)
    }

    /// The newest checkpoint of a folder, where it is newer than the weights in the folder itself: a
    /// finished run was extended, or started anew, and has not ended.
    static func newerCheckpoint(in folder: String) -> String? {
        guard let newest = TrainingCheckpoint.newest(in: folder), let saved = step(of: newest)
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

    /// Whether weights and records in the folder are those of a run's last step, which is that of a
    /// checkpoint.
    static func isComplete(_ folder: String, after step: Int) -> Bool {
        guard holdsWeights(folder), self.step(of: folder) == step else { return false }
        return RunRecord(folder: folder).map { $0.state == .finished && $0.step == step } ?? true
    }

    /// Whether a run was killed in this folder before it had written anything to go on from, or while
    /// it wrote its results: what is there is part of nothing.
    static func isLeftUnfinished(_ folder: String) -> Bool {
        guard let record = RunRecord(folder: folder) else { return false }
        return record.state != .finished && record.weights == nil
    }
}
