import Fledge

/// A stage with a state of its own: batches count less the more of their loss was usual so far.
final class BalancedStage: Stage {
    private let base: ObjectiveStage<TokenCrossEntropy>
    private(set) var usualLoss = 0.0
    private(set) var batches = 0

    init(_ model: DecoderLM) { base = ObjectiveStage(model, TokenCrossEntropy()) }

    var parameters: [Parameter] { base.parameters }

    func accumulate(
        _ batch: TokenBatch, into gradients: inout Gradients
    ) throws -> LossReport {
        let report = try base.accumulate(batch, into: &gradients)
        batches += 1
        usualLoss += (report.mean - usualLoss) / Double(batches)
        return report
    }

    func evaluate(_ batch: TokenBatch) throws -> LossReport { try base.evaluate(batch) }

    var state: StageState {
        get {
            StageState(
                values: ["batches": .integer(batches)],
                tensors: ["usual": Tensor([usualLoss], shape: [1])])
        }
        set {
            batches = newValue.values["batches"]?.intValue ?? 0
            usualLoss = newValue.tensors["usual"]?.scalars().first.map(Double.init) ?? 0
        }
    }
}

/// A callback that remembers what was logged.
final class Recorder: Callback {
    private(set) var losses: [Double] = []

    func didFinishStep(_ report: StepReport, _ run: TrainingRun) { losses.append(report.loss) }
}
