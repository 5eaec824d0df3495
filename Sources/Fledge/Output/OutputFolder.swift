internal import FledgeCore
internal import Foundation

/// Owns what lies in an output folder: tells how far its run has come, and what becomes of it when a
/// run begins there (reference: 07 §4).
public struct OutputFolder {
    /// What a run begins with.
    public enum Beginning: Equatable, Sendable {
        /// Nothing: weights as they were loaded.
        case fresh
        /// The state of a checkpoint.
        case resumed(from: String)
    }

    static let weightFiles = [
        "adapter_model.safetensors", "adapter_model.bin", "model.safetensors",
        "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    ]

    /// What a run with this configuration begins with.
    ///
    /// - Throws: ``FledgeError`` when the folder holds a finished run that would be overwritten, or is
    ///   a checkpoint itself, or when a checkpoint that was asked for does not exist.
    public static func beginning(of configuration: RunConfiguration) throws -> Beginning {
        let training = configuration.training
        let folder = training.outputFolder
        try refuseCheckpoint(folder)
        switch training.resume {
        case .checkpoint(let path):
            guard Folder.exists(path) else {
                throw FledgeError(
                    .fileNotFound, "The checkpoint to resume from does not exist.",
                    advice: available(in: folder), at: .init(file: path))
            }
            if let reason = SpoiledMark.reason(path) { throw spoiled(path, reason, configuration) }
            return .resumed(from: path)
        case .newest:
            guard let newest = newestCheckpoint(in: folder) else {
                if let last = TrainingCheckpoint.spoiled(in: folder).last {
                    throw spoiled(last, SpoiledMark.reason(last) ?? "", configuration)
                }
                let other = TrainingCheckpoint.newest(in: folder).map {
                    "\($0) is of an earlier run in this folder: name it to go on from it, or leave"
                }
                throw FledgeError(
                    .fileNotFound, "There is no checkpoint to resume from.",
                    advice: (other ?? "Leave") + " resume_from_checkpoint out to start anew.",
                    at: .init(file: folder))
            }
            return .resumed(from: newest)
        case .automatic, .never:
            guard !training.overwritesOutputFolder else { return .fresh }
            if training.resume == .automatic, let newest = newestCheckpoint(in: folder) {
                return .resumed(from: newest)
            }
            guard !holdsWeights(folder) || isLeftUnfinished(folder) else {
                let holdsResult = holdsWeightsOfUnfinishedRun(folder)
                throw FledgeError(
                    .configuration,
                    "Output directory already exists and is not empty. Please set `overwrite_output_dir`.",
                    advice: "Or choose another output_dir."
                        + (holdsResult
                            ? " The weights there are those of the last step; only what comes after them was not done."
                            : ""),
                    at: .init(file: folder))
            }
            return .fresh
        }
    }

    /// Refuses a folder that is a checkpoint: what a run writes there would make it one that no run can
    /// go on from, and `overwrite_output_dir` speaks of the results of runs.
    private static func refuseCheckpoint(_ folder: String) throws {
        guard TrainingCheckpoint.isOne(folder) else { return }
        throw FledgeError(
            .configuration, "output_dir is a checkpoint, expected the folder of a run.",
            advice:
                "To go on from it, set resume_from_checkpoint: \(folder) and the output_dir of its run; to begin anew, choose another output_dir.",
            at: .init(file: folder))
    }

    /// What the user should know about checkpoints that are passed over.
    static func notes(_ beginning: Beginning, in folder: String) -> [String] {
        let step: (String) -> Int = { Int($0.split(separator: "-").last ?? "") ?? 0 }
        var first = -1
        if case .resumed(let path) = beginning { first = step(path) }
        return TrainingCheckpoint.spoiled(in: folder).filter { step($0) > first }.map {
            "\($0) is not gone on from: \(SpoiledMark.reason($0) ?? "it is spoiled")."
        }
    }

    private static func available(in folder: String) -> String {
        newestCheckpoint(in: folder).map { "The newest in output_dir is \($0)." }
            ?? "There is none in \(folder)."
    }
}
