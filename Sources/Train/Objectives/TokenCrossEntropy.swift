public import FledgeCore
public import FledgeModel
internal import FledgeTensor

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
