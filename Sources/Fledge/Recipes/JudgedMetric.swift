internal import FledgeCore
internal import FledgeTrain

/// Ends a run whose checkpoints would be judged by something that its evaluations do not give.
final class JudgedMetric: Callback {
    private let name: String

    /// - Parameter name: The name of the logged value, such as `eval_accuracy`.
    init(_ name: String) { self.name = name }

    func didEvaluate(_ entry: LogEntry, _ run: TrainingRun) throws {
        guard entry[name] == nil else { return }
        let known = entry.values.keys.filter {
            $0.hasPrefix("eval_") && !$0.hasSuffix("_runtime") && !$0.hasSuffix("_per_second")
        }
        throw FledgeError(
            .configuration,
            "metric_for_best_model is \(name.dropFirst("eval_".count)), which the evaluation after step \(entry.step) does not give.",
            advice: "It gives \(known.map { String($0.dropFirst("eval_".count)) }.sorted().listed)."
        )
    }
}
