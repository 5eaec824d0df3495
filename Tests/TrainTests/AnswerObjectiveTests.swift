import FledgeAdapters
import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Foundation
import Testing

/// What holds for objectives over answers whatever the numbers are.
@Suite("Objectives over answers") struct AnswerObjectiveTests {
    private func sample(_ prompt: [Int32], _ answer: [Int32]) -> ProcessedSample {
        ProcessedSample(
            inputIDs: prompt + answer,
            labels: prompt.map { _ in ProcessedSample.ignored } + answer,
            source: .init(file: "toy"))
    }

    private func words(_ count: Int, _ seed: Int) -> [Int32] {
        (0..<count).map { Int32((seed * 7 + $0 * $0 * 3 + $0) % 20 + 4) }
    }

    /// Three pairs, two of one question; one answer begins as its other does.
    private var pairs: [PairwiseSample] {
        let (first, second) = (words(12, 1), words(10, 2))
        return [
            (first, words(4, 3), words(6, 4)), (second, words(3, 5), words(3, 5) + words(2, 6)),
            (first, words(2, 7), words(5, 8)),
        ].map {
            PairwiseSample(
                chosen: sample($0.0, $0.1), rejected: sample($0.0, $0.2), promptCount: $0.0.count)
        }
    }

    private var feedback: [FeedbackSample] {
        let prompt = words(14, 1)
        return [(3, 4, true), (5, 6, false), (7, 8, true)].map {
            FeedbackSample(
                target: sample(prompt, words(4, $0.0)), mismatched: sample(prompt, words(5, $0.1)),
                isDesirable: $0.2)
        }
    }

    private func model(_ type: ElementType = .float64) throws -> DecoderLM {
        let model = try TinyModel.make(storing: type)
        for parameter in model.parameters { parameter.isTrainable = true }
        return model
    }

    /// A reference that is not the policy.
    private func reference(_ type: ElementType = .float64) throws -> ModelReference {
        let model = try TinyModel.make(storing: type)
        for parameter in model.parameters where parameter.name.hasSuffix("down_proj.weight") {
            parameter.value = (parameter.value.converted(to: .float64) * 1.5).converted(to: type)
        }
        return ModelReference(model)
    }

    private func expectEqual(
        _ model: DecoderLM, _ found: (LossReport, Gradients), _ expected: (LossReport, Gradients),
        _ tolerance: Double
    ) throws {
        #expect(found.0.weight == expected.0.weight && found.0.tokens == expected.0.tokens)
        #expect(abs(found.0.sum / expected.0.sum - 1) < tolerance)
        #expect(found.0.metrics.keys.sorted() == expected.0.metrics.keys.sorted())
        for (name, metric) in found.0.metrics {
            let other = try #require(expected.0.metrics[name])
            #expect(
                abs(metric.value - other.value) < tolerance * max(1, abs(other.value)), "\(name)")
        }
        for parameter in model.trainableParameters {
            // The head has no part in rewards.
            guard found.1[parameter] != nil || expected.1[parameter] != nil else { continue }
            let (a, b) = (try #require(found.1[parameter]), try #require(expected.1[parameter]))
            #expect(Closeness(a, b).isWithin(tolerance * 4), "\(parameter.name)")
        }
    }

    private func gradients<Loss: Objective>(
        _ model: DecoderLM, _ objective: Loss, _ batches: [Loss.Batch]
    ) throws -> (LossReport, Gradients) {
        let stage = ObjectiveStage(model, objective)
        var (report, gradients) = (LossReport(), Gradients())
        for batch in batches { report += try stage.accumulate(batch, into: &gradients) }
        return (report, gradients)
    }

    @Test(arguments: [ElementType.float32, .float64])
    func sharedPromptsAreTwoPasses(type: ElementType) throws {
        let tolerance = type == .float32 ? 1e-5 : 1e-12
        let model = try model(type)
        let objective = PreferenceOptimization(
            loss: SigmoidPreference(beta: 0.1), reference: try reference(type),
            options: .init(supervisedWeight: 0.3, classifierWeight: 0.2, lengthWeight: 0.5))
        let apart = PreferenceCollator().batch(pairs)
        let shared = PreferenceCollator(sharesPrefixes: true).batch(pairs)
        #expect(shared.tokens.ids.count < apart.tokens.ids.count - 4 * 10)
        objective.state = StageState()
        let expected = try gradients(model, objective, [apart])
        objective.state = StageState()
        try expectEqual(model, try gradients(model, objective, [shared]), expected, tolerance)
        // Each answer in a pass of its own, with no other tokens in sight, has the same probability.
        let alone = (pairs.map(\.chosen) + pairs.map(\.rejected)).map {
            let batch = SupervisedCollator().batch([$0])
            return tokenLogProbabilities(
                model.hiddenStates(batch, ForwardPass(type)), head: model.head, batch.supervision
            ).doubles().reduce(0, +)
        }
        let mean = (alone[0] + alone[1] + alone[2]) / 3
        let ofShared = try gradients(
            model,
            PreferenceOptimization(
                loss: SigmoidPreference(beta: 0.1), reference: try reference(type)), [shared]
        ).0.metrics["logps/chosen"]?.value
        #expect(abs(try #require(ofShared) / mean - 1) < tolerance)

        let feedbackObjective = FeedbackOptimization(
            reference: try reference(type), options: .init(supervisedWeight: 0.3))
        let whole = FeedbackCollator().batch(feedback)
        let forest = FeedbackCollator(sharesPrefixes: true).batch(feedback)
        #expect(forest.tokens.layout.hasSharedSegments)
        try expectEqual(
            model, try gradients(model, feedbackObjective, [forest]),
            try gradients(model, feedbackObjective, [whole]), tolerance)

        let head = ValueHead(channels: 16, seed: 1, dropout: 0.25)
        let ranking = RewardRanking(head: head)
        try expectEqual(
            model,
            try gradients(
                model, ranking,
                [PreferenceCollator(lastTokens: true, sharesPrefixes: true).batch(pairs)]),
            try gradients(model, ranking, [PreferenceCollator(lastTokens: true).batch(pairs)]),
            tolerance)
    }

    /// Central differences through model, head and loss.
    @Test func gradientsAreSlopes() throws {
        let model = try model()
        let checked = model.parameters.filter {
            $0.name.hasSuffix("layers.1.self_attn.v_proj.weight")
                || $0.name.hasSuffix("model.norm.weight")
        }
        #expect(checked.count == 2)
        let pass = ForwardPass(.float64)
        let reference = try reference()
        func check<Loss: Objective>(
            _ objective: Loss, _ batch: Loss.Batch, _ more: [Parameter] = []
        ) {
            let check = GradientCheck(of: checked + more) {
                do {
                    return try objective(model, batch, pass).sum
                } catch {
                    Issue.record(error)
                    return Tensor([0.0], shape: [])
                }
            }
            #expect(check.passes, "\(Loss.self): \(check)")
        }
        let batch = PreferenceCollator(sharesPrefixes: true).batch(pairs)
        for named in NamedPreferenceLoss.standard {
            // Of discopop the temperature makes too steep a blend for differences at this beta.
            let loss = try named.make(
                PreferenceSettings(beta: named.name == "discopop" ? 0.01 : 0.2))
            check(PreferenceOptimization(loss: loss, reference: reference), batch)
        }
        check(
            FeedbackOptimization(reference: reference),
            FeedbackCollator(sharesPrefixes: true).batch(feedback))
        let head = ValueHead(
            weight: ValueHead(channels: 16, seed: 1).weight.value.converted(to: .float64),
            bias: Tensor([0.1], shape: [1]), dropout: 0)
        check(
            RewardRanking(head: head),
            PreferenceCollator(lastTokens: true, sharesPrefixes: true).batch(pairs), [head.weight])
        check(
            SmoothedCrossEntropy(smoothing: 0.2), SupervisedCollator().batch(pairs.map(\.chosen)))
    }

    /// Where policy and reference are the same, margins are exactly 0 and losses those of no preference.
    @Test(arguments: [ElementType.float32, .bfloat16])
    func theStartHasNoMargin(type: ElementType) throws {
        let model = try TinyModel.make(storing: type)
        _ = try model.attach(LoRA(rank: 4, dropout: 0.3, targets: .allLinear), seed: 1)
        for shares in [false, true] {
            let batch = PreferenceCollator(sharesPrefixes: shares).batch(pairs)
            for reference: any ReferencePolicy in [
                PolicyWithoutAdapters(model), ModelReference(try TinyModel.make(storing: type)),
            ] {
                let objective = PreferenceOptimization(
                    loss: SigmoidPreference(beta: 0.1), reference: reference)
                let report = try gradients(model, objective, [batch]).0
                #expect(report.metrics["rewards/margins"]?.value == 0)
                #expect(report.metrics["rewards/chosen"]?.value == 0)
                #expect(abs(report.mean - log(2)) < 1e-12)
                let kto = FeedbackOptimization(
                    reference: reference, options: .init(loss: .init(desirableWeight: 1.4)))
                let rows = FeedbackCollator(sharesPrefixes: shares).batch(feedback)
                let found = try gradients(model, kto, [rows]).0
                #expect(found.metrics["kl"]?.value == 0)
                #expect(abs(found.mean - (2 * 1.4 + 1) / 3 / 2) < 1e-12)
            }
        }
        #expect(!model.linears.contains { !$0.isAdapterEnabled })
    }

    @Test func howPairsAreCutIntoBatchesChangesNothing() throws {
        let model = try model()
        let objective = PreferenceOptimization(
            loss: IdentityPreference(beta: 0.2), reference: try reference(),
            options: .init(supervisedWeight: 0.3, lengthWeight: 0.5))
        let collator = PreferenceCollator(sharesPrefixes: true)
        try expectEqual(
            model, try gradients(model, objective, pairs.map { collator.batch([$0]) }),
            try gradients(model, objective, [collator.batch(pairs)]), 1e-12)
        let ranking = RewardRanking(head: ValueHead(channels: 16, seed: 1, dropout: 0.25))
        let last = PreferenceCollator(lastTokens: true)
        try expectEqual(
            model,
            try gradients(
                model, ranking,
                pairs.enumerated().map { last.batch([$0.element], indices: [$0.offset]) }),
            try gradients(model, ranking, [last.batch(pairs)]), 1e-12)
    }

    /// One row alone, one side alone: K and losses follow the formula, nothing is divided by zero.
    @Test func feedbackOfOneSide() throws {
        let model = try model()
        let reference = try reference()
        for rows in [[feedback[0]], [feedback[1]], [feedback[0], feedback[2]]] {
            let batch = FeedbackCollator().batch(rows)
            let report = try gradients(
                model,
                FeedbackOptimization(reference: reference, options: .init(supervisedWeight: 0.5)),
                [batch]
            ).0
            #expect(report.mean.isFinite && report.weight == Double(rows.count))
            let isGood = rows[0].isDesirable
            #expect((report.metrics["rewards/chosen"] != nil) == isGood)
            #expect((report.metrics["rewards/rejected"] != nil) == !isGood)
            let objective = FeedbackOptimization(reference: reference)
            #expect(objective.derivedMetrics(report.metrics).isEmpty)
        }
        let both = try gradients(
            model, FeedbackOptimization(reference: reference),
            [FeedbackCollator().batch(feedback)]
        ).0
        let margin = FeedbackOptimization(reference: reference).derivedMetrics(both.metrics)
        let (chosen, rejected) = (
            try #require(both.metrics["rewards/chosen"]?.value),
            try #require(both.metrics["rewards/rejected"]?.value)
        )
        #expect(margin["rewards/margins"]?.value == chosen - rejected)
    }

    /// Without a reference the policy is its own: losses of no preference, and no rewards to report.
    @Test func thePolicyAsItsOwnReference() throws {
        let model = try model()
        let report = try gradients(
            model, PreferenceOptimization(loss: SigmoidPreference(beta: 0.1)),
            [PreferenceCollator().batch(pairs)]
        ).0
        #expect(abs(report.mean - log(2)) < 1e-12)
        #expect(report.metrics["rewards/chosen"] == nil && report.metrics["logps/chosen"] != nil)
        let free = try gradients(
            model, PreferenceOptimization(loss: SimplePreference()),
            [PreferenceCollator().batch(pairs)]
        ).0
        #expect(free.metrics["rewards/chosen"] != nil)
    }

    @Test func meanLogitsAreThoseOfAllLogits() throws {
        let model = try model()
        for shares in [false, true] {
            let batch = PreferenceCollator(sharesPrefixes: shares).batch(pairs)
            let metrics = try gradients(
                model, PreferenceOptimization(loss: SimplePreference()), [batch]
            ).0.metrics
            let means = pairs.map { pair in
                let one = TokenBatch(sequences: [pair.chosen.inputIDs])
                let all = logits(model.hiddenStates(one, ForwardPass(.float64)), head: model.head)
                return all.doubles().reduce(0, +) / Double(all.count)
            }
            let found = try #require(metrics["logits/chosen"]?.value)
            #expect(abs(found - means.reduce(0, +) / 3) < 1e-12)
        }
    }

    @Test func theHeadIsReadOnceForEachOfItsValues() throws {
        let model = try model()
        let batch = PreferenceCollator().batch(pairs).answers
        let hidden = model.hiddenStates(batch.tokens, ForwardPass(.float64))
        let head = try #require(model.head.parameter)
        head.isTrainable = true
        let logits = MeanLogits()
        func means() -> [Double] { logits(hidden, head: model.head, batch) }
        let first = means()
        #expect(means() == first && logits.readCount == 1)
        head.value = head.value * 2.0
        let second = means()
        #expect(logits.readCount == 2)
        for (a, b) in zip(first, second) { #expect(abs(b - 2 * a) < 1e-12) }
        // As optimizers change it.
        head.changeKept { $0[0] += 1 }
        #expect(means() != second && logits.readCount == 3)
    }

    @Test func dropoutIsOff() throws {
        let model = try TinyModel.make()
        try ToyData.attachAdapter(to: model, dropout: 0.5)
        let objective = PreferenceOptimization(
            loss: SigmoidPreference(beta: 0.1), reference: PolicyWithoutAdapters(model))
        let batch = PreferenceCollator().batch(pairs)
        let trained = try gradients(model, objective, [batch]).0.sum
        #expect(trained == (try ObjectiveStage(model, objective).evaluate(batch).sum))
        // A reward model drops.
        let ranking = RewardRanking(head: ValueHead(channels: 16, seed: 1))
        let last = PreferenceCollator(lastTokens: true).batch(pairs)
        #expect(
            try gradients(model, ranking, [last]).0.sum
                != ObjectiveStage(model, ranking).evaluate(last).sum)
    }

    @Test func theHeadIsTrainedWithTheModel() throws {
        let model = try TinyModel.make()
        try ToyData.attachAdapter(to: model)
        let head = ValueHead(channels: 16, seed: 1, dropout: 0)
        let objective = RewardRanking(head: head)
        let stage = ObjectiveStage(model, objective)
        #expect(stage.parameters.suffix(2).map(\.name) == head.parameters.map(\.name))
        let before = try stage.evaluate(PreferenceCollator(lastTokens: true).batch(pairs))
        let batches = Epochs(pairs, batchSize: 3) { picked, epoch in
            PreferenceCollator(lastTokens: true).batch(
                picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
        }
        let trainer = Trainer(stage, schedule: .constant(0.02))
        try trainer.fit(batches, steps: 30)
        let batch = PreferenceCollator(lastTokens: true).batch(pairs)
        let after = try stage.evaluate(batch)
        #expect(after.mean < 0.1 && after.mean < before.mean)
        #expect(after.metrics["accuracy"]?.value == 1)
        let scores = objective.scores(model, batch.answers)
        #expect((0..<3).allSatisfy { scores[$0] > scores[$0 + 3] })
    }

    /// A loss from outside in a few lines.
    @Test func aLossOfOnesOwn() throws {
        struct Margin: PreferenceLoss {
            let beta = 1.0
            func callAsFunction(_ scores: PreferenceScores) -> Tensor {
                mapped(scores.margins) { (value: max(0, 1 - $0), derivative: $0 < 1 ? -1 : 0) }
            }
        }
        let model = try model()
        let batch = PreferenceCollator(sharesPrefixes: true).batch(pairs)
        let own = try gradients(
            model, PreferenceOptimization(loss: Margin(), reference: try reference()), [batch])
        let hinge = try gradients(
            model,
            PreferenceOptimization(loss: HingePreference(beta: 1), reference: try reference()),
            [batch])
        try expectEqual(model, own, hinge, 1e-12)
    }
}
