import FledgeCore
import FledgeTrain
import Foundation
import Testing

/// Losses of group methods and their slopes against the newest TRL on random inputs.
@Suite("GRPO, RLOO and GMPO against trl 1.16") struct GroupPolicyTests {
    /// Four answers as the trainers see them, without what lies behind their ends.
    private struct Answers {
        let item: JSONValue
        let lengths: [Int]
        let advantages: [Double]

        init(_ item: JSONValue) throws {
            self.item = item
            lengths = try item.rows("mask").map { Int($0.reduce(0, +)) }
            advantages = try item.doubles("advantages")
        }

        func callAsFunction(_ key: String) throws -> [[Double]] { cut(try item.rows(key)) }

        func cut(_ rows: [[Double]]) -> [[Double]] {
            zip(rows, lengths).map { Array($0.prefix($1)) }
        }

        func tokens() throws -> [PolicyTokens] {
            let (new, old) = (try self("new"), try self("old"))
            return new.indices.map {
                PolicyTokens(
                    new: new[$0], old: old[$0],
                    advantages: Array(repeating: advantages[$0], count: lengths[$0]))
            }
        }
    }

    private func ratio(_ item: JSONValue) -> ImportanceRatio {
        item["level"]?.stringValue == "sequence" ? .geometricMean : .token
    }

    private func loss(_ item: JSONValue) -> any PolicyLoss {
        let (low, high) = (item["low"]?.doubleValue ?? 0.2, item["high"]?.doubleValue ?? 0.28)
        let ratio = ratio(item)
        switch item["trainer"]?.stringValue {
        case "rloo": return SequencePolicyLoss(low: low, high: high, ratio: .product)
        case "gmpo": return GeometricMeanPolicyLoss(low: low, high: high)
        default: break
        }
        let most = item["delta"]?.doubleValue
        return switch item["loss_type"]?.stringValue {
        case "sapo": SoftGatedPolicyLoss(ratio: ratio)
        case "cispo": ClippedWeightPolicyLoss(most: high, ratio: ratio)
        case "vespo": GammaWeightedPolicyLoss()
        default:
            ratio == .token
                ? ClippedPolicyLoss(low: low, high: high, most: most)
                : SequencePolicyLoss(low: low, high: high, most: most)
        }
    }

    private func reduction(_ name: String?, longest: Int) -> LossReduction {
        switch name {
        case "bnpo", "dapo", "cispo", "vespo": .tokens
        case "dr_grpo": .constantLength(longest)
        case "luspo": .sums
        default: .answers
        }
    }

    private func correction(_ item: JSONValue) -> (any RolloutCorrection)? {
        if let threshold = item["off_policy"]?.doubleValue {
            return OffPolicyMask(threshold: threshold, isFromDrawn: true)
        }
        guard let list = item["correction"]?.arrayValue, let mode = list[0].stringValue else {
            return nil
        }
        return correction(mode, least: list[1].doubleValue, most: list[2].doubleValue)
    }

    private func correction(_ mode: String, least: Double?, most: Double?) -> any RolloutCorrection
    {
        let ratio: ImportanceRatio = mode.hasPrefix("token") ? .token : .product
        return mode.hasSuffix("truncate")
            ? TruncatedCorrection(ratio, least: least, most: most)
            : MaskedCorrection(ratio, least: least, most: most)
    }

    /// The loss of all answers, its slopes, and the tokens whose ratio was limited.
    private func measured(_ item: JSONValue, _ answers: Answers, longest: Int) throws -> (
        loss: Double, slopes: [[Double]], costs: [PolicyCosts]
    ) {
        var tokens = try answers.tokens()
        if let correction = correction(item) {
            let drawn = try answers("drawn")
            tokens = zip(tokens, drawn).map { tokens, drawn in
                tokens.weighted(by: correction.weights(of: tokens, drawn: drawn))
            }
        }
        if let share = item["quantile"]?.doubleValue {
            let kept = HighEntropyTokens(share: share)(try answers("entropies"))
            tokens = zip(tokens, kept).map { $0.weighted(by: $1.map { $0 ? 1 : 0 }) }
        }
        let isGRPO = item["trainer"]?.stringValue == "grpo"
        let reduction = reduction(isGRPO ? item["loss_type"]?.stringValue : nil, longest: longest)
        let reference = try answers("reference")
        let beta = item["beta"]?.doubleValue ?? 0
        let isCorrected = item["corrected"]?.boolValue ?? isGRPO
        let penalty = KLPenalty(beta, ratio: isCorrected ? ratio(item) : nil)
        let costs = tokens.map(loss(item).callAsFunction)
        let weight = answers.lengths.reduce(0) { $0 + reduction.weight(ofTokens: $1) }
        var sum = 0.0
        var slopes: [[Double]] = []
        for (row, cost) in costs.enumerated() {
            let factor = reduction.factor(ofTokens: answers.lengths[row]) / weight
            let divergence = penalty(tokens[row], reference: reference[row])
            sum += factor * (cost.losses.reduce(0, +) + divergence.losses.reduce(0, +))
            slopes.append(zip(cost.slopes, divergence.slopes).map { factor * ($0 + $1) })
        }
        return (sum, slopes, costs)
    }

    @Test func everyLossAndItsSlopes() throws {
        let fixture = try #require(PolicyFixtures.named("reinforcement_groups")["losses"])
        let inputs = try fixture.items("inputs").map(Answers.init)
        let longest = Int(try fixture.number("longest"))
        var limited = 0.0
        for item in try fixture.items("cases") {
            let answers = inputs[Int(try item.number("inputs"))]
            let found = try measured(item, answers, longest: longest)
            let name = "\(item)".prefix(200)
            expectEqual([found.loss], [try item.number("loss")], "loss of \(name)")
            expectEqual(
                found.slopes.flatMap(\.self), answers.cut(try item.rows("slopes")).flatMap(\.self),
                "slopes of \(name)")
            guard let low = item["clipped_low"]?.doubleValue, item["quantile"] == nil,
                correction(item) == nil
            else { continue }
            // Rates are of answers where the ratio is, and of tokens otherwise.
            let isToken =
                item["trainer"]?.stringValue == "gmpo"
                || (item["trainer"]?.stringValue == "grpo" && ratio(item) == .token)
            let flags = found.costs.flatMap {
                isToken ? $0.isClipped : Array($0.isClipped.prefix(1))
            }
            let rate = low + (try item.number("clipped_high"))
            let count = isToken ? flags.count : found.costs.count
            let own = flags.reduce(0) { $0 + ($1 ? 1 : 0) } / Double(max(count, 1))
            expectEqual([own], [rate], "rate of \(name)")
            limited = max(limited, rate)
        }
        #expect(limited > 0.3)
    }

    @Test func microBatchesAddUp() throws {
        let fixture = try #require(PolicyFixtures.named("reinforcement_groups")["losses"])
        let answers = try Answers(try #require(fixture.items("inputs").first))
        for item in try fixture.items("steps") {
            let found = try measured(item, answers, longest: Int(try fixture.number("longest")))
            expectEqual([found.loss], [try item.number("loss")], "\(item)")
        }
    }

    @Test func tokensOfHighEntropy() throws {
        let fixture = try #require(PolicyFixtures.named("reinforcement_groups")["losses"])
        let answers = try Answers(try #require(fixture.items("inputs").first))
        for item in try fixture.items("entropies") {
            let kept = HighEntropyTokens(share: try item.number("quantile"))(
                try answers("entropies"))
            #expect(kept.map { $0.map { $0 ? 1 : 0 } } == answers.cut(try item.rows("kept")))
        }
        #expect(HighEntropyTokens(share: 0.5)([[], []]) == [[], []])
    }

    @Test func advantages() throws {
        let fixture = try #require(PolicyFixtures.named("reinforcement_groups")["advantages"])
        let (old, reference) = (try fixture.rows("old"), try fixture.rows("reference"))
        let lengths = try fixture.rows("mask").map { Int($0.reduce(0, +)) }
        let all = try #require(fixture["rewards"])
        for item in try fixture.items("cases") {
            let totals = try all.doubles(try #require(item["rewards"]?.stringValue))
            let beta = item["beta"]?.doubleValue ?? 0
            let answers = totals.indices.map { row in
                var rewards = (0..<lengths[row]).map {
                    -beta * KLEstimator.k1(old[row][$0], reference[row][$0]).value
                }
                rewards[rewards.count - 1] += totals[row]
                return AnswerRewards(rewards, group: row / 4)
            }
            let scale = item["scale"]?.stringValue.flatMap(GroupAdvantages.Scale.init)
            let estimator: any AdvantageEstimator =
                if let scale { GroupAdvantages(scale: scale) } else {
                    LeaveOneOutAdvantages(
                        normalizes: item["normalize_advantages"]?.boolValue == true)
                }
            let found = estimator(answers)
            expectEqual(
                found.map { $0.advantages[0] }, try item.doubles("advantages"),
                "\(item)")
            #expect(zip(found, lengths).allSatisfy { $0.advantages.count == $1 })
        }
    }

    @Test func correctionsOfWhatWasDrawn() throws {
        let fixture = try #require(PolicyFixtures.named("reinforcement_groups")["advantages"])
        let lengths = try fixture.rows("mask").map { Int($0.reduce(0, +)) }
        let (old, drawn) = (try fixture.rows("old"), try fixture.rows("drawn"))
        for item in try fixture.items("corrections") {
            let correction = correction(
                try #require(item["mode"]?.stringValue), least: item["least"]?.doubleValue,
                most: item["most"]?.doubleValue)
            let weights = try item.rows("weights")
            for row in old.indices {
                let own = Array(old[row].prefix(lengths[row]))
                let found = correction.weights(
                    of: PolicyTokens(new: own, old: own, advantages: own),
                    drawn: Array(drawn[row].prefix(lengths[row])))
                let expected =
                    weights[row].count == 1
                    ? Array(repeating: weights[row][0], count: lengths[row])
                    : Array(weights[row].prefix(lengths[row]))
                expectEqual(found, expected, "\(item)")
            }
        }
        let tokens = PolicyTokens(new: [-1, -1], old: [-1, -1], advantages: [1, 1])
        #expect(TruncatedCorrection().weights(of: tokens, drawn: [.nan, -1]) == [1, 1])
    }

    /// What weights of tokens are built on.
    @Test func costsAreProportionalToAdvantages() throws {
        let tokens = PolicyTokens(
            new: [-1, -0.2, -3, -0.7], old: [-1.4, -0.3, -2, -0.7], advantages: [1, -0.5, 0.3, -2])
        let losses: [any PolicyLoss] = [
            ClippedPolicyLoss(most: 1.2), SequencePolicyLoss(), SequencePolicyLoss(ratio: .product),
            SoftGatedPolicyLoss(), SoftGatedPolicyLoss(ratio: .geometricMean),
            ClippedWeightPolicyLoss(most: 1.1), PolicyGradientLoss(), GammaWeightedPolicyLoss(),
            GeometricMeanPolicyLoss(low: 0.1),
        ]
        for loss in losses {
            let (whole, double) = (loss(tokens), loss(tokens.weighted(by: [2, 2, 2, 2])))
            expectEqual(double.losses, whole.losses.map { 2 * $0 }, "losses of \(loss)")
            expectEqual(double.slopes, whole.slopes.map { 2 * $0 }, "slopes of \(loss)")
            let without = loss(tokens.weighted(by: [1, 0, 1, 1]))
            #expect(without.losses[1] == 0 && without.losses[3] == whole.losses[3], "\(loss)")
        }
    }
}
