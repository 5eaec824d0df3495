internal import Foundation

/// What a step of learning from own answers tells about itself.
enum PolicyMetrics {
    /// How long answers are, and how many have no end.
    static func ofAnswers(_ rollouts: [Rollout]) -> [String: Metric] {
        let lengths = rollouts.map { Double($0.answer.count) }
        return [
            "completions/mean_length": Metric(meanOf: lengths),
            "completions/clipped_ratio": Metric(meanOf: rollouts.map { $0.isTruncated ? 1 : 0 }),
        ]
    }

    /// The distribution of scores, and the share of groups in which all are equal.
    static func ofScores(_ scores: [Double], groups: [Int]) -> [String: Metric] {
        guard let least = scores.min(), let most = scores.max() else { return [:] }
        let sorted = scores.sorted()
        let several = Dictionary(grouping: scores.indices) { groups[$0] }.values
            .filter { $0.count > 1 }
        var metrics = [
            "reward": Metric(meanOf: scores),
            "reward_std": Metric(sum: Moments(of: scores).deviation, weight: 1),
            "reward_min": Metric(sum: least, weight: 1),
            "reward_median": Metric(
                meanOf: [sorted[(sorted.count - 1) / 2], sorted[sorted.count / 2]]),
            "reward_max": Metric(sum: most, weight: 1),
        ]
        if !several.isEmpty {
            metrics["frac_reward_zero_std"] = Metric(
                meanOf: several.map { places in
                    places.allSatisfy { scores[$0] == scores[places[0]] } ? 1 : 0
                })
        }
        return metrics
    }

    /// The mean of each part that rewards are made of.
    static func ofParts(_ rewards: [Reward]) -> [String: Metric] {
        var metrics: [String: Metric] = [:]
        for reward in rewards {
            for (name, value) in reward.parts {
                metrics["rewards/" + name, default: Metric(sum: 0, weight: 0)] += Metric(
                    sum: value, weight: 1)
            }
        }
        return metrics
    }

    /// How far the policy that gave the answers is from the reference: the mean over answers of
    /// Σ(ln π − ln π_ref), and three estimators of the divergence of a token (Schulman 2020), of which the
    /// first may be negative.
    static func ofDivergence(_ answers: [PolicyAnswer]) -> [String: Metric] {
        let compared = answers.filter { !$0.old.isEmpty && !$0.reference.isEmpty }
        guard !compared.isEmpty else { return [:] }
        var sums = [0.0, 0, 0]
        var (tokens, ofAnswers) = (0.0, [Double]())
        for answer in compared {
            var total = 0.0
            for (new, reference) in zip(answer.old, answer.reference) {
                let distance = new - reference
                total += distance
                sums[1] += distance * distance / 2
                sums[2] += expm1(-distance) + distance
            }
            sums[0] += total
            tokens += Double(answer.count)
            ofAnswers.append(total)
        }
        var metrics = ["kl": Metric(meanOf: ofAnswers)]
        for (number, sum) in sums.enumerated() {
            metrics["kl/k\(number + 1)"] = Metric(sum: sum, weight: tokens)
        }
        return metrics
    }

    /// 1 − Var(returns − values)/Var(returns): 1 where the head expects what comes, below 0 where it
    /// expects worse than their mean does.
    static func explainedVariance(_ answers: [PolicyAnswer]) -> Metric {
        let learned = answers.filter { !$0.returns.isEmpty }
        let returns = learned.flatMap(\.returns)
        let rests = zip(returns, learned.flatMap(\.values)).map { $0 - $1 }
        let all = Moments(of: returns).variance
        return Metric(sum: all > 0 ? 1 - Moments(of: rests).variance / all : 0, weight: 1)
    }
}
