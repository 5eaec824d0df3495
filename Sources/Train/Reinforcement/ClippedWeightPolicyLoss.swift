/// −min(ρ, most)·A·ln π, where ρ is a weight that has no slope of its own, so that every token keeps
/// moving (CISPO, MiniMax 2025).
public struct ClippedWeightPolicyLoss: PolicyLoss, Hashable {
    /// The most that ρ counts.
    public var most: Double
    /// What ρ is of.
    public var ratio: ImportanceRatio

    /// Creates a loss.
    public init(most: Double = 5, ratio: ImportanceRatio = .token) {
        (self.most, self.ratio) = (most, ratio)
    }

    /// Costs and slopes of the tokens.
    public func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
        let ratios = ratio.values(tokens)
        let slopes = zip(ratios, tokens.advantages).map { -min($0, most) * $1 }
        return PolicyCosts(
            losses: zip(slopes, tokens.new).map { $0 * $1 }, slopes: slopes, ratios: ratios,
            isClipped: zip(ratios, tokens.advantages).map { $0 > most && $1 > 0 })
    }
}

/// −A·ln π, of answers that the policy gave as it is (REINFORCE, Williams 1992).
public struct PolicyGradientLoss: PolicyLoss, Hashable {
    /// Creates a loss.
    public init() {}

    /// Costs and slopes of the tokens; none is clipped.
    public func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
        PolicyCosts(
            losses: zip(tokens.new, tokens.advantages).map { -$0 * $1 },
            slopes: tokens.advantages.map { -$0 }, ratios: ImportanceRatio.token.values(tokens),
            isClipped: tokens.new.map { _ in false })
    }
}
