internal import Foundation

/// −A·exp(mean of clipped ln ρ): the geometric mean of ratios that are limited one by one, in logarithms
/// and on the side where the limit holds them back (GMPO, Zhao et al. 2025).
///
/// Limits may be much wider than those of single tokens.
public struct GeometricMeanPolicyLoss: PolicyLoss, Hashable {
    /// How far ln ρ may fall below 0 where the advantage is negative.
    public var low: Double
    /// How far ln ρ may rise above 0 where it is positive.
    public var high: Double

    /// Creates a loss.
    public init(low: Double = 0.4, high: Double? = nil) {
        (self.low, self.high) = (low, high ?? low)
    }

    /// Costs and slopes of the tokens: the ratio of each is the answer's.
    public func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
        let logarithms = zip(tokens.new, tokens.old).map { $0 - $1 }
        let limited = zip(logarithms, tokens.advantages).map {
            $1 > 0 ? min($0, high) : max($0, -low)
        }
        let isFree = zip(limited, logarithms).map { $0 == $1 }
        let ratios = ImportanceRatio.geometricMean.values(ofLogarithms: limited)
        let slopes = ImportanceRatio.geometricMean.slopes(
            tokens.advantages.map { -$0 }, ratios: ratios)
        return PolicyCosts(
            losses: zip(ratios, tokens.advantages).map { -$0 * $1 },
            slopes: zip(slopes, isFree).map { $1 ? $0 : 0 }, ratios: ratios,
            isClipped: isFree.map { !$0 })
    }
}
