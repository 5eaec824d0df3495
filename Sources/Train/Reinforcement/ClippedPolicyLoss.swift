/// max(−A·ρ, −A·clip(ρ, 1 − low, 1 + high)) with ρ = π/π_old (PPO, Schulman et al. 2017; with limits of
/// their own above and below, DAPO, Yu et al. 2025).
public struct ClippedPolicyLoss: PolicyLoss, Hashable {
    /// How far ρ may fall below 1.
    public var low: Double
    /// How far ρ may rise above 1.
    public var high: Double
    /// The most that ρ counts where A is negative (two-sided clipping, INTELLECT-2 2025); nil for no limit.
    public var most: Double?
    /// What ρ is of.
    public var ratio: ImportanceRatio

    /// Creates a loss.
    public init(
        low: Double = 0.2, high: Double? = nil, most: Double? = nil, ratio: ImportanceRatio = .token
    ) {
        (self.low, self.high, self.most) = (low, high ?? low, most)
        self.ratio = ratio
    }

    /// Costs and slopes of the tokens.
    public func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
        let ratios = ratio.values(tokens)
        let costs = zip(ratios, tokens.advantages).map { cost($0, $1) }
        return PolicyCosts(
            losses: costs.map(\.value), slopes: ratio.slopes(costs.map(\.slope), ratios: ratios),
            ratios: ratios, isClipped: costs.map(\.isClipped))
    }

    /// The cost of a ratio and its derivative by the ratio.
    private func cost(_ ratio: Double, _ advantage: Double) -> (
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
/// al. 2025) or their product (RLOO).
public struct SequencePolicyLoss: PolicyLoss, Hashable {
    private let clipped: ClippedPolicyLoss

    /// Creates a loss; useful limits of a mean are far smaller than those of single tokens.
    public init(
        low: Double = 3e-4, high: Double? = 4e-4, most: Double? = nil,
        ratio: ImportanceRatio = .geometricMean
    ) {
        clipped = ClippedPolicyLoss(low: low, high: high, most: most, ratio: ratio)
    }

    /// Costs and slopes of the tokens: the ratio of each is the answer's.
    public func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts { clipped(tokens) }
}
