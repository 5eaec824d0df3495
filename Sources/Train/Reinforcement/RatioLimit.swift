/// Leaves out batches whose policy has run away from the one that gave the answers (`ratio_threshold` of
/// TRL's classic PPO).
public struct RatioLimit: Hashable, Sendable {
    /// The largest mean of π/π_old.
    public var most: Double

    /// Creates a limit.
    public init(_ most: Double = 10) { self.most = most }

    /// Whether the mean over all tokens is within the limit.
    public func allows(_ answers: [PolicyCosts]) -> Bool {
        let ratios = answers.flatMap(\.ratios)
        return ratios.reduce(0, +) <= most * Double(ratios.count)
    }
}
