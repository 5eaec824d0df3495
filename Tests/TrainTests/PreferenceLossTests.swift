import FledgeCore
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Foundation
import Testing

/// Losses of pairs and of feedback against TRL 0.24 and LLaMA-Factory 0.9.5 on random inputs
/// (`Scripts/reference/preference_losses.py`).
@Suite("Preference losses against TRL") struct PreferenceLossTests {
    private static func fixture() throws -> JSONValue {
        try JSONValue(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "Fixtures/preference_losses.json").path)
    }

    private func doubles(_ value: JSONValue?) -> [Double] {
        (value?.arrayValue ?? []).compactMap(\.doubleValue)
    }

    private func parameters(_ item: JSONValue) throws -> [Parameter] {
        let inputs = try #require(item["inputs"]?.arrayValue).map { doubles($0) }
        try #require(inputs.count == 4 && inputs.allSatisfy { $0.count == 6 })
        return inputs.enumerated().map {
            Parameter("input \($0.offset)", Tensor($0.element, shape: [6]), isTrainable: true)
        }
    }

    private func scores(_ inputs: [Parameter], usesReference: Bool = true) -> PreferenceScores {
        PreferenceScores(
            chosen: inputs[0].tracked, rejected: inputs[1].tracked,
            referenceChosen: usesReference ? inputs[2].value : nil,
            referenceRejected: usesReference ? inputs[3].value : nil)
    }

    @Test func everyLossAndItsSlopes() throws {
        let cases = try #require(Self.fixture()["losses"]?.arrayValue)
        var seen: Set<String> = []
        for item in cases {
            let name = try #require(item["name"]?.stringValue)
            seen.insert(name)
            let settings = PreferenceSettings(
                beta: try #require(item["beta"]?.doubleValue),
                labelSmoothing: try #require(item["label_smoothing"]?.doubleValue),
                gamma: item["gamma"]?.doubleValue ?? 0.5)
            let named = try #require(NamedPreferenceLoss.standard.first { $0.name == name })
            let loss = try named.make(settings)
            let inputs = try parameters(item)
            let found = loss(scores(inputs, usesReference: loss.usesReference)).doubles()
            #expect(
                Closeness(found, doubles(item["losses"])).isWithin(1e-9),
                "\(name): \(Closeness(found, doubles(item["losses"])))")
            let policy = Array(inputs.prefix(2))
            let gradients = valueAndGradients(of: policy) {
                sum(loss(scores(inputs, usesReference: loss.usesReference)))
            }.gradients
            for (side, parameter) in policy.enumerated() {
                let slopes = gradients[parameter]?.doubles() ?? Array(repeating: 0, count: 6)
                let expected = doubles(item["slopes"]?[side])
                #expect(Closeness(slopes, expected).isWithin(1e-9), "\(name), side \(side)")
            }
            let check = GradientCheck(of: policy) {
                sum(loss(scores(inputs, usesReference: loss.usesReference)))
            }
            #expect(check.passes, "\(name): \(check)")
        }
        #expect(seen == Set(NamedPreferenceLoss.standard.map(\.name)))
    }

    @Test func theReferencesProgramIgnoresNames() throws {
        let settings = PreferenceSettings(beta: 0.3, labelSmoothing: 0.2)
        let inputs = try parameters(try #require(Self.fixture()["losses"]?[0]))
        let sigmoid = SigmoidPreference(beta: 0.3, labelSmoothing: 0.2)(scores(inputs)).doubles()
        for named in NamedPreferenceLoss.ofTheReference {
            let loss = try named.make(settings)
            let isSigmoid = loss(scores(inputs)).doubles() == sigmoid
            #expect(
                isSigmoid == ["sigmoid", "hinge", "ipo", "kto_pair"].contains(named.name),
                "\(named.name)")
            #expect(loss.averages == ["ipo", "orpo", "simpo"].contains(named.name))
        }
    }

    @Test func extremeScoresStayNumbers() throws {
        let settings = PreferenceSettings(beta: 0.5, labelSmoothing: 0.1)
        for named in NamedPreferenceLoss.standard {
            let loss = try named.make(settings)
            for (chosen, rejected) in [(-1e4, -1e-9), (0.0, -1e4), (-300, 0)] {
                let pair = [
                    Parameter("chosen", Tensor([chosen], shape: [1])),
                    Parameter("rejected", Tensor([rejected], shape: [1])),
                ]
                let result = valueAndGradients(of: pair) {
                    sum(
                        loss(PreferenceScores(chosen: pair[0].tracked, rejected: pair[1].tracked)))
                }
                // The exponential part of discopop grows beyond all numbers by its formula.
                guard named.name != "discopop" else { continue }
                #expect(result.value.scalar.isFinite, "\(named.name) of \(chosen), \(rejected)")
                for side in pair {
                    #expect(result.gradients[side]?.scalar.isFinite ?? true, "\(named.name)")
                }
            }
        }
    }

    @Test func smoothingThatLeavesNothingIsRefused() throws {
        let robust = try #require(NamedPreferenceLoss.standard.first { $0.name == "robust" })
        let error = #expect(throws: FledgeError.self) {
            try robust.make(PreferenceSettings(labelSmoothing: 0.5))
        }
        #expect(error?.code == .configuration)
    }

    @Test func theClassifiersBaselineRuns() throws {
        let batches = try #require(Self.fixture()["classifier"]?.arrayValue)
        let (whole, looking) = (AnswerClassifier(), AnswerClassifier())
        for (index, item) in batches.enumerated() {
            // A state that goes through a checkpoint goes on as if nothing had been.
            let resumed = AnswerClassifier()
            resumed.state = StageState(
                values: try JSONValue(
                    parsing: Array(whole.state.values.serialized(.compact).utf8), file: "state"))
            let inputs = try parameters(item)
            let expected = doubles(item["losses"])
            let found = whole.losses(scores(inputs), beta: 0.3, isTraining: true).doubles()
            #expect(Closeness(found, expected).isWithin(1e-6), "batch \(index)")
            #expect(
                resumed.losses(scores(inputs), beta: 0.3, isTraining: true).doubles() == found)
            let evaluated = looking.losses(scores(inputs), beta: 0.3, isTraining: false).doubles()
            #expect((Closeness(evaluated, expected).isWithin(1e-6)) == (index == 0))
        }
    }

    @Test func feedback() throws {
        let loss = FeedbackLoss(beta: 0.3, desirableWeight: 1.2, undesirableWeight: 0.7)
        let cases = try #require(Self.fixture()["feedback"]?.arrayValue)
        #expect(cases.contains { ($0["kl"]?.doubleValue ?? 0) > 0 })
        for item in cases {
            let own = doubles(item["own"])
            let divergence = loss.divergence(
                policy: doubles(item["others"]), reference: doubles(item["reference_others"]))
            #expect(abs(divergence - (item["kl"]?.doubleValue ?? -1)) < 1e-12)
            let policy = Parameter("own", Tensor(own, shape: [own.count]), isTrainable: true)
            let good = try #require(item["good"]?.intValue)
            let compute = {
                loss(
                    policy.tracked - Tensor(doubles(item["reference"]), shape: [own.count]),
                    isDesirable: own.indices.map { $0 < good }, divergence: divergence)
            }
            #expect(Closeness(compute().doubles(), doubles(item["losses"])).isWithin(1e-9))
            let slope = valueAndGradients(of: [policy]) { sum(compute()) }.gradients[policy]
            #expect(
                Closeness(try #require(slope).doubles(), doubles(item["slope"])).isWithin(1e-9))
        }
    }
}
