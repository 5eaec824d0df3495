import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Synchronization
import Testing

/// What single options of policies do to the tokens that are learned.
@Suite("Options of policies") struct PolicyOptionTests {
    private static let prompts: [PromptSample] = ToyData.rows.indices.map { row in
        PromptSample(
            promptIDs: [3] + ToyData.words(ToyData.rows[row].0) + [2, 3], responseIDs: [],
            source: .init(file: "toy", line: row + 1))
    }

    private func stage(
        temperature: Double = 1, share: Double = 1, _ change: (inout PolicyOptions) -> Void
    ) throws -> PolicyStage {
        let model = try TinyModel.make()
        try ToyData.attachAdapter(to: model)
        var options = PolicyOptions(
            generation: GenerationOptions(
                maxNewTokens: 6, temperature: temperature, topP: 1, topK: 0, stopTokens: [2]),
            estimator: GroupAdvantages(), loss: ClippedPolicyLoss())
        options.answersPerQuestion = 4
        options.shownAnswers = 100
        change(&options)
        return PolicyStage(
            model,
            rewards: RewardFunction { answer in
                Double(answer.answerIDs.count { $0 % 2 == 0 }) - 2
            }, options: options
        ) { prompt, answer in ("\(prompt + answer)", "\(answer)") }
    }

    private var batch: PromptBatch {
        PromptBatch(Self.prompts, indices: Self.prompts.indices.map(\.self))
    }

    /// The metrics of the first update.
    private func metrics(_ stage: PolicyStage) throws -> [String: Metric] {
        var (gradients, sums) = (Gradients(), [String: Metric]())
        for work in try stage.plan([batch], StepContext(index: 1)).updates[0] {
            for (name, metric) in try stage.accumulate(work, into: &gradients).metrics {
                sums[name, default: Metric(sum: 0, weight: 0)] += metric
            }
        }
        return sums
    }

    @Test("what is drawn at a temperature is learned at it")
    func temperature() throws {
        func weight(_ learned: Double) throws -> Double {
            let stage = try stage(temperature: 0.5) {
                $0.temperature = learned
                $0.correction = TruncatedCorrection(.token, most: nil)
            }
            return try #require(metrics(stage)["correction"]).value
        }
        // π_old/π_drawn: the generator and the pass that learns agree on every token.
        #expect(abs(try weight(0.5) - 1) < 1e-5)
        #expect(abs(try weight(1) - 1) > 1e-2)
    }

    @Test("tokens at which the policy was sure are left out")
    func uncertainTokens() throws {
        func zeros(_ share: Double) throws -> (zero: Int, all: Int) {
            let seen = TokenRecorder()
            _ = try metrics(
                stage { options in
                    options.entropyShare = share
                    options.loss = seen
                })
            return seen.counts.withLock { $0 }
        }
        let (all, some) = (try zeros(1), try zeros(0.25))
        #expect(all.all == some.all && some.all > 50)
        // Groups whose answers earn alike have no advantages either.
        let kept = Double(some.all - some.zero)
        #expect(abs(kept / Double(some.all) - 0.25) < 0.15 && some.zero > all.zero)
    }

    @Test("scores beyond limits count as the limits")
    func scoreRange() throws {
        let free = try stage { $0.estimator = LeaveOneOutAdvantages() }
        let limited = try stage {
            $0.estimator = LeaveOneOutAdvantages()
            $0.scoreRange = 0...1
        }
        let (whole, cut) = (
            try free.plan([batch], StepContext(index: 1)),
            try limited.plan([batch], StepContext(index: 1))
        )
        func advantages(_ plan: StepPlan<PolicyWork>) -> [Double] {
            plan.samples.compactMap { $0["advantage"]?.doubleValue }
        }
        #expect(advantages(cut).allSatisfy { abs($0) <= 1 })
        #expect(advantages(whole).contains { abs($0) > 1 })
        // What is logged is what was given.
        #expect(cut.metrics["reward"] == whole.metrics["reward"])
    }

    @Test("held-out questions may get several answers")
    func evaluatedAnswers() throws {
        let one = try stage { _ in }.evaluate(batch)
        let three = try stage { $0.evaluatedAnswersPerQuestion = 3 }.evaluate(batch)
        let count = Double(Self.prompts.count)
        #expect(one.metrics["reward"]?.weight == count)
        #expect(three.metrics["reward"]?.weight == 3 * count)
    }
}

/// Counts tokens, and those without an advantage.
private final class TokenRecorder: PolicyLoss {
    let counts = Mutex((zero: 0, all: 0))

    func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
        counts.withLock {
            $0.zero += tokens.advantages.count { $0 == 0 }
            $0.all += tokens.count
        }
        return PolicyGradientLoss()(tokens)
    }
}
