internal import FledgeCore
internal import Foundation

/// Shows step, loss, speed and time left on standard error while a run goes.
///
/// A terminal gets one line that is rewritten; anything else gets a line whenever values are logged.
public final class ProgressPrinter: Callback {
    private let isTerminal: Bool
    private let write: (String) -> Void
    private var lastDraw: ContinuousClock.Instant?
    private var lastLoss: Double?
    private var lastReward: Double?

    /// Creates a printer on standard error.
    public convenience init() {
        self.init(isTerminal: isatty(STDERR_FILENO) == 1) { MessageStream.write($0) }
    }

    /// Creates a printer that gives its text to `write`.
    public init(isTerminal: Bool, write: @escaping (String) -> Void) {
        (self.isTerminal, self.write) = (isTerminal, write)
    }

    /// Redraws the line, at most ten times a second.
    public func didFinishStep(_ report: StepReport, _ run: TrainingRun) {
        lastLoss = report.loss
        lastReward = report.metrics["reward"]?.value
        guard run.rank == 0, isTerminal else { return }
        let now = ContinuousClock.now
        if let lastDraw, now - lastDraw < .milliseconds(100), run.step < run.plan.totalSteps {
            return
        }
        lastDraw = now
        write("\r\u{1B}[K" + line(run, loss: report.loss))
    }

    /// Writes a line where there is no terminal.
    public func didLog(_ entry: LogEntry, _ run: TrainingRun) {
        lastReward = entry["reward"] ?? lastReward
        guard run.rank == 0, !isTerminal else { return }
        write(line(run, loss: entry["loss"] ?? lastLoss ?? 0) + "\n")
    }

    /// Writes the evaluation loss on a line of its own; where none is measured, what is.
    public func didEvaluate(_ entry: LogEntry, _ run: TrainingRun) {
        guard run.rank == 0 else { return }
        let measured =
            entry["eval_loss"].map { [("loss", $0)] }
            ?? entry.values.filter {
                !$0.key.hasSuffix("_runtime") && !$0.key.hasSuffix("_per_second")
            }.sorted { $0.key < $1.key }.map { ($0.key.replacing("eval_", with: ""), $0.value) }
        guard !measured.isEmpty else { return }
        let start = isTerminal ? "\r\u{1B}[K" : ""
        let shown = measured.map { "\($0.0) \(Self.number($0.1))" }.joined(separator: ", ")
        write("\(start)step \(entry.step)/\(run.plan.totalSteps) · evaluation \(shown)\n")
    }

    /// Ends the line.
    public func trainingWasInterrupted(_ run: TrainingRun) {
        if run.rank == 0, isTerminal { write("\n") }
    }

    /// Ends the line and says how long it took.
    public func trainingDidEnd(_ summary: LogEntry, _ run: TrainingRun) {
        guard run.rank == 0 else { return }
        if isTerminal { write("\n") }
        let loss = Self.number(summary["train_loss"] ?? 0)
        let memory = ProcessMemory.peakResidentBytes.map { " · peak \($0 >> 20) MiB resident" }
        write(
            (run.step < run.plan.totalSteps && run.isEnding
                ? "Ended before step \(run.plan.totalSteps), as early stopping asks. " : "")
                + "\(run.step) steps in \(TimeText.clock(run.elapsed.rounded())) · mean loss \(loss) · "
                + "\(Self.whole(run.tokensPerSecond)) tokens/s\(memory ?? "")\n")
    }

    private func line(_ run: TrainingRun, loss: Double) -> String {
        let total = run.plan.totalSteps
        let percentage = total > 0 ? 100 * run.step / total : 100
        var text = "step \(run.step)/\(total) \(percentage)%"
        if isTerminal {
            let filled = total > 0 ? 20 * run.step / total : 20
            let bar =
                String(repeating: "━", count: filled) + String(repeating: "─", count: 20 - filled)
            text = "\(bar) \(text)"
        }
        return text
            + " · loss \(Self.number(loss))"
            + (lastReward.map { " · reward \(Self.number($0))" } ?? "")
            + " · \(Self.whole(run.tokensPerSecond)) tokens/s · "
            + "\(TimeText.clock(run.remainingSeconds.rounded())) left"
    }

    private static func whole(_ value: Double) -> Int { Int(exactly: value.rounded()) ?? 0 }

    private static func number(_ value: Double) -> String { String(format: "%.4f", value) }
}
