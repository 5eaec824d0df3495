/// Several rewards as one: the sum of what they give, each a part by its name.
public struct RewardSum: RewardSource {
    private let sources: [(name: String, source: any RewardSource)]

    /// Creates a sum of named rewards.
    public init(_ sources: [(name: String, source: any RewardSource)]) { self.sources = sources }

    /// The sums.
    public func scores(_ answers: [JudgedAnswer]) async throws -> [Double] {
        try await rewards(answers).map(\.score)
    }

    /// The sums, with what each source gave and what that is made of.
    public func rewards(_ answers: [JudgedAnswer]) async throws -> [Reward] {
        var sums = [Reward](repeating: Reward(0), count: answers.count)
        for (name, source) in sources {
            let rewards = try await source.rewards(answers)
            try RewardCheck.requireScores(rewards.map(\.score), of: answers.count, from: name)
            for (index, reward) in rewards.enumerated() {
                sums[index].score += reward.score
                sums[index].parts[name] = reward.score
                for (part, value) in reward.parts {
                    let isTaken = sources.contains { $0.name == part }
                    sums[index].parts[isTaken ? name + "/" + part : part] = value
                }
            }
        }
        return sums
    }
}
