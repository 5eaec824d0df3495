internal import Foundation

/// −φ(w)·A·ln π with the ratio w of the whole answer and φ(w) = e^λ·w^k·e^(−λw), a weight without slope
/// that is 1 at w = 1 and falls on both sides (VESPO 2026).
public struct GammaWeightedPolicyLoss: PolicyLoss, Hashable {
    /// k and λ of a side.
    public struct Shape: Hashable, Sendable {
        /// k, the power.
        public var power: Double
        /// λ, the rate.
        public var rate: Double

        /// Creates a shape.
        public init(power: Double, rate: Double) { (self.power, self.rate) = (power, rate) }
    }

    /// Where the advantage is not negative.
    public var positive: Shape
    /// Where it is.
    public var negative: Shape

    /// Creates a loss, TRL's when all is left out.
    public init(
        positive: Shape = Shape(power: 2, rate: 3), negative: Shape = Shape(power: 3, rate: 2)
    ) {
        (self.positive, self.negative) = (positive, negative)
    }

    /// Costs and slopes of the tokens; none is clipped.
    public func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
        let sum = zip(tokens.new, tokens.old).reduce(0) { $0 + min(max($1.0 - $1.1, -20), 20) }
        let logarithm = min(max(sum, log(1e-8)), 20)
        let slopes = tokens.advantages.map { advantage in
            let shape = advantage >= 0 ? positive : negative
            return -advantage
                * exp(shape.rate + shape.power * logarithm - shape.rate * exp(logarithm))
        }
        return PolicyCosts(
            losses: zip(slopes, tokens.new).map { $0 * $1 }, slopes: slopes,
            ratios: Array(repeating: exp(logarithm), count: tokens.count),
            isClipped: slopes.map { _ in false })
    }
}
