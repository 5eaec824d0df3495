import Fledge

/// A reward of somebody's own: short answers are better.
struct Brevity: RewardSource {
    func scores(_ answers: [JudgedAnswer]) -> [Double] {
        answers.map { 1 / Double(max($0.answerIDs.count, 1)) }
    }
}

/// A rule of somebody's own: nobody shouts.
struct Calmness: RewardRule {
    func score(_ answer: JudgedAnswer) -> Double { answer.answer.contains("!") ? 0 : 1 }
}
