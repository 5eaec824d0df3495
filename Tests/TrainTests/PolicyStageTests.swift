import FledgeAdapters
import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Testing

/// Learning from own answers on a tiny model.
@Suite("Policies that learn from their own answers")
struct PolicyStageTests {
    private static let prompts: [PromptSample] = ToyData.rows.indices.map { row in
        let words = ToyData.words(ToyData.rows[row].0)
        return PromptSample(
            promptIDs: [3] + words + [2, 3], responseIDs: [],
            source: .init(file: "toy", line: row + 1))
    }

    private static func batch(_ places: Range<Int>) -> PromptBatch {
        PromptBatch(Array(prompts[places]), indices: Array(places))
    }

    /// The share of tokens with an even id.
    private static var reward: RewardFunction {
        RewardFunction { answer in
            Double(answer.answerIDs.count { $0 % 2 == 0 }) / Double(answer.answerIDs.count)
        }
    }

    private static var generation: GenerationOptions {
        GenerationOptions(maxNewTokens: 6, temperature: 1, topP: 1, topK: 0, stopTokens: [2])
    }

    private static func proximal(_ change: (inout PolicyOptions) -> Void = { _ in })
        -> PolicyOptions
    {
        var options = PolicyOptions(
            generation: generation, estimator: GeneralizedAdvantages(), loss: ClippedPolicyLoss())
        options.rewardControl = AdaptiveKLControl()
        options.epochs = 2
        options.answersPerUpdate = 4
        change(&options)
        return options
    }

    private static func groups(_ change: (inout PolicyOptions) -> Void = { _ in })
        -> PolicyOptions
    {
        var options = PolicyOptions(
            generation: generation, estimator: GroupAdvantages(), loss: ClippedPolicyLoss())
        options.answersPerQuestion = 4
        change(&options)
        return options
    }

    private static func stage(
        _ model: DecoderLM, _ options: PolicyOptions, reward: (any RewardSource)? = reward
    ) -> PolicyStage {
        PolicyStage(
            model,
            head: options.estimator.usesValues
                ? ValueHead(channels: model.configuration.hiddenSize, seed: 1) : nil,
            rewards: reward,
            reference: options.rewardControl == nil && options.penalty == nil
                ? nil : PolicyWithoutAdapters(model), options: options
        ) { prompt, answer in ("\(prompt + answer)", "\(answer)") }
    }

    private static func adapted(_ type: ElementType = .float32) throws -> DecoderLM {
        let model = try TinyModel.make(storing: type)
        try ToyData.attachAdapter(to: model)
        return model
    }

    @Test(
        "before the first update ratios are 1 and divergences 0, to the bit",
        arguments: [ElementType.float32, .bfloat16])
    func startsAtOne(type: ElementType) throws {
        for options in [
            Self.proximal(),
            Self.proximal { $0.tokensPerPass = 1 },
            Self.groups {
                $0.penalty = KLPenalty(0.1); $0.epochs = 2; $0.tokensPerPass = 1
            },
            Self.groups {
                $0.penalty = KLPenalty(0.1); $0.epochs = 2
            },
            Self.groups {
                $0.penalty = KLPenalty(0.1); $0.epochs = 2; $0.temperature = 0.6
            },
        ] {
            let model = try TinyModel.make(storing: type)
            try model.attach(LoRA(rank: 2), seed: 1)
            let stage = Self.stage(model, options)
            let plan = try stage.plan([Self.batch(0..<8)], StepContext(index: 1))
            for name in ["kl", "kl/k1", "kl/k2", "kl/k3"] {
                #expect(plan.metrics[name]?.value == 0, "\(name)")
            }
            var gradients = Gradients()
            for work in plan.updates[0] {
                let report = try stage.accumulate(work, into: &gradients)
                let ratio = try #require(report.metrics["ratio"])
                #expect(ratio.sum == ratio.weight)
                #expect(report.metrics["policy_change"]?.sum == 0)
            }
        }
    }

    /// The first update goes on from what was computed before; computed again it is the same.
    @Test(
        "what is kept of the first pass changes no bit",
        arguments: [ElementType.float32, .bfloat16], [false, true])
    func keepsFirstPass(type: ElementType, hasIdleGroup: Bool) throws {
        func gradients(isKept: Bool) throws -> ([Tensor], Double) {
            let model = try Self.adapted(type)
            let reward = RewardFunction { answer in
                hasIdleGroup && answer.group == 0 ? 1 : Double(answer.answerIDs[0] % 5)
            }
            let stage = Self.stage(
                model,
                Self.groups {
                    $0.epochs = 2; $0.penalty = hasIdleGroup ? nil : KLPenalty(0.1)
                },
                reward: reward)
            let works = try stage.plan([Self.batch(0..<3)], StepContext(index: 1)).updates[0]
            if !isKept {
                // Other memory with the same numbers.
                for parameter in stage.parameters {
                    parameter.value = parameter.value * 1
                }
            }
            var sums = Gradients()
            let loss = try works.reduce(0) { try $0 + stage.accumulate($1, into: &sums).sum }
            return (try stage.parameters.map { try #require(sums[$0]) }, loss)
        }
        let (kept, again) = (try gradients(isKept: true), try gradients(isKept: false))
        #expect(kept.1 == again.1)
        for (a, b) in zip(kept.0, again.0) { #expect(a.hasSameBytes(as: b)) }
    }

    @Test("the gradient is that of the loss that is reported")
    func gradient() throws {
        let cases: [PolicyOptions] = [
            Self.proximal(),
            Self.groups {
                $0.penalty = KLPenalty(0.3); $0.epochs = 2
            },
            Self.groups {
                $0.loss = SequencePolicyLoss(low: 0.2, high: 0.2); $0.epochs = 2
            },
            Self.groups {
                $0.reduction = .answers; $0.epochs = 2
            },
            Self.groups {
                $0.reduction = .constantLength(6); $0.masksTruncated = true; $0.epochs = 2
            },
            Self.groups {
                $0.temperature = 0.6; $0.entropyShare = 0.5; $0.epochs = 2
                $0.penalty = KLPenalty(0.3)
            },
            Self.groups {
                $0.loss = SoftGatedPolicyLoss(); $0.reduction = .sums; $0.epochs = 2
                $0.correction = CorrectionProduct([
                    TruncatedCorrection(), OffPolicyMask(threshold: 0.5),
                ])
            },
        ]
        for (number, options) in cases.enumerated() {
            let model = try Self.adapted(.float64)
            let stage = Self.stage(model, options)
            for parameter in stage.parameters {
                parameter.value = parameter.value.converted(to: .float64)
            }
            let works = try stage.plan([Self.batch(0..<8)], StepContext(index: 1)).updates[0]
            // Away from where the answers were given, so that ratios are not 1.
            for parameter in stage.parameters {
                parameter.value =
                    parameter.value + TinyModel.tensor(
                        "moved " + parameter.name, parameter.value.shape
                    ).converted(to: parameter.value.elementType) * 0.2
            }
            func loss(_ gradients: inout Gradients) throws -> Double {
                try works.reduce(0) { try $0 + stage.accumulate($1, into: &gradients).sum }
            }
            var gradients = Gradients()
            _ = try loss(&gradients)
            for parameter in [stage.parameters[1], stage.parameters[stage.parameters.count - 1]] {
                let direction = TinyModel.tensor("direction", parameter.value.shape)
                    .converted(to: parameter.value.elementType)
                let expected = zip(
                    try #require(gradients[parameter]).doubles(), direction.doubles()
                ).reduce(0) { $0 + $1.0 * $1.1 }
                let (start, step) = (parameter.value, 1e-5)
                var unused = Gradients()
                parameter.value = start + direction * step
                let above = try loss(&unused)
                parameter.value = start + direction * -step
                let below = try loss(&unused)
                parameter.value = start
                let slope = (above - below) / (2 * step)
                #expect(
                    abs(slope - expected) < 1e-4 * max(abs(expected), 1e-2),
                    "case \(number), \(parameter.name): \(slope), \(expected)")
            }
        }
    }

    @Test("an answer is the same whatever is drawn beside it")
    func draws() throws {
        let stage = Self.stage(try Self.adapted(), Self.groups { $0.shownAnswers = 100 })
        let all = try stage.plan([Self.batch(0..<4), Self.batch(4..<8)], StepContext(index: 3))
        let some = try stage.plan([Self.batch(5..<7)], StepContext(index: 3))
        #expect(some.samples.map { $0["text"] } == all.samples[20..<28].map { $0["text"] })
        let later = try stage.plan([Self.batch(5..<7)], StepContext(index: 4))
        #expect(later.samples.map { $0["text"] } != some.samples.map { $0["text"] })
    }

    @Test("the size of passes changes no number")
    func passes() throws {
        func gradients(_ options: PolicyOptions) throws -> (Double, [Double]) {
            let stage = Self.stage(try Self.adapted(.float64), options)
            let plan = try stage.plan([Self.batch(0..<8)], StepContext(index: 1))
            var gradients = Gradients()
            let sums = try plan.updates[0].map { try stage.accumulate($0, into: &gradients) }
            return (
                sums.reduce(0) { $0 + $1.sum },
                stage.parameters.flatMap { gradients[$0]?.doubles() ?? [] }
            )
        }
        for make in [Self.proximal, Self.groups] {
            let whole = try gradients(make { $0.tokensPerPass = 10_000 })
            let cut = try gradients(make { $0.tokensPerPass = 1 })
            #expect(abs(whole.0 - cut.0) < 1e-9)
            for (a, b) in zip(whole.1, cut.1) { #expect(abs(a - b) < 1e-9) }
            #expect(whole.1.contains { $0 != 0 })
        }
    }

    @Test("rewards rise", arguments: [true, false])
    func learns(byValues: Bool) throws {
        let model = try TinyModel.make()
        model.makeTrainable()
        var options = byValues ? Self.proximal() : Self.groups()
        options.rewardControl = nil
        let stage = PolicyStage(
            model, head: byValues ? ValueHead(channels: 16, seed: 1) : nil, rewards: Self.reward,
            options: options
        ) { _, answer in ("", "\(answer)") }
        let recorder = StepRecorder()
        let source = Epochs(Self.prompts, batchSize: 8, seed: 42) { picked, epoch in
            PromptBatch(picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
        }
        let run = try Trainer(
            stage, schedule: .constant(0.01), logging: .every(1), callbacks: [recorder]
        ).fit(source, evaluating: nil, steps: 30)
        let rewards = recorder.reports.compactMap { $0.metrics["reward"]?.value }
        let first: Double = rewards.prefix(5).reduce(0, +) / 5
        let last: Double = rewards.suffix(5).reduce(0, +) / 5
        #expect(last > first + 0.2)
        // Where all answers of a step earn alike nothing is updated.
        #expect(byValues ? run.updates == 120 : (20...30).contains(run.updates))
    }

    @Test("what goes wrong is said")
    func warnings() throws {
        let stage = Self.stage(
            try Self.adapted(), Self.groups(), reward: RewardFunction { _ in 0.5 })
        let plan = try stage.plan([Self.batch(0..<8)], StepContext(index: 1))
        #expect(plan.warnings.contains { $0.contains("were given 0.5") })
        #expect(plan.metrics["frac_reward_zero_std"]?.value == 1)
        // It is said once.
        let next = try stage.plan([Self.batch(0..<8)], StepContext(index: 2))
        #expect(!next.warnings.contains { $0.contains("were given") })
        // Nothing has an advantage, so that nothing is computed.
        var gradients = Gradients()
        let report = try stage.accumulate(plan.updates[0][0], into: &gradients)
        #expect(report.tokens == 0 && report.weight > 0)
    }

    @Test("scores that are none end the step")
    func wrongScores() throws {
        struct Short: RewardSource {
            func scores(_ answers: [JudgedAnswer]) -> [Double] { [1] }
        }
        for reward: any RewardSource in [Short(), RewardFunction { _ in .nan }] {
            let stage = Self.stage(try Self.adapted(), Self.groups(), reward: reward)
            #expect(throws: FledgeError.self) {
                try stage.plan([Self.batch(0..<2)], StepContext(index: 1))
            }
        }
    }

    @Test("a run that goes on remembers the cost of straying and the scores")
    func state() throws {
        let stage = Self.stage(try Self.adapted(), Self.proximal { $0.normalizesScores = true })
        _ = try stage.plan([Self.batch(0..<8)], StepContext(index: 1))
        let state = stage.state
        let next = try stage.plan([Self.batch(0..<8)], StepContext(index: 2))
        let other = Self.stage(try Self.adapted(), Self.proximal { $0.normalizesScores = true })
        other.state = state
        let again = try other.plan([Self.batch(0..<8)], StepContext(index: 2))
        #expect(again.samples == next.samples)
        #expect(again.metrics == next.metrics)
        #expect(state.values["kl_coefficient"]?.doubleValue != 0.2)
    }

    @Test("answers that were cut off count in their group, and as answers")
    func masked() throws {
        let reward = RewardFunction { $0.finishReason == .stop ? 1 : 0 }
        for reduction in [LossReduction.tokens, .answers] {
            let stage = Self.stage(
                try Self.adapted(),
                Self.groups {
                    $0.masksTruncated = true
                    $0.reduction = reduction
                    $0.answersPerQuestion = 8
                }, reward: reward)
            let plan = try stage.plan([Self.batch(0..<8)], StepContext(index: 1))
            let cut = try #require(plan.metrics["completions/clipped_ratio"]).sum
            let length = try #require(plan.metrics["completions/mean_length"]).sum
            #expect(cut > 0 && cut < 64)
            // Whole answers are better than their groups, so that something is learned.
            #expect(plan.updates[0].contains { $0.batch != nil })
            let weight = plan.updates[0].reduce(0) { $0 + $1.weight }
            #expect(weight == (reduction == .answers ? 64 : length - 6 * cut))
        }
    }

    @Test("a fixed cost of straying is the configuration's")
    func fixedCost() throws {
        func stage(_ cost: Double) throws -> PolicyStage {
            Self.stage(
                try Self.adapted(), Self.proximal { $0.rewardControl = FixedKLControl(cost) })
        }
        let first = try stage(0.2)
        #expect(first.state.isEmpty)
        let second = try stage(0.7)
        second.state = first.state
        let plan = try second.plan([Self.batch(0..<2)], StepContext(index: 1))
        #expect(plan.metrics["kl_coefficient"]?.value == 0.7)
    }
}
