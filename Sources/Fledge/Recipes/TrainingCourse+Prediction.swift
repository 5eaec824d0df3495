internal import FledgeCore
internal import FledgeTrain

/// What a run predicts for the rows of evaluation.
extension TrainingCourse {
    /// The file that predictions are written to.
    static var predictionsName: String { "generated_predictions.jsonl" }

    /// What trains and is evaluated; where evaluations predict, it does so too.
    var evaluated: any Stage<Method.Batch> {
        guard let predictor = run.predictor, predictor.isEvaluation else { return trained }
        return trained.predicting(predictor)
    }

    /// Predicts for the evaluation sets, and writes predictions and results.
    func predict(after epoch: Double?) throws {
        guard options.predicts else { return }
        guard let predictor = run.predictor else {
            announce("do_predict: stage \(run.method.name) predicts nothing.")
            return
        }
        let sets = run.evaluations.map {
            (prefix: "predict" + $0.prefix.dropFirst("eval".count), source: $0.source)
        }
        for (prefix, batches) in sets {
            announce("Predicting \(prefix): \(batches.sampleCount) rows.")
        }
        let record = PredictionRecord()
        let stage = trained.predicting(predictor, into: record)
        var results = try trainer([], stage).evaluationValues(sets)
        if let loss = results.removeValue(forKey: "eval_loss") { results["predict_loss"] = loss }
        results["epoch"] = epoch
        announceMetrics(of: "Prediction", results, sets: sets.map(\.prefix))
        let path = options.outputFolder + "/" + Self.predictionsName
        let file = try AtomicFile(path: path)
        for (index, line) in record.lines.enumerated() {
            let isLast = index == record.lines.count - 1
            try file.write(
                line.serialized() + (isLast && !predictor.endsLastLine ? "" : "\n"))
        }
        try file.commit()
        let notes = record.notes.sorted()
        for note in notes { announce(note) }
        try ResultFiles(folder: options.outputFolder).write(
            results, split: "predict",
            notes: notes.isEmpty ? [:] : ["predict_note": notes.joined(separator: " ")])
        announce("\(record.lines.count) predictions are in \(path).")
    }
}
