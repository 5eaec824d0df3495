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

/// A stage that predicts where others evaluate.
final class PredictingStage<Batch: Sendable>: Stage {
    private let base: any Stage<Batch>
    private let predictor: Predictor<Batch>
    private let keepsLines: Bool
    /// What was predicted so far.
    private(set) var lines: [JSONValue] = []
    /// What the user should know about the values.
    private(set) var notes: Set<String> = []

    init(_ base: any Stage<Batch>, _ predictor: Predictor<Batch>, keepsLines: Bool) {
        (self.base, self.predictor, self.keepsLines) = (base, predictor, keepsLines)
    }

    var parameters: [Parameter] { base.parameters }

    func accumulate(_ batch: Batch, into gradients: inout Gradients) throws -> LossReport {
        try base.accumulate(batch, into: &gradients)
    }

    func evaluate(_ batch: Batch) throws -> LossReport {
        let prediction = try predictor.predict(batch)
        notes.formUnion(prediction.notes)
        if keepsLines { lines += prediction.lines }
        return prediction.report
    }

    var state: StageState {
        get { base.state }
        set { base.state = newValue }
    }

    func derivedMetrics(_ metrics: [String: Metric]) -> [String: Metric] {
        base.derivedMetrics(metrics)
    }
}
