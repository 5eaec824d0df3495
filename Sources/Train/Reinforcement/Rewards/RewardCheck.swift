public import FledgeCore

/// Whether scores are what a run can learn from.
public enum RewardCheck {
    /// Refuses scores that are too few, too many or no numbers.
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
        guard let index = scores.firstIndex(where: { !$0.isFinite }) else { return }
        throw FledgeError(
            .service, "\(name) gave \(scores[index]) for answer \(index + 1) of \(count).",
            advice: "Scores have to be finite numbers.", at: location)
    }
}
