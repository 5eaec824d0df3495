internal import FledgeCore
internal import Foundation

/// Writes what is logged and evaluated into an event file for TensorBoard (`report_to: tensorboard`).
///
/// Values have the names that the reference's library gives them: `train/loss`, `eval/loss`.
public final class TensorBoardWriter: Callback {
    private let folder: String
    private var file: TensorBoardFile?

    /// Creates the callback; the folder is made where it is missing.
    public init(folder: String) { self.folder = folder }

    /// Starts a file; a run that is resumed takes back what was written after its checkpoint.
    public func trainingWillBegin(_ run: TrainingRun) throws {
        guard run.rank == 0 else { return }
        let file = try TensorBoardFile(folder: folder)
        // Also a run that begins in a folder with events of another one, which it takes back.
        try file.restart(atStep: run.step + 1, time: now)
        self.file = file
    }

    /// Writes loss, gradient norm and learning rate.
    public func didLog(_ entry: LogEntry, _ run: TrainingRun) throws { try write(entry) }

    /// Writes the evaluation's values.
    public func didEvaluate(_ entry: LogEntry, _ run: TrainingRun) throws { try write(entry) }

    /// Writes what the run came to.
    public func trainingDidEnd(_ summary: LogEntry, _ run: TrainingRun) throws {
        try write(summary)
    }

    private var now: Double { Date().timeIntervalSince1970 }

    private func write(_ entry: LogEntry) throws {
        var values = entry.values.map { (tag: Self.tag($0.key), value: $0.value) }
        values.append(("train/epoch", entry.epoch))
        values.sort { $0.tag < $1.tag }
        try file?.write(values, step: entry.step, time: now)
    }

    /// The tag of a logged value, as the reference's library rewrites it.
    static func tag(_ name: String) -> String {
        name.hasPrefix("eval_") ? "eval/" + name.dropFirst("eval_".count) : "train/" + name
    }
}
