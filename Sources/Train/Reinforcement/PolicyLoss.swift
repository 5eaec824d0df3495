internal import Foundation

/// The tokens of one answer as a policy's loss looks at them.
public struct PolicyTokens: Hashable, Sendable {
    /// ln p by the policy that is trained.
    public var new: [Double]
    /// ln p by the policy that gave the answer.
    public var old: [Double]
    /// How much better than expected each token was.
    public var advantages: [Double]

    /// Creates tokens.
    ///
    /// - Precondition: There are as many of each.
    public init(new: [Double], old: [Double], advantages: [Double]) {
        precondition(
            new.count == old.count && new.count == advantages.count,
            "PolicyTokens: \(new.count) new, \(old.count) old, \(advantages.count) advantages")
        (self.new, self.old, self.advantages) = (new, old, advantages)
    }
}

/// What a policy's tokens cost, and the slope of each cost in that token's ln p.
public struct PolicyCosts: Hashable, Sendable {
    /// The cost of each token.
    public var losses: [Double]
    /// Its derivative by the new ln p of each token, of all costs together.
    public var slopes: [Double]
    /// π/π_old of each token.
    public var ratios: [Double]
    /// Whether the limit of the ratio was what counted.
    public var isClipped: [Bool]
}

/// A loss of a policy by the advantages of its tokens, one answer at a time.
public protocol PolicyLoss: Sendable {
    /// Costs and slopes of the tokens of one answer.
    func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts
}

/// max(−A·ρ, −A·clip(ρ, 1 − low, 1 + high)) with ρ = π/π_old (PPO, Schulman et al. 2017; with limits of
/// their own above and below, DAPO, Yu et al. 2025).
public struct ClippedPolicyLoss: PolicyLoss, Hashable {
    /// How far ρ may fall below 1.
    public var low: Double
    /// How far ρ may rise above 1.
    public var high: Double
    /// The most that ρ counts where A is negative (two-sided clipping, INTELLECT-2 2025); nil for no limit.
    public var most: Double?

    /// Creates a loss.
    public init(low: Double = 0.2, high: Double? = nil, most: Double? = nil) {
        (self.low, self.high, self.most) = (low, high ?? low, most)
    }

    /// Costs and slopes of the tokens.
    public func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
        let count = tokens.new.count
        var costs = PolicyCosts(
            losses: [], slopes: [], ratios: [], isClipped: [])
        for t in 0..<count {
            let ratio = exp(tokens.new[t] - tokens.old[t])
            let cost = cost(ratio, tokens.advantages[t])
            costs.losses.append(cost.value)
            // dρ/d ln p is ρ.
            costs.slopes.append(cost.slope * ratio)
            costs.ratios.append(ratio)
            costs.isClipped.append(cost.isClipped)
        }
        return costs
    }

    /// The cost of a ratio and its derivative by the ratio.
    func cost(_ ratio: Double, _ advantage: Double) -> (
        value: Double, slope: Double, isClipped: Bool
    ) {
        let limited = most.map { min(ratio, $0) } ?? ratio
        let clipped = min(max(ratio, 1 - low), 1 + high)
        let (free, bound) = (-advantage * limited, -advantage * clipped)
        guard bound > free else { return (free, limited == ratio ? -advantage : 0, false) }
        return (bound, clipped == ratio ? -advantage : 0, true)
    }
}

/// The clipped loss with one ratio for the whole answer, the geometric mean of its tokens' (GSPO, Zheng et
/// al. 2025).
public struct SequencePolicyLoss: PolicyLoss, Hashable {
    private let clipped: ClippedPolicyLoss

    /// Creates a loss; useful limits are far smaller than those of single tokens.
    public init(low: Double = 3e-4, high: Double? = 4e-4) {
        clipped = ClippedPolicyLoss(low: low, high: high)
    }

    /// Costs and slopes of the tokens: the ratio of each is the answer's.
    public func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
        let count = tokens.new.count
        let sum = zip(tokens.new, tokens.old).reduce(0) { $0 + $1.0 - $1.1 }
        let ratio = exp(sum / Double(max(count, 1)))
        let costs = tokens.advantages.map { clipped.cost(ratio, $0) }
        // Every token's ln p moves the ratio of all of them, by an equal part.
        let slope = costs.reduce(0) { $0 + $1.slope } * ratio / Double(max(count, 1))
        return PolicyCosts(
            losses: costs.map(\.value), slopes: Array(repeating: slope, count: count),
            ratios: Array(repeating: ratio, count: count), isClipped: costs.map(\.isClipped))
    }
}

/// ½·max((v − R)², (clip(v, V ± range) − R)²), with V what was expected when the answer was given.
public struct ClippedValueLoss: Hashable, Sendable {
    /// How far values may move.
    public var range: Double

    /// Creates a loss.
    public init(range: Double = 0.2) { self.range = range }

    /// The cost of a value and its derivative.
    public func callAsFunction(_ value: Double, before: Double, target: Double) -> (
        value: Double, slope: Double, isClipped: Bool
    ) {
        let clipped = min(max(value, before - range), before + range)
        let (free, bound) = (value - target, clipped - target)
        guard bound * bound > free * free else { return (free * free / 2, free, false) }
        return (bound * bound / 2, clipped == value ? bound : 0, true)
    }
}
