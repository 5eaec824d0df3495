/// Gives 1 to answers of a length that is asked for, and less the further they are from it
/// (`type: length`).
///
/// Below `least` it is length / least, above `most` it falls to 0 at twice as much.
public struct LengthRule: RewardRule {
    /// What lengths are counted in.
    public enum Unit: String, Hashable, Sendable, CaseIterable {
        /// Tokens of the answer, with the one that ends it.
        case tokens
        /// Characters of the answer, as Unicode counts them (scalars).
        case characters
    }

    private let least: Int
    private let most: Int?
    private let unit: Unit

    /// Creates a rule.
    ///
    /// - Precondition: `0 <= least <= most` and `0 < most`.
    public init(_ least: Int, _ most: Int?, unit: Unit = .tokens) {
        precondition(
            least >= 0 && most.map { $0 > 0 && $0 >= least } ?? true,
            "LengthRule: \(least) to \(most.map(String.init) ?? "any")")
        (self.least, self.most, self.unit) = (least, most, unit)
    }

    /// How near the length is to what is asked for.
    public func score(_ answer: JudgedAnswer) -> Double {
        let length =
            switch unit {
            case .tokens: answer.answerIDs.count
            case .characters: answer.answer.unicodeScalars.count
            }
        if length < least { return Double(length) / Double(least) }
        guard let most, length > most else { return 1 }
        return max(0, 2 - Double(length) / Double(most))
    }
}
