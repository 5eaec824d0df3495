public import FledgeCore

/// Whether scores are what a run can learn from.
public enum RewardCheck {
    /// The largest score: squares of much larger ones are no numbers any more.
    private static let largest = 1e100

    /// Refuses scores that are too few, too many, no numbers or beyond all measure.
    ///
    /// - Parameter name: Whose scores they are.
    /// - Throws: ``FledgeError`` that says what was found.
    public static func requireScores(
        _ scores: [Double], of count: Int, from name: String,
        at location: FledgeError.Location? = nil
    ) throws {
        guard scores.count == count else {
            throw FledgeError(
                .service, "\(name) gave \(scores.count) scores for \(count) answers.",
                advice: "There has to be one for each answer, in their order.", at: location)
        }
        guard let index = scores.firstIndex(where: { !(abs($0) <= largest) }) else { return }
        throw FledgeError(
            .service, "\(name) gave \(scores[index]) for answer \(index + 1) of \(count).",
            advice: "Scores have to be finite numbers, of at most \(largest) or -\(largest).",
            at: location)
    }
}
