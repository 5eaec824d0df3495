internal import FledgeCore

/// Appends to `trainer_log.jsonl` in an output folder what is logged and evaluated.
public final class RunLog: Callback {
    private let log: TrainerLog

    /// Creates the callback; the folder has to exist.
    public init(folder: String) { log = TrainerLog(folder: folder) }

    /// Cuts the log of an earlier process to the step where this one begins.
    public func trainingWillBegin(_ run: TrainingRun) throws {
        guard run.rank == 0 else { return }
        if run.step == 0 { try log.remove() } else { try log.cut(toStep: run.step) }
    }

    /// Writes loss and learning rate.
    public func didLog(_ entry: LogEntry, _ run: TrainingRun) throws {
        try append(entry, run) { line in
            line.loss = entry["loss"]
            line.learningRate = entry["learning_rate"]
            line.reward = entry["reward"]
            line.accuracy = entry["rewards/accuracies"]
        }
    }

    /// Writes what was evaluated: loss or reward.
    public func didEvaluate(_ entry: LogEntry, _ run: TrainingRun) throws {
        let (loss, reward) = (entry["eval_loss"], entry["eval_reward"])
        guard loss != nil || reward != nil else { return }
        try append(entry, run) { line in
            line.evaluationLoss = loss
            line.evaluationReward = reward
        }
    }

    /// Writes the last line.
    public func trainingDidEnd(_ summary: LogEntry, _ run: TrainingRun) throws {
        try append(summary, run) { _ in }
    }

    private func append(
        _ entry: LogEntry, _ run: TrainingRun, _ fill: (inout TrainerLog.Entry) -> Void
    ) throws {
        guard run.rank == 0 else { return }
        var line = TrainerLog.Entry(
            currentSteps: entry.step, totalSteps: run.plan.totalSteps,
            elapsedSeconds: run.totalElapsed ?? run.elapsed, totalTokens: run.tokens)
        line.throughput = run.meanTokensPerSecond
        line.epoch = entry.epoch
        fill(&line)
        try log.append(line)
    }
}
