/// Weights of tokens that were not drawn from the policy that their loss assumes: by other software, in
/// another precision, from a truncated distribution, or too many updates ago.
///
/// Weights have no slope; ``PolicyTokens/weighted(by:)`` applies them.
public protocol RolloutCorrection: Sendable {
    /// The weight of each token of an answer.
    ///
    /// - Parameter drawn: ln p of each token in the distribution that it was drawn from. A number that is
    ///   none corrects nothing.
    func weights(of tokens: PolicyTokens, drawn: [Double]) -> [Double]
}

/// π_old/π_drawn between two limits (truncated importance sampling).
public struct TruncatedCorrection: RolloutCorrection, Hashable {
    /// What the ratio is of.
    public var ratio: ImportanceRatio
    /// The least weight; nil for none.
    public var least: Double?
    /// The largest weight; nil for none.
    public var most: Double?

    /// Creates a correction.
    public init(_ ratio: ImportanceRatio = .token, least: Double? = nil, most: Double? = 3) {
        (self.ratio, self.least, self.most) = (ratio, least, most)
    }

    /// The weight of each token.
    ///
    /// - Precondition: There are as many drawn as tokens.
    public func weights(of tokens: PolicyTokens, drawn: [Double]) -> [Double] {
        corrections(of: tokens, drawn: drawn, ratio: ratio).map {
            min(max($0, least ?? -.infinity), most ?? .infinity)
        }
    }
}

/// π_old/π_drawn, and 0 outside of two limits (masked importance sampling). The newest TRL's is of the
/// whole answer, up to 3.
public struct MaskedCorrection: RolloutCorrection, Hashable {
    /// What the ratio is of.
    public var ratio: ImportanceRatio
    /// The least ratio that counts; nil for none.
    public var least: Double?
    /// The largest ratio that counts; nil for none.
    public var most: Double?

    /// Creates a correction.
    public init(_ ratio: ImportanceRatio = .product, least: Double? = nil, most: Double? = 3) {
        (self.ratio, self.least, self.most) = (ratio, least, most)
    }

    /// The weight of each token.
    ///
    /// - Precondition: There are as many drawn as tokens.
    public func weights(of tokens: PolicyTokens, drawn: [Double]) -> [Double] {
        corrections(of: tokens, drawn: drawn, ratio: ratio).map {
            $0 < (least ?? -.infinity) || $0 > (most ?? .infinity) ? 0 : $0
        }
    }
}

/// 0 for tokens of negative advantage in answers that the policy would hardly give any more: where the
/// mean of ln π_old − ln π is above a threshold (DeepSeek-V3.2, 2025), or that of ln π_drawn − ln π. Every
/// other weight is 1.
public struct OffPolicyMask: RolloutCorrection, Hashable {
    /// The largest mean divergence at which an answer still counts against itself.
    public var threshold: Double

    /// Whether divergence is measured from the distribution that answers were drawn from, and not from the
    /// policy that gave them.
    public var isFromDrawn: Bool

    /// Creates a mask.
    public init(threshold: Double, isFromDrawn: Bool = false) {
        (self.threshold, self.isFromDrawn) = (threshold, isFromDrawn)
    }

    /// The weight of each token.
    ///
    /// - Precondition: There are as many drawn as tokens.
    public func weights(of tokens: PolicyTokens, drawn: [Double]) -> [Double] {
        let sum = differences(isFromDrawn ? drawn : tokens.old, tokens.new).reduce(0, +)
        let isFar = sum / Double(max(tokens.count, 1)) > threshold
        return tokens.advantages.map { isFar && $0 < 0 ? 0 : 1 }
    }
}

/// Several corrections, of which each weighs every token.
public struct CorrectionProduct: RolloutCorrection {
    /// The corrections.
    public var corrections: [any RolloutCorrection]

    /// Creates the product; of none it is 1.
    public init(_ corrections: [any RolloutCorrection]) { self.corrections = corrections }

    /// The weight of each token.
    ///
    /// - Precondition: There are as many drawn as tokens.
    public func weights(of tokens: PolicyTokens, drawn: [Double]) -> [Double] {
        corrections.reduce(Array(repeating: 1, count: tokens.count)) {
            zip($0, $1.weights(of: tokens, drawn: drawn)).map { $0 * $1 }
        }
    }
}

/// π_old/π_drawn as it counts for each token.
private func corrections(of tokens: PolicyTokens, drawn: [Double], ratio: ImportanceRatio)
    -> [Double]
{
    ratio.values(ofLogarithms: differences(tokens.old, drawn))
}

/// Differences of logarithms, 0 where one is not a number.
private func differences(_ first: [Double], _ second: [Double]) -> [Double] {
    precondition(
        first.count == second.count,
        "RolloutCorrection: \(first.count) and \(second.count) tokens")
    return zip(first, second).map { $0 - $1 }.map { $0.isNaN ? 0 : $0 }
}
