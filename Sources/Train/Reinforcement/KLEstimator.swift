internal import Foundation

/// What one drawn token says of the divergence of a policy from a reference.
public enum KLEstimator: String, Hashable, Sendable, CaseIterable {
    /// d = ln π − ln π_ref: without bias, and of either sign.
    case k1
    /// ½d².
    case k2
    /// e^(−d) + d − 1: without bias, and never negative (Schulman 2020).
    case k3
    /// |d|.
    case absolute

    /// The estimate and its derivative by ln π.
    public func callAsFunction(_ policy: Double, _ reference: Double) -> (
        value: Double, slope: Double
    ) {
        let difference = policy - reference
        switch self {
        case .k1: return (difference, 1)
        case .k2: return (difference * difference / 2, difference)
        case .k3:
            let opposite = exp(-difference)
            return (opposite + difference - 1, 1 - opposite)
        case .absolute:
            return (abs(difference), difference == 0 ? 0 : difference < 0 ? -1 : 1)
        }
    }
}

/// The divergence from a reference as a part of the loss (GRPO), where PPO and RLOO have it in the reward.
public struct KLPenalty: Hashable, Sendable {
    /// β, what the estimate is multiplied by.
    public var coefficient: Double
    /// How a token estimates it.
    public var estimator: KLEstimator
    /// What the ratio is of that the estimate is multiplied by, since tokens were drawn from the policy as
    /// it was; nil leaves that out.
    public var ratio: ImportanceRatio?

    /// Creates a penalty.
    public init(
        _ coefficient: Double, estimator: KLEstimator = .k3, ratio: ImportanceRatio? = .token
    ) {
        (self.coefficient, self.estimator, self.ratio) = (coefficient, estimator, ratio)
    }

    /// The cost of each token of an answer, and the derivative of all costs by each token's new ln p.
    ///
    /// - Parameter reference: ln p of each token by the reference.
    /// - Precondition: There are as many as tokens.
    public func callAsFunction(_ tokens: PolicyTokens, reference: [Double]) -> (
        losses: [Double], slopes: [Double]
    ) {
        precondition(
            reference.count == tokens.count,
            "KLPenalty: \(reference.count) of a reference, \(tokens.count) tokens")
        let estimates = zip(tokens.new, reference).map { estimator($0, $1) }
        let losses = estimates.map { coefficient * $0.value }
        let slopes = estimates.map { coefficient * $0.slope }
        guard let ratio else { return (losses, slopes) }
        let ratios = ratio.values(tokens)
        let ofRatios = ratio.slopes(losses, ratios: ratios)
        return (
            zip(losses, ratios).map { $0 * $1 },
            zip(zip(slopes, ratios), ofRatios).map { $0.0 * $0.1 + $1 }
        )
    }
}
