internal import FledgeCore
internal import FledgeTrain
internal import Foundation

/// What a run leaves behind.
extension TrainingCourse {
    func writeResults(
        _ done: TrainingRun, _ state: TrainerState, _ keeper: RunKeeper
    ) throws {
        let folder = options.outputFolder
        try FiniteCheck.require(run.parts.parameters, step: done.step)
        try run.parts.artifact.save(to: folder)
        try run.text.tokenizer.save(to: folder)
        // From here on the weights are whole, and no other run may begin over them.
        try keeper.noteWeights(step: done.step)
        try Self.writeArguments(configuration.json, to: folder)
        try state.write(to: folder)
        var results = state.logHistory.last?.values ?? [:]
        results["epoch"] = done.epoch
        results.merge(run.memory.results) { $1 }
        results["total_flos"] = state.totalFloatingPointOperations
        try ResultFiles(folder: folder).write(results, split: "train")
        try ModelCard(configuration, results).write(to: folder)
        if configuration.finetuning.plotsLoss { try plot(state, to: folder) }
        announce("The \(run.side.adapters == nil ? "model" : "adapter") is in \(folder).")
    }

    private func plot(_ state: TrainerState, to folder: String) throws {
        let missing = try LossCurve.write(
            ["loss", "eval_loss"] + run.method.plotted, history: state.logHistory, to: folder)
        if missing.contains("loss") {
            announce("There is no loss to plot: logging_steps is longer than the run.")
        }
    }

    static func writeArguments(_ arguments: JSONValue, to folder: String) throws {
        try AtomicFile.write(
            arguments.serialized(.indented) + "\n", to: folder + "/training_args.json")
    }

    /// Evaluates the sets and writes what came of them.
    func evaluate(after epoch: Double?) throws {
        let folder = options.outputFolder
        for (prefix, batches) in run.evaluations {
            announce("Evaluating \(prefix): \(batches.sampleCount) rows.")
        }
        var results = try trainer([]).evaluationValues(run.evaluations)
        results["epoch"] = epoch
        for (prefix, _) in run.evaluations { run.method.complete(&results, prefix: prefix) }
        try ResultFiles(folder: folder).write(results, split: "eval")
        if let loss = results["eval_loss"] {
            let perplexity = results["eval_perplexity"].map {
                ", perplexity \($0.rounded(places: 2))"
            }
            announce("Evaluation loss \(loss.rounded(places: 4))\(perplexity ?? "").")
        }
    }
}
