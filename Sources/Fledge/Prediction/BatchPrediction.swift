public import FledgeCore
internal import FledgeTensor
public import FledgeTrain

/// What a method predicts for the samples of one batch.
public struct BatchPrediction {
    /// What was measured.
    public var report: LossReport
    /// A line of `generated_predictions.jsonl` for each sample.
    public var lines: [JSONValue]
    /// What the user should know about the values.
    public var notes: Set<String>

    /// Creates a prediction.
    public init(report: LossReport, lines: [JSONValue], notes: Set<String> = []) {
        (self.report, self.lines, self.notes) = (report, lines, notes)
    }
}

/// What a method predicts, and whether its evaluations do so too.
public struct Predictor<Batch: Sendable> {
    /// Predicts for the samples of a batch.
    public var predict: (Batch) throws -> BatchPrediction
    /// Whether an evaluation predicts in place of measuring the loss.
    public var isEvaluation: Bool
    /// The most tokens of an answer where it generates them; nil where it generates nothing.
    public var generatedTokens: Int?
    /// Whether the last line of the file ends, as lines do.
    public var endsLastLine: Bool

    /// Creates a predictor.
    public init(
        isEvaluation: Bool = false, generatedTokens: Int? = nil, endsLastLine: Bool = true,
        predict: @escaping (Batch) throws -> BatchPrediction
    ) {
        (self.isEvaluation, self.generatedTokens) = (isEvaluation, generatedTokens)
        self.endsLastLine = endsLastLine
        self.predict = predict
    }
}

/// What was predicted.
final class PredictionRecord {
    /// Lines for the file, in the order of the samples.
    fileprivate(set) var lines: [JSONValue] = []
    /// What the user should know about the values.
    fileprivate(set) var notes: Set<String> = []
}

extension Stage {
    /// The stage, which predicts where others evaluate.
    func predicting(
        _ predictor: Predictor<Batch>, into record: PredictionRecord? = nil
    ) -> any Stage<Batch> {
        PredictingStage(base: self, predictor: predictor, record: record)
    }
}

private struct PredictingStage<Base: Stage>: Stage {
    let base: Base
    let predictor: Predictor<Base.Batch>
    let record: PredictionRecord?

    var parameters: [Parameter] { base.parameters }

    func plan(_ batches: [Base.Batch], _ step: StepContext) throws -> StepPlan<Base.Work> {
        try base.plan(batches, step)
    }

    func accumulate(_ work: Base.Work, into gradients: inout Gradients) throws -> LossReport {
        try base.accumulate(work, into: &gradients)
    }

    func evaluate(_ batch: Base.Batch) throws -> LossReport {
        let prediction = try predictor.predict(batch)
        record?.notes.formUnion(prediction.notes)
        record?.lines += prediction.lines
        return prediction.report
    }

    var state: StageState {
        get { base.state }
        nonmutating set { base.state = newValue }
    }

    func derivedMetrics(_ metrics: [String: Metric]) -> [String: Metric] {
        base.derivedMetrics(metrics)
    }
}
