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
        if let trunk = run.trunk { results["frozen_activation_bytes"] = Double(trunk.keptBytes) }
        results["total_flos"] = state.totalFloatingPointOperations
        try ResultFiles(folder: folder).write(results, split: "train")
        try ModelCard(configuration, results).write(to: folder)
        if configuration.finetuning.plotsLoss { try plot(state, to: folder) }
        announce("The \(run.side.adapters == nil ? "model" : "adapter") is in \(folder).")
    }

    /// Says what was measured beside losses and speeds.
    func announceMetrics(of action: String, _ results: [String: Double], sets: [String]) {
        let shown = results.filter { Self.isMetric($0.key) && $0.key != "epoch" }
            .sorted { $0.key < $1.key }
            .map { name, value in
                let prefix = sets.first { name.hasPrefix($0 + "_") }.map { $0 + "_" } ?? ""
                return
                    "\(name.dropFirst(sets.count > 1 ? 0 : prefix.count)) \(value.rounded(places: 4))"
            }
        guard !shown.isEmpty else { return }
        announce("\(action): \(shown.joined(separator: ", ")).")
    }

    private func plot(_ state: TrainerState, to folder: String) throws {
        let first = ["loss", "eval_loss"] + run.method.plotted
        let others = Set(state.logHistory.flatMap(\.values.keys)).subtracting(first)
            .filter(Self.isMetric)
        let missing = try LossCurve.write(
            first + others.sorted(), history: state.logHistory, to: folder)
        if missing.contains("loss") {
            announce("There is no loss to plot: logging_steps is longer than the run.")
        }
    }

    /// Whether a logged value says how good the model is, and not how fast the run.
    private static func isMetric(_ name: String) -> Bool {
        !name.hasPrefix("train_") && !name.hasSuffix("_runtime") && !name.hasSuffix("_per_second")
            && !["total_flos", "learning_rate", "grad_norm"].contains(name)
    }

    static func writeArguments(_ arguments: JSONValue, to folder: String) throws {
        try AtomicFile.write(
            arguments.serialized(.indented) + "\n", to: folder + "/training_args.json")
    }

    /// Evaluates the sets, where that is asked for, and writes what came of them.
    func evaluate(after epoch: Double?) throws {
        guard options.evaluates else { return }
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
        } else {
            announceMetrics(of: "Evaluation", results, sets: run.evaluations.map(\.prefix))
        }
    }
}
