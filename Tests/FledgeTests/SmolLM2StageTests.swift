import Fledge
import FledgeTesting
import Foundation
import Testing

/// Eight optimizer steps of every stage on SmolLM2 against LLaMA-Factory 0.9.5 itself, float32, from the
/// same adapter and value head, on rows of the project's own sets: losses, gradient norms, metrics.
@Suite(
    "SmolLM2's stages against LLaMA-Factory",
    .enabled(if: CachedModel.path != nil, "fetch the default model"))
struct SmolLM2StageTests {
    private static let cases = [
        "pt", "sft", "rm", "dpo", "dpo orpo", "dpo simpo", "kto",
    ]

    @Test(arguments: cases)
    func stepsAreThoseOfTheReference(_ name: String) throws {
        let fixture = try JSONValue(
            contentsOf: SmolLM2TrainingTests.root
                + "/Tests/FledgeTests/Fixtures/smollm2_stage_steps.json")
        let golden = try #require(
            fixture["cases"]?.arrayValue?.first { $0["name"]?.stringValue == name })
        let history = try history(fixture, golden)
        let steps = try #require(golden["steps"]?.arrayValue)
        #expect(history.count == steps.count + 1, "and the summary")
        for (entry, step) in zip(history, steps) {
            for expected in step.members ?? [] {
                let value = try #require(expected.value.doubleValue)
                let found = try #require(
                    entry[expected.key], "\(name) has no \(expected.key)")
                let tolerance = Self.tolerance(expected.key, value, of: step)
                #expect(
                    abs(found - value) <= tolerance,
                    "\(name), step \(entry.step), \(expected.key): \(found) \(value)")
            }
        }
    }

    /// How far a value may be from the reference's.
    ///
    /// Rewards are small differences of large log-probabilities, of which float32 keeps seven digits:
    /// they are held against the larger ones of their step.
    private static func tolerance(_ key: String, _ value: Double, of step: JSONValue) -> Double {
        switch key {
        case "loss": return 1e-4 * abs(value)
        case "learning_rate": return 1e-12
        case "rewards/chosen", "rewards/rejected", "rewards/margins", "kl":
            let largest = ["rewards/chosen", "rewards/rejected", "rewards/margins", "kl"]
                .compactMap { step[$0]?.doubleValue }.map { abs($0) }.max()
            return 1e-3 * (largest ?? abs(value))
        default: return 1e-3 * abs(value)
        }
    }

    /// Runs what the fixture's arguments say, and reads what was logged.
    private func history(_ fixture: JSONValue, _ golden: JSONValue) throws -> [LogEntry] {
        let folder = try TemporaryFolder()
        let adapter = folder.path + "/adapter"
        try SmolLM2TrainingTests.writeAdapter(to: adapter)
        try Self.head(channels: 576).save(to: adapter)
        var lines: [String] = []
        for arguments in [fixture["arguments"], golden["arguments"]] {
            for member in arguments?.members ?? [] {
                let value = member.value.stringValue ?? member.value.serialized()
                lines.append("\(member.key)=\(value)")
            }
        }
        lines += [
            "model_name_or_path=\(try #require(CachedModel.path))",
            "adapter_name_or_path=\(adapter)", "output_dir=\(folder.path)/out",
            "dataset_dir=\(SmolLM2TrainingTests.root)/Examples/data", "reference_quirks=all",
        ]
        let methods = [any TrainingMethod].standard.filter { $0.name != "rm" }
        let configuration = try RunConfiguration(
            path: nil, overrides: lines, methods: methods + [StillRewardModeling()])
        try TrainingRecipe(configuration).run()
        return try TrainerState(path: folder.path + "/out/trainer_state.json").logHistory
    }

    /// The value head that the reference script starts from, by the same formula.
    private static func head(channels: Int) -> ValueHead {
        func tensor(_ name: String, _ shape: [Int]) -> Tensor {
            let values = TinyModel.values(name, count: shape.reduce(1, *), scale: 0.02)
            return Tensor(values.map { Float($0) }, shape: shape)
        }
        return ValueHead(
            weight: tensor("v_head.summary.weight", [1, channels]),
            bias: tensor("v_head.summary.bias", [1]))
    }
}

/// Reward modelling without the dropout of the head, whose draws no two programs share.
private struct StillRewardModeling: TrainingMethod {
    private let standard = RewardModeling()
    var name: String { standard.name }
    var rows: RowTraits { standard.rows }

    func collate(
        _ picked: [(index: Int, sample: PairwiseSample)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> PreferenceBatch {
        standard.collate(
            picked, epoch: epoch, sharesPrefixes: sharesPrefixes, configuration)
    }

    func size(
        of sample: PairwiseSample, sharesPrefixes: Bool, _ configuration: RunConfiguration
    ) -> (tokens: Int, supervised: Int) {
        standard.size(of: sample, sharesPrefixes: sharesPrefixes, configuration)
    }

    func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<PreferenceBatch> {
        let folder = try #require(configuration.model.adapterPaths.first)
        let head = try ValueHead(
            folder: folder, channels: side.model.configuration.hiddenSize)
        head.dropout = 0
        return TrainingParts(
            side, RewardRanking(head: head), seed: configuration.training.seed,
            artifact: JointArtifact(side.artifact, head))
    }
}
