/// Ends a run when the evaluation has not become better for a while.
public final class EarlyStopping: Callback {
    private let patience: Int
    private let metric: String
    private let greaterIsBetter: Bool
    private var best: Double?
    private var failures = 0

    /// Creates the callback.
    ///
    /// - Parameters:
    ///   - patience: Evaluations without improvement after which the run ends.
    ///   - metric: The value that is watched.
    public init(patience: Int, metric: String = "eval_loss", greaterIsBetter: Bool = false) {
        precondition(patience > 0, "EarlyStopping: patience \(patience)")
        (self.patience, self.metric, self.greaterIsBetter) = (patience, metric, greaterIsBetter)
    }

    /// Takes up the evaluations of a resumed run, and ends it where they would have ended it, unless it
    /// was made longer since.
    public func trainingWillBegin(_ run: TrainingRun) {
        for entry in run.history { observe(entry) }
        if failures >= patience, run.plannedBefore.map({ run.plan.totalSteps <= $0 }) == true {
            run.end()
        }
    }

    /// Compares an evaluation with the best one.
    public func didEvaluate(_ entry: LogEntry, _ run: TrainingRun) {
        observe(entry)
        if failures >= patience { run.end() }
    }

    private func observe(_ entry: LogEntry) {
        guard let value = entry[metric] else { return }
        if let best, greaterIsBetter ? value <= best : value >= best {
            failures += 1
        } else {
            (best, failures) = (value, 0)
        }
    }
}
