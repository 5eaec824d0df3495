internal import Foundation

/// −A·σ(τ(ρ − 1))·4/τ: instead of a limit, ρ counts the less the further it is from 1 (SAPO, Gao et al.
/// 2025).
public struct SoftGatedPolicyLoss: PolicyLoss, Hashable {
    /// τ where the advantage is positive.
    public var positive: Double
    /// τ where it is not.
    public var negative: Double
    /// What ρ is of.
    public var ratio: ImportanceRatio

    /// Creates a loss.
    public init(positive: Double = 1, negative: Double = 1.05, ratio: ImportanceRatio = .token) {
        (self.positive, self.negative, self.ratio) = (positive, negative, ratio)
    }

    /// Costs and slopes of the tokens; none is clipped.
    public func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
        let ratios = ratio.values(tokens)
        let costs = zip(ratios, tokens.advantages).map { ratio, advantage in
            let temperature = advantage > 0 ? positive : negative
            let gate = 1 / (1 + exp(-temperature * (ratio - 1)))
            return (
                value: -advantage * gate * 4 / temperature,
                slope: -advantage * 4 * gate * (1 - gate)
            )
        }
        return PolicyCosts(
            losses: costs.map(\.value), slopes: ratio.slopes(costs.map(\.slope), ratios: ratios),
            ratios: ratios, isClipped: ratios.map { _ in false })
    }
}
