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

    /// Number of tokens.
    public var count: Int { new.count }

    /// The same with each token's advantage, and so its cost and slopes, times a weight.
    ///
    /// - Precondition: There are as many weights as tokens.
    public func weighted(by weights: [Double]) -> PolicyTokens {
        precondition(weights.count == count, "PolicyTokens: \(weights.count) weights of \(count)")
        return PolicyTokens(
            new: new, old: old, advantages: zip(advantages, weights).map { $0 * $1 })
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

    /// Creates costs.
    public init(losses: [Double], slopes: [Double], ratios: [Double], isClipped: [Bool]) {
        (self.losses, self.slopes, self.ratios) = (losses, slopes, ratios)
        self.isClipped = isClipped
    }
}

/// A loss of a policy by the advantages of its tokens, one answer at a time.
///
/// Costs are proportional to advantages: those of tokens whose advantages are doubled are doubled. That is
/// how weights of tokens work (``PolicyTokens/weighted(by:)``).
///
/// ```swift
/// struct Plain: PolicyLoss {
///     func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
///         PolicyCosts(
///             losses: zip(tokens.new, tokens.advantages).map { -$0 * $1 },
///             slopes: tokens.advantages.map { -$0 },
///             ratios: tokens.new.map { _ in 1 }, isClipped: tokens.new.map { _ in false })
///     }
/// }
/// ```
public protocol PolicyLoss: Sendable {
    /// Costs and slopes of the tokens of one answer.
    func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts
}
