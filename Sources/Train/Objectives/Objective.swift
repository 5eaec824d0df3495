public import FledgeCore
public import FledgeModel
public import FledgeTensor

/// A loss as (sum, weight), never a mean: the mean is taken once per optimizer step, over all its
/// micro-batches and ranks.
public struct Loss {
    /// The weighted sum, a scalar.
    public var sum: Tensor
    /// What the sum is divided by, together with the weights of the step's other micro-batches.
    public var weight: Double
    /// Further sums to report, by name, each divided by the weight.
    public var metrics: [String: Double]

    /// Creates a loss.
    public init(sum: Tensor, weight: Double, metrics: [String: Double] = [:]) {
        (self.sum, self.weight, self.metrics) = (sum, weight, metrics)
    }
}

/// What a run minimises: a loss of a model on a batch.
public protocol Objective {
    /// The loss of one batch.
    ///
    /// - Parameters:
    ///   - model: The model, with its adapters attached.
    ///   - batch: Tokens and what is supervised in them.
    ///   - pass: Precision and random keys.
    func callAsFunction(
        _ model: some CausalLM, _ batch: TokenBatch, _ pass: ForwardPass
    ) throws -> Loss
}

/// The cross-entropy of supervised tokens, each counted by its weight (reference: 05 §1.1).
public struct TokenCrossEntropy: Objective {
    /// Creates the objective.
    public init() {}

    /// `Σ wᵢ·(−ln p(targetᵢ))` and `Σ wᵢ`.
    public func callAsFunction(
        _ model: some CausalLM, _ batch: TokenBatch, _ pass: ForwardPass
    ) throws -> Loss {
        let hidden = model.hiddenStates(batch, pass)
        return Loss(
            sum: tokenCrossEntropy(hidden, head: model.head, batch.supervision),
            weight: batch.supervision.totalWeight)
    }
}
