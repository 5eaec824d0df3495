internal import Foundation

/// What of an answer a ratio π/π_old is of.
public enum ImportanceRatio: String, Hashable, Sendable, CaseIterable {
    /// Each token by itself (PPO, GRPO).
    case token
    /// The geometric mean of all tokens' (GSPO, Zheng et al. 2025).
    case geometricMean
    /// The answer as a whole: the product of its tokens' (RLOO, Ahmadian et al. 2024).
    case product

    /// The ratio that counts for each token.
    public func values(_ tokens: PolicyTokens) -> [Double] {
        values(ofLogarithms: zip(tokens.new, tokens.old).map { $0 - $1 })
    }

    /// The same of ln π − ln π_old.
    func values(ofLogarithms logarithms: [Double]) -> [Double] {
        guard self != .token else { return logarithms.map { exp($0) } }
        let ratio = exp(logarithms.reduce(0, +) / divisor(logarithms.count))
        return Array(repeating: ratio, count: logarithms.count)
    }

    /// Derivatives by the new ln p of each token.
    ///
    /// - Parameters:
    ///   - byRatio: Derivatives of each token's cost by the ratio that counts for it.
    ///   - ratios: Those ratios.
    public func slopes(_ byRatio: [Double], ratios: [Double]) -> [Double] {
        // dρ/d ln p is ρ.
        guard self != .token else { return zip(byRatio, ratios).map { $0 * $1 } }
        // Every token's ln p moves the ratio of all of them, by an equal part.
        let slope = byRatio.reduce(0, +) * (ratios.first ?? 1) / divisor(ratios.count)
        return Array(repeating: slope, count: ratios.count)
    }

    private func divisor(_ count: Int) -> Double {
        self == .geometricMean ? Double(max(count, 1)) : 1
    }
}
