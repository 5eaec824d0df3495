internal import FledgeCore
public import FledgeModel
public import FledgeTensor

/// What a trainer drives: how one micro-batch becomes gradients.
public protocol Stage<Batch> {
    /// What the data pipeline yields.
    associatedtype Batch: Sendable
    /// What gradients are formed of: micro-batches as they come, unless ``plan(_:_:)`` makes something
    /// else of them.
    associatedtype Work = Batch

    /// The parameters that change, in a fixed order.
    var parameters: [Parameter] { get }

    /// Makes the work of a step of its micro-batches: one update of the weights with the micro-batches
    /// themselves, unless a stage draws answers first, or updates more than once with what it has drawn.
    func plan(_ batches: [Batch], _ step: StepContext) throws -> StepPlan<Work>

    /// Adds the gradients of the work's loss **sum** and reports sum and weight.
    func accumulate(_ work: Work, into gradients: inout Gradients) throws -> LossReport

    /// The loss of a batch without gradients, dropout off.
    func evaluate(_ batch: Batch) throws -> LossReport

    /// What a checkpoint has to hold beside weights and the optimizer's states.
    var state: StageState { get nonmutating set }

    /// Numbers to report that follow from metrics whose sums are complete.
    func derivedMetrics(_ metrics: [String: Metric]) -> [String: Metric]
}

extension Stage where Work == Batch {
    /// One update with all micro-batches.
    public func plan(_ batches: [Batch], _ step: StepContext) throws -> StepPlan<Work> {
        StepPlan(updates: [batches])
    }
}

extension Stage {
    /// None.
    public func derivedMetrics(_ metrics: [String: Metric]) -> [String: Metric] { [:] }

    /// Nothing.
    public var state: StageState {
        get { StageState() }
        nonmutating set {}
    }
}

/// Plain numbers of one or more micro-batches.
public struct LossReport: Hashable, Sendable {
    /// The weighted sum of losses.
    public var sum: Double
    /// The sum of weights.
    public var weight: Double
    /// Tokens of the samples; a prefix that samples share counts once for each.
    public var tokens: Int
    /// Further means, by name.
    public var metrics: [String: Metric]

    /// Creates a report; of nothing when everything is left out.
    public init(
        sum: Double = 0, weight: Double = 0, tokens: Int = 0, metrics: [String: Metric] = [:]
    ) {
        (self.sum, self.weight, self.tokens, self.metrics) = (sum, weight, tokens, metrics)
    }

    /// The mean loss; zero of nothing.
    public var mean: Double { weight > 0 ? sum / weight : 0 }

    /// Adds another report.
    public static func += (left: inout LossReport, right: LossReport) {
        left.sum += right.sum
        left.weight += right.weight
        left.tokens += right.tokens
        for (name, metric) in right.metrics {
            left.metrics[name, default: Metric(sum: 0, weight: 0)] += metric
        }
    }
}

/// The stage of every objective that is a function of model and batch.
public struct ObjectiveStage<Loss: Objective>: Stage {
    /// What the objective looks at.
    public typealias Batch = Loss.Batch

    private let model: any CausalLM
    private let objective: Loss
    private let seed: UInt64
    private let recomputesBlocks: Bool
    private let embeddingNoise: Double
    private let shiftsAttention: Bool
    private let auxiliary: AuxiliaryLoss
    /// The parameters that change: the model's in its order, then those of the objective's parts.
    public let parameters: [Parameter]

    /// Creates a stage that trains whatever is trainable in the model and in parts of the objective.
    ///
    /// - Parameters:
    ///   - seed: The seed of dropout.
    ///   - recomputesBlocks: Whether activations are computed again in the backward pass, which
    ///     saves memory, costs about a third of a step's time and changes no bit.
    ///   - embeddingNoise: How much noise training adds to embeddings (NEFTune's α); not for samples
    ///     that share prefixes.
    ///   - shiftsAttention: Whether training sees groups of tokens alone
    ///     (`ForwardPass.shiftsAttention`).
    ///   - auxiliaryWeight: How much the loss counts that keeps the routers of experts balanced.
    public init(
        _ model: any CausalLM, _ objective: Loss, seed: UInt64 = 42, recomputesBlocks: Bool = false,
        embeddingNoise: Double = 0, shiftsAttention: Bool = false, auxiliaryWeight: Double = 0
    ) {
        (self.model, self.objective, self.seed) = (model, objective, seed)
        (self.recomputesBlocks, self.embeddingNoise) = (recomputesBlocks, embeddingNoise)
        self.shiftsAttention = shiftsAttention
        auxiliary = AuxiliaryLoss(coefficient: auxiliaryWeight)
        parameters =
            model.trainableParameters + objective.modules.flatMap { $0.trainableParameters }
    }

    /// Adds the gradients of the batch's loss sum.
    public func accumulate(
        _ batch: Batch, into gradients: inout Gradients
    ) throws -> LossReport {
        let tokens = batch.tokens
        var report = LossReport(tokens: tokens.tokenCount)
        guard tokens.supervision.count > 0 else { return report }
        var pass = ForwardPass(model.elementType, training: tokens, seed: seed)
        pass.recomputesBlocks = recomputesBlocks
        pass.embeddingNoise = embeddingNoise
        pass.shiftsAttention = shiftsAttention
        auxiliary.begin(&pass)
        let value = try addGradients(of: parameters, to: &gradients) {
            let loss = try objective(model, batch, pass)
            report.weight = loss.weight
            report.metrics = loss.metrics
            auxiliary.add(to: &report, from: pass)
            return loss.sum
        }
        try model.requireSound()
        report.sum += value.scalar
        return report
    }

    /// The loss of a batch without gradients.
    public func evaluate(_ batch: Batch) throws -> LossReport {
        let tokens = batch.tokens
        guard tokens.supervision.count > 0 else { return LossReport(tokens: tokens.tokenCount) }
        var pass = ForwardPass(model.elementType)
        auxiliary.begin(&pass)
        let loss = try objective(model, batch, pass)
        try model.requireSound()
        var report = LossReport(
            sum: loss.sum.scalar, weight: loss.weight, tokens: tokens.tokenCount,
            metrics: loss.metrics)
        auxiliary.add(to: &report, from: pass)
        return report
    }

    /// Those of the objective.
    public func derivedMetrics(_ metrics: [String: Metric]) -> [String: Metric] {
        objective.derivedMetrics(metrics)
    }

    /// That of the objective.
    public var state: StageState {
        get { objective.state }
        nonmutating set { objective.state = newValue }
    }
}
