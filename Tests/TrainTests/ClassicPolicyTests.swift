import FledgeCore
import FledgeTrain
import Foundation
import Testing

/// Rewards, advantages, losses and their slopes of PPO against trl 0.9.6 on random inputs.
@Suite("PPO against trl 0.9.6") struct ClassicPolicyTests {
    /// The tokens of a case's answers, which lie somewhere in the rows of a padded batch.
    private struct Batch {
        let item: JSONValue
        let ranges: [Range<Int>]
        let length: Int

        init(_ item: JSONValue, ranges: JSONValue) throws {
            self.item = item
            self.ranges = ranges.rows.map { Int($0[0])..<Int($0[1]) }
            length = try #require(item.rows("old").first).count
        }

        func callAsFunction(_ key: String) throws -> [[Double]] {
            try zip(item.rows(key), ranges).map { Array($0[$1]) }
        }
    }

    private func rewards(_ batch: Batch) throws -> [AnswerRewards] {
        let estimators: [String: KLEstimator] = ["kl": .k1, "abs": .absolute, "mse": .k2]
        let estimator = try #require(estimators[batch.item["penalty"]?.stringValue ?? ""])
        let (old, reference) = (try batch("old"), try batch("reference"))
        let (values, scores) = (try batch("values"), try batch.item.doubles("scores"))
        return old.indices.map { row in
            var rewards = zip(old[row], reference[row]).map { -0.2 * estimator($0, $1).value }
            rewards[rewards.count - 1] += scores[row]
            return AnswerRewards(
                rewards, values: values[row], padding: batch.length - batch.ranges[row].upperBound)
        }
    }

    @Test func rewardsAdvantagesAndReturns() throws {
        let fixture = try PolicyFixtures.named("reinforcement_classic")
        for item in try fixture.items("cases") {
            let batch = try Batch(item, ranges: try #require(fixture["ranges"]))
            let rewards = try rewards(batch)
            expectEqual(
                rewards.flatMap(\.rewards), try batch("rewards").flatMap(\.self), "rewards")
            let found = GeneralizedAdvantages(
                discount: try item.number("gamma"), smoothing: try item.number("lam"),
                whitensRewards: item["whiten"]?.boolValue == true)(rewards)
            expectEqual(
                found.flatMap(\.advantages), try batch("advantages").flatMap(\.self), "advantages")
            expectEqual(found.flatMap(\.returns), try batch("returns").flatMap(\.self), "returns")
        }
    }

    @Test func lossesAndSlopes() throws {
        let fixture = try PolicyFixtures.named("reinforcement_classic")
        var isSkipped = false
        for item in try fixture.items("cases") {
            let batch = try Batch(item, ranges: try #require(fixture["ranges"]))
            let (new, old) = (try batch("new"), try batch("old"))
            let (before, predicted) = (try batch("values"), try batch("predicted"))
            let (advantages, returns) = (try batch("advantages"), try batch("returns"))
            let clip = try item.number("clip")
            let costs = new.indices.map {
                ClippedPolicyLoss(low: clip)(
                    PolicyTokens(new: new[$0], old: old[$0], advantages: advantages[$0]))
            }
            let valueLoss = ClippedValueLoss(range: try item.number("clip_value"))
            let values = new.indices.flatMap { row in
                new[row].indices.map {
                    valueLoss(
                        predicted[row][$0], before: before[row][$0], target: returns[row][$0])
                }
            }
            // Batches whose policy has run away count for nothing.
            let count = Double(values.count)
            let isAllowed =
                costs.flatMap(\.ratios).reduce(0, +) / count <= (try item.number("threshold"))
            isSkipped = isSkipped || !isAllowed
            let factor = isAllowed ? 1 / count : 0
            let weight = factor * (try item.number("value_weight"))
            expectEqual(
                [
                    costs.flatMap(\.losses).reduce(0, +) * factor,
                    values.reduce(0) { $0 + $1.value } * weight,
                    costs.flatMap(\.isClipped).reduce(0) { $0 + ($1 ? 1 : 0) } / count,
                    values.reduce(0) { $0 + ($1.isClipped ? 1 : 0) } / count,
                ],
                try ["policy_loss", "value_loss", "policy_clipped", "value_clipped"].map(
                    item.number),
                "losses")
            expectEqual(
                costs.flatMap(\.slopes).map { $0 * factor },
                try batch("policy_slopes").flatMap(\.self), "slopes of the policy")
            expectEqual(
                values.map { $0.slope * weight }, try batch("value_slopes").flatMap(\.self),
                "slopes of values")
            for (name, estimator) in [("k1", KLEstimator.k1), ("k2", .k2)] {
                let sum = zip(old.flatMap(\.self), new.flatMap(\.self))
                    .reduce(0) { $0 + estimator($1.0, $1.1).value }
                expectEqual([sum / count], [try item.number(name)], name)
            }
        }
        #expect(isSkipped)
    }

    @Test func controlsOfTheDivergence() throws {
        for item in try PolicyFixtures.named("reinforcement_classic").items("controls") {
            var control = AdaptiveKLControl(
                0.2, target: try item.number("target"), horizon: try item.number("horizon"))
            for step in try item.rows("steps") {
                control.observe(divergence: step[0], answers: Int(step[1]))
                expectEqual([control.coefficient], [step[2]], "coefficient")
            }
        }
    }

    @Test func momentsThatRun() throws {
        var normalizer = ScoreNormalizer()
        for item in try PolicyFixtures.named("reinforcement_classic").items("moments") {
            expectEqual(
                normalizer(try item.doubles("scores")), try item.doubles("normalised"), "scores")
            expectEqual(
                [normalizer.mean, normalizer.deviation],
                [try item.number("mean"), try item.number("deviation")], "moments")
        }
    }
}
