import FledgeTrain
import Foundation
import Testing

/// The formulas of policy optimization, on two answers of five positions that the reference's library
/// computed.
@Suite struct ReinforcementTests {
    private static let log = [[-1, -0.5, -2, -0.3, -1.1], [-0.2, -0.9, -1.5, -0.4, -0.6]]
    private static let reference = [[-1.1, -0.7, -1.5, -0.3, -1], [-0.3, -0.8, -1.9, -0.5, -0.6]]
    private static let values = [[0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.4, 0.3, 0.2, 0.1]]
    private static let answered = [1..<4, 2..<5]
    private static let scores = [0.7, -0.2]

    /// - Parameter padding: Whether what lies behind the first answer takes part, as in the reference.
    private func rewards(padding: Bool = false) -> [AnswerRewards] {
        Self.answered.enumerated().map { row, range in
            var rewards = range.map { -0.2 * (Self.log[row][$0] - Self.reference[row][$0]) }
            rewards[rewards.count - 1] += Self.scores[row]
            return AnswerRewards(
                rewards, values: Array(Self.values[row][range]),
                padding: padding ? 5 - range.upperBound : 0)
        }
    }

    private func expectClose(_ found: [Double], _ expected: [Double]) {
        #expect(found.count == expected.count)
        for (a, b) in zip(found, expected) { #expect(abs(a - b) < 2e-6, "\(found) \(expected)") }
    }

    @Test func advantages() {
        let plain = GeneralizedAdvantages()(rewards())
        expectClose(plain[0].advantages, [1.0644982, 0.9905674, 0.6079892])
        expectClose(plain[1].advantages, [-1.1803056, -0.8499441, -0.6328051])
        expectClose(plain[0].returns, [0.72075, 0.785, 0.7])
        expectClose(plain[1].returns, [-0.26475, -0.205, -0.2])
        let whitened = GeneralizedAdvantages(whitensRewards: true)(
            rewards(padding: true))
        expectClose(whitened[0].advantages, [0.8201486, 0.9986383, 0.8820955])
        expectClose(whitened[1].advantages, [-1.1625139, -0.8620754, -0.676293])
        expectClose(whitened[0].returns, [1.574304, 1.9440188, 1.8679116])
        expectClose(whitened[1].returns, [-1.3216872, -0.9676962, -0.7869614])
        // Nothing lies behind an answer by itself.
        let right = GeneralizedAdvantages(whitensRewards: true)(rewards())
        #expect(right[0].returns[2] > whitened[0].returns[2] + 0.1)
        expectClose(right[1].returns, whitened[1].returns)
    }

    @Test func losses() {
        let moved = [[0, 0.1, -0.3, 0.25, 0], [0, 0, 0.3, -0.1, 0.05]]
        let movedValues = [[0, 0.3, -0.3, 0.1, 0], [0, 0, 0.05, 0.5, -0.25]]
        let judged = GeneralizedAdvantages()(rewards())
        var (policy, value) = (0.0, 0.0)
        for (row, range) in Self.answered.enumerated() {
            let old = Array(Self.log[row][range])
            let costs = ClippedPolicyLoss()(
                PolicyTokens(
                    new: zip(old, moved[row][range]).map { $0 + $1 }, old: old,
                    advantages: judged[row].advantages))
            policy += costs.losses.reduce(0, +)
            for (index, t) in range.enumerated() {
                let before = Self.values[row][t]
                value +=
                    ClippedValueLoss()(
                        before + movedValues[row][t], before: before,
                        target: judged[row].returns[index]
                    ).value
            }
        }
        expectClose(
            [policy / 6, value / 6, policy / 6 + 0.1 * value / 6],
            [0.0646145, 0.1638373, 0.0809982])
    }

    @Test func divergenceAndItsControl() {
        let sums = Self.answered.enumerated().map { row, range in
            range.reduce(0) { $0 + Self.log[row][$1] - Self.reference[row][$1] }
        }
        expectClose([(sums[0] + sums[1]) / 2], [0.1])
        var control = AdaptiveKLControl(0.2, target: 6, horizon: 10000)
        let expected = [0.199968, 0.19999999488, 0.1999679948808192]
        for (divergence, coefficient) in zip([3.0, 12, -1], expected) {
            control.observe(divergence: divergence, answers: 8)
            #expect(abs(control.coefficient - coefficient) < 1e-15)
        }
        var fixed = FixedKLControl(0.1)
        fixed.observe(divergence: 100, answers: 8)
        #expect(fixed.coefficient == 0.1)
    }

    @Test func scoresAreNormalisedByWhatWasSeen() {
        var normalizer = ScoreNormalizer()
        expectClose(
            normalizer([0.7, -0.2, 1.5, 0]), [0.2596453, -0.9087588, 1.2982268, -0.6491134])
        expectClose([normalizer.mean, normalizer.deviation], [0.5, 0.7702813])
        expectClose(
            normalizer([1, 2, -1, 0.5]), [0.4540588, 1.4919076, -1.6216387, -0.0648655])
        expectClose([normalizer.mean, normalizer.deviation], [0.5625, 0.9635314])
        var first = ScoreNormalizer()
        #expect(first([3]) == [0] && first([]) == [])
    }

    @Test func groupsAreJudgedByThemselves() {
        let answers = [1.0, 0, 5, 2, 2].enumerated().map { index, total in
            AnswerRewards([0, total], group: index < 3 ? 4 : 9)
        }
        let deviation = 7.0.squareRoot()
        expectClose(
            GroupAdvantages()(answers).map { $0.advantages[1] },
            [-1 / (deviation + 1e-4), -2 / (deviation + 1e-4), 3 / (deviation + 1e-4), 0, 0])
        expectClose(
            GroupAdvantages(scale: .none)(answers).map { $0.advantages[0] }, [-1, -2, 3, 0, 0])
        let all = 3.5.squareRoot() + 1e-4
        expectClose(
            GroupAdvantages(scale: .batch)(answers).map { $0.advantages[0] },
            [-1 / all, -2 / all, 3 / all, 0, 0])
        expectClose(
            LeaveOneOutAdvantages()(answers).map { $0.advantages[1] }, [-1.5, -3, 4.5, 0, 0])
        #expect(LeaveOneOutAdvantages()([answers[0]])[0].advantages == [0, 0])
    }

    /// Slopes are what small changes of ln p make of the loss, on both sides of every limit.
    @Test(arguments: [0, 1, 2, 3]) func slopesAreThoseOfTheLosses(_ kind: Int) {
        let losses: [any PolicyLoss] = [
            ClippedPolicyLoss(), ClippedPolicyLoss(low: 0.1, high: 0.3, most: 1.5),
            SequencePolicyLoss(low: 0.2, high: 0.3), SequencePolicyLoss(low: 0.01, high: 0.01),
        ]
        let loss = losses[kind]
        let old = [-1, -0.5, -2, -0.3, -1.1, -0.7]
        var tokens = PolicyTokens(
            new: zip(old, [0.3, 0.05, -0.4, 0.6, -0.02, 0.9]).map { $0 + $1 }, old: old,
            advantages: [1, -1, 0.5, -2, 0.3, -0.4])
        let costs = loss(tokens)
        for t in old.indices {
            let step = 1e-6
            tokens.new[t] += step
            let above = loss(tokens).losses.reduce(0, +)
            tokens.new[t] -= 2 * step
            let below = loss(tokens).losses.reduce(0, +)
            tokens.new[t] += step
            #expect(abs((above - below) / (2 * step) - costs.slopes[t]) < 1e-6, "token \(t)")
        }
        #expect(kind == 2 || costs.isClipped.contains(true))
    }

    @Test func reductionsAreSumsAndWeights() {
        for (reduction, factors, weights) in [
            (LossReduction.tokens, [1, 1], [2, 8]), (.answers, [0.5, 0.125], [1, 1]),
            (.constantLength(4), [0.25, 0.25], [1, 1]),
        ] as [(LossReduction, [Double], [Double])] {
            #expect([2, 8].map(reduction.factor(ofTokens:)) == factors)
            #expect([2, 8].map(reduction.weight(ofTokens:)) == weights)
        }
    }
}
