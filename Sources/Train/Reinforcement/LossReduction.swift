/// How the costs of tokens become a loss: always a sum and the weight that it is divided by once, over all
/// micro-batches of a step.
public enum LossReduction: Hashable, Sendable {
    /// The mean over tokens (DAPO's).
    case tokens
    /// The mean over answers of their tokens' means (GRPO's).
    case answers
    /// The mean over answers of their tokens' sums divided by a constant (Dr. GRPO's).
    case constantLength(Int)

    /// The mean over answers of their tokens' sums (LUSPO's).
    public static let sums = LossReduction.constantLength(1)

    /// What each token's cost of an answer of `count` tokens is multiplied by.
    public func factor(ofTokens count: Int) -> Double {
        switch self {
        case .tokens: 1
        case .answers: count > 0 ? 1 / Double(count) : 0
        case .constantLength(let length): 1 / Double(max(length, 1))
        }
    }

    /// The weight of an answer of `count` tokens.
    public func weight(ofTokens count: Int) -> Double {
        switch self {
        case .tokens: Double(count)
        case .answers, .constantLength: 1
        }
    }
}
