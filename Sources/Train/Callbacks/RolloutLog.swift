internal import FledgeCore

/// Writes some of the answers that a policy gave in each step, with their rewards, to `rollouts.jsonl` in
/// an output folder; nothing where no answers are drawn.
public final class RolloutLog: Callback {
    /// The file's name in an output folder.
    public static let fileName = "rollouts.jsonl"

    private let file: LineFile

    /// Creates the callback; the folder has to exist.
    public init(folder: String) { file = LineFile(path: folder + "/" + Self.fileName) }

    /// Cuts the file of an earlier process to the step where this one begins.
    public func trainingWillBegin(_ run: TrainingRun) throws {
        guard run.rank == 0 else { return }
        if run.step == 0 { return try file.remove() }
        try file.keep { ($0["step"]?.intValue ?? .max) <= run.step }
    }

    /// Writes the answers that a step showed.
    public func didFinishStep(_ report: StepReport, _ run: TrainingRun) throws {
        guard run.rank == 0, !report.samples.isEmpty else { return }
        try file.append(report.samples)
    }
}

/// Hands on what steps warn of.
public final class WarningRelay: Callback {
    private let announce: (String) -> Void

    /// Creates the callback.
    public init(_ announce: @escaping (String) -> Void) { self.announce = announce }

    /// Hands on the warnings of a step.
    public func didFinishStep(_ report: StepReport, _ run: TrainingRun) {
        guard run.rank == 0 else { return }
        for warning in report.warnings {
            announce("Warning: step \(report.step): \(warning)")
        }
    }
}
