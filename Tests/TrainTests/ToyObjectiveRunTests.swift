import FledgeAdapters
import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Foundation
import Testing

/// Complete runs of the reference on eight samples for the stages with objectives of their own, four
/// optimizer steps each: loss and norm.
@Suite("Toy runs of objectives against the reference")
struct ToyObjectiveRunTests {
    private typealias Steps = [(loss: Double, norm: Double)]

    private func expect(
        _ reports: [StepReport], _ expected: Steps, _ name: Comment, tolerance: Double = 1e-5
    ) {
        #expect(reports.count == expected.count)
        for (report, expected) in zip(reports, expected) {
            #expect(abs(report.loss / expected.loss - 1) < tolerance, name)
            #expect(abs(report.gradientNorm / expected.norm - 1) < 5 * tolerance, name)
        }
    }

    /// The toy model with the specification's adapter.
    private func adapted() throws -> DecoderLM {
        let model = try TinyModel.make()
        try ToyData.attachAdapter(to: model)
        return model
    }

    private func whole() throws -> DecoderLM {
        let model = try TinyModel.make()
        for parameter in model.parameters { parameter.isTrainable = true }
        return model
    }

    private func preferences(
        _ loss: some PreferenceLoss, _ options: PreferenceOptimization.Options = .init(),
        shares: Bool = false
    ) throws -> [StepReport] {
        let model = try adapted()
        return try ToyPreferences.train(
            model,
            PreferenceOptimization(
                loss: loss, reference: PolicyWithoutAdapters(model), options: options),
            ToyPreferences.pairEpochs(shares: shares))
    }

    @Test(arguments: [false, true]) func preferencesWithAdapters(shares: Bool) throws {
        let first = try preferences(SigmoidPreference(beta: 0.1), shares: shares)
        expect(
            first,
            [
                (0.6663198, 0.1668262), (0.7135609, 0.3612022), (0.6895757, 0.2830266),
                (0.6437294, 0.1470105),
            ], "sigmoid")
        let metrics = try #require(first.first?.metrics).mapValues(\.value)
        for (name, value) in [
            "rewards/chosen": 0.0267392, "rewards/rejected": -0.0288487,
            "rewards/margins": 0.055588, "rewards/accuracies": 1, "logps/chosen": -13.3975105,
            "logps/rejected": -14.2114,
        ] {
            #expect(abs(try #require(metrics[name]) - value) < 2e-6 * max(1, abs(value)), "\(name)")
        }
        #expect(metrics["logits/chosen"] != nil && metrics["logits/rejected"] != nil)
        expect(
            try preferences(
                SigmoidPreference(beta: 0.5), .init(supervisedWeight: 0.5), shares: shares),
            [
                (2.1509418, 0.8678389), (2.3292563, 2.5806293), (2.2200122, 1.8880624),
                (1.9820278, 0.8093292),
            ], "supervised part")
        expect(
            try preferences(
                SigmoidPreference(beta: 0.1), .init(classifierWeight: 0.5), shares: shares),
            [
                (0.8972144, 0.1681435), (0.9442739, 0.3600249), (0.9205173, 0.282294),
                (0.8744124, 0.1503517),
            ], "classifier")
        expect(
            try preferences(
                SigmoidPreference(beta: 0.1), .init(lengthWeight: 0.5), shares: shares),
            [
                (0.6826746, 0.1597149), (0.7794495, 0.3010345), (0.6298894, 0.2260334),
                (0.7884999, 0.1446752),
            ], "length weight")
        expect(
            try preferences(SigmoidPreference(beta: 0.1, labelSmoothing: 0.2), shares: shares),
            [
                (0.6774374, 0.0972972), (0.7057423, 0.2213978), (0.6912345, 0.1704593),
                (0.6644828, 0.0857412),
            ], "label smoothing")
    }

    @Test func preferencesWithoutReference() throws {
        let odds = try preferences(OddsRatioPreference(beta: 0.1))
        expect(
            odds,
            [
                (3.2158089, 0.531575), (3.0981984, 1.2440435), (3.1096935, 0.8391138),
                (3.0295129, 0.6865012),
            ], "orpo")
        let metrics = try #require(odds.first?.metrics)
        #expect(abs((metrics["sft_loss"]?.value ?? 0) - 3.1464784) < 1e-5)
        #expect(abs((metrics["odds_ratio_loss"]?.value ?? 0) - 0.6933028) < 1e-5)
        expect(
            try preferences(SimplePreference(beta: 2, gamma: 0.5)),
            [
                (0.9786583, 0.9796373), (0.7121703, 1.8271921), (0.735518, 1.2883312),
                (0.7123259, 0.7558233),
            ], "simpo")
    }

    @Test(arguments: [false, true]) func preferencesOfAllWeights(shares: Bool) throws {
        let reports = try ToyPreferences.train(
            try whole(),
            PreferenceOptimization(
                loss: SigmoidPreference(beta: 0.1), reference: ModelReference(TinyModel.make())),
            ToyPreferences.pairEpochs(shares: shares), rate: 0.001)
        expect(
            reports,
            [
                (0.6931472, 0.719655), (0.6920736, 0.7853639), (0.6744168, 0.7349633),
                (0.6600774, 0.5725019),
            ], "dpo full")
    }

    @Test func preferencesEvaluated() throws {
        let model = try adapted()
        let stage = ObjectiveStage(
            model,
            PreferenceOptimization(
                loss: SigmoidPreference(beta: 0.1), reference: PolicyWithoutAdapters(model)))
        let batches = ToyPreferences.pairEpochs(batchSize: 3, shuffles: false)
        let reports = try (0..<3).map { try stage.evaluate(batches.batch(epoch: 0, index: $0)) }
        for (report, loss) in zip(reports, [0.7122696, 0.6927781, 0.6495163]) {
            #expect(abs(report.mean - loss) < 1e-6)
        }
        func mean(_ name: String) -> Double {
            reports.compactMap { $0.metrics[name]?.value }.reduce(0, +) / 3
        }
        #expect(abs(mean("rewards/accuracies") - 0.7777778) < 1e-6)
        #expect(abs(mean("rewards/chosen") - 0.0082083) < 1e-6)
        #expect(abs(mean("logps/chosen") + 12.8884811) < 1e-5)
    }

    @Test(arguments: [false, true]) func feedback(shares: Bool) throws {
        func run(_ options: FeedbackOptimization.Options) throws -> [StepReport] {
            let model = try adapted()
            return try ToyPreferences.train(
                model,
                FeedbackOptimization(reference: PolicyWithoutAdapters(model), options: options),
                ToyPreferences.feedbackEpochs(shares: shares))
        }
        let first = try run(.init(sumsDivergence: true))
        expect(
            first,
            [
                (0.4892972, 0.0910387), (0.4875754, 0.0966887), (0.4620722, 0.1172375),
                (0.479366, 0.058547),
            ], "kto")
        let metrics = try #require(first.first?.metrics).mapValues(\.value)
        for (name, value) in [
            "kl": 0.8735256, "rewards/chosen": 0.0588803, "rewards/rejected": 0.0052701,
            "logps/chosen": -13.2121201,
        ] {
            #expect(abs(try #require(metrics[name]) - value) < 2e-6 * max(1, abs(value)), "\(name)")
        }
        expect(
            try run(.init(loss: FeedbackLoss(undesirableWeight: 1.5), supervisedWeight: 0.5)),
            [
                (2.813931, 1.0027847), (3.501195, 1.2209882), (2.0571878, 0.4945236),
                (1.9327822, 0.324086),
            ], "kto, supervised")
    }

    @Test func feedbackEvaluated() throws {
        let model = try adapted()
        let stage = ObjectiveStage(
            model,
            FeedbackOptimization(
                reference: PolicyWithoutAdapters(model), options: .init(sumsDivergence: true)))
        let batches = ToyPreferences.feedbackEpochs(batchSize: 3, shuffles: false)
        var total = LossReport()
        for index in 0..<3 { total += try stage.evaluate(batches.batch(epoch: 0, index: index)) }
        #expect(abs(total.mean - 0.4890084) < 1e-6)
        #expect(abs((total.metrics["kl"]?.value ?? 0) - 0.8938568) < 1e-5)
        #expect(abs((total.metrics["rewards/chosen"]?.value ?? 0) - 0.0467444) < 1e-6)
        #expect(abs((total.metrics["rewards/rejected"]?.value ?? 0) + 0.0457034) < 1e-6)
    }

    @Test(arguments: [2, 3]) func rewardsEvaluated(batchSize: Int) throws {
        let head = ValueHead(
            weight: TinyModel.tensor("v_head.summary.weight", [1, 16]),
            bias: TinyModel.tensor("v_head.summary.bias", [1]))
        let stage = ObjectiveStage(try adapted(), RewardRanking(head: head))
        for shares in [false, true] {
            let batches = ToyPreferences.pairEpochs(
                batchSize: batchSize, shuffles: false, lastTokens: true, shares: shares)
            let reports = try (0..<batches.batchesPerEpoch).map {
                try stage.evaluate(batches.batch(epoch: 0, index: $0))
            }
            let total = reports.reduce(into: LossReport()) { $0 += $1 }
            #expect(abs(total.mean - 0.7407400) < 2e-6)
            #expect(total.metrics["accuracy"]?.value == 0.375)
            guard batchSize == 3 else { continue }
            for (report, loss) in zip(reports, [0.7456887, 0.7087233, 0.7813420]) {
                #expect(abs(report.mean - loss) < 2e-6)
            }
        }
    }

    @Test func tokenLosses() throws {
        func run(_ objective: some Objective<TokenBatch>) throws -> [StepReport] {
            try ToyPreferences.train(try whole(), objective, ToyData.epochs(), rate: 0.001)
        }
        expect(
            try run(DynamicFineTuning()),
            [
                (0.1315395, 0.1193348), (0.1475779, 0.1394546), (0.1494799, 0.121894),
                (0.1479278, 0.1364979),
            ], "dft")
        expect(
            try run(EntropyAdaptiveFineTuning(alpha: 1)),
            [
                (3.149132, 2.6674287), (2.9882469, 2.7219868), (2.9703112, 2.2317185),
                (2.976882, 2.3844981),
            ], "eaft")
        expect(
            try run(
                UndividedMeans(
                    AnchoredFineTuning(alpha: 0.1, reference: ModelReference(TinyModel.make())),
                    accumulation: 2)),
            [
                (0.263224, 0.2367434), (0.2945167, 0.267239), (0.2994836, 0.2204889),
                (0.2957564, 0.2396802),
            ], "asft")
        expect(
            try run(UndividedMeans(SmoothedCrossEntropy(smoothing: 0.1), accumulation: 2)),
            [
                (6.4385033, 4.8312058), (6.1645055, 4.998898), (6.1230412, 4.0935001),
                (6.1315823, 4.3876796),
            ], "smoothing")
    }
}
