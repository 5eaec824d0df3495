public import FledgeTensor

/// What answers that were found good or bad cost (KTO, Ethayarajh et al. 2024): λ·(1 − σ(β(ρ − K))) a
/// good one and λ·(1 − σ(β(K − ρ))) a bad one, with K the divergence of the policy from the reference.
public struct FeedbackLoss: Hashable, Sendable {
    /// What log-ratios are multiplied by.
    public var beta: Double
    /// How much good answers count (`kto_chosen_weight`).
    public var desirableWeight: Double
    /// How much bad answers count (`kto_rejected_weight`).
    public var undesirableWeight: Double

    /// Creates the loss.
    public init(beta: Double = 0.1, desirableWeight: Double = 1, undesirableWeight: Double = 1) {
        (self.beta, self.desirableWeight) = (beta, desirableWeight)
        self.undesirableWeight = undesirableWeight
    }

    /// K of a batch: the mean log-ratio of answers of other rows, at least 0; 0 of nothing.
    public func divergence(policy: [Double], reference: [Double]) -> Double {
        let total = zip(policy, reference).reduce(0) { $0 + ($1.0 - $1.1) }
        return max(0, total / Double(max(policy.count, 1)))
    }

    /// The losses of the rows, `[rows]`.
    ///
    /// - Parameter ratios: ρ = ln π − ln π_ref of each row's answer, `[rows]`.
    public func callAsFunction(
        _ ratios: Tensor, isDesirable: [Bool], divergence: Double
    ) -> Tensor {
        precondition(
            ratios.shape == [isDesirable.count],
            "FeedbackLoss: \(ratios.shape), \(isDesirable.count) rows")
        func constants(_ values: [Double]) -> Tensor {
            Tensor(values, shape: ratios.shape).converted(to: ratios.elementType)
        }
        let shift = constants(isDesirable.map { _ in divergence })
        let factors = constants(isDesirable.map { $0 ? -beta : beta })
        let weights = constants(isDesirable.map { $0 ? desirableWeight : undesirableWeight })
        return sigmoid((ratios - shift) * factors) * weights
    }
}
