import Fledge
import FledgeTesting
import Foundation
import Testing

/// Optimizer steps on SmolLM2 against LLaMA-Factory 0.9.5 itself, float32, from the same weights: the
/// whole path from YAML keys to gradients.
@Suite(
    "SmolLM2 training against LLaMA-Factory",
    .enabled(if: CachedModel.path != nil, "fetch the default model"))
struct SmolLM2TrainingTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    @Test func lossesAndNormsAreThoseOfTheReference() throws {
        let fixture = try Self.fixture("smollm2_training.json")
        let folder = try TemporaryFolder()
        try Self.writeAdapter(to: folder.path + "/adapter")
        try expectSteps(
            fixture, folder.path, ["adapter_name_or_path=\(folder.path)/adapter"])
        // Where the adapter ended up, tensor by tensor.
        let file = try SafetensorsFile(path: folder.path + "/out/adapter_model.safetensors")
        for member in fixture["final"]?.members ?? [] {
            let values = try file.tensor(named: member.key, as: .float32).doubles()
            let squares = try #require(member.value["squares"]?.doubleValue)
            #expect(abs(values.map { $0 * $0 }.reduce(0, +) / squares - 1) < 1e-3, "\(member.key)")
        }
    }

    @Test func fullTuningIsThatOfTheReference() throws {
        let fixture = try Self.fixture("smollm2_full_training.json")
        let folder = try TemporaryFolder()
        try expectSteps(fixture, folder.path, [])
        // How far each tensor moved. Adam's first steps are signs of gradients, so that elements
        // whose gradient is nearly zero go either way.
        let base = try Checkpoint(path: try #require(CachedModel.path)).weights
        let file = try SafetensorsFile(path: folder.path + "/out/model.safetensors")
        for member in fixture["final"]?.members ?? [] {
            let start = try base.tensor(named: member.key, as: .float32).scalars()
            let end = try file.tensor(named: member.key, as: .float32).scalars()
            let moved = zip(start, end).reduce(0.0) { $0 + Double(($1.1 - $1.0) * ($1.1 - $1.0)) }
            let squares = try #require(member.value["squares"]?.doubleValue)
            #expect(abs(moved / squares - 1) < 1e-2, "\(member.key): \(moved) \(squares)")
        }
    }

    /// Plain packing as in the reference, when it is asked for: samples of a row see each other.
    @Test func leakingPackingIsThatOfTheReference() throws {
        let fixture = try Self.fixture("smollm2_packed_training.json")
        let folder = try TemporaryFolder()
        try Self.writeAdapter(to: folder.path + "/adapter")
        let adapter = "adapter_name_or_path=\(folder.path)/adapter"
        try expectSteps(fixture, folder.path, [adapter, "reference_quirks=all"])
        // Without the quirk they do not.
        let recorder = StepRecorder()
        try TrainingRecipe(
            try configuration(
                fixture, folder.path,
                [adapter, "output_dir=\(folder.path)/sound", "max_steps=1"]),
            callbacks: [recorder]
        ).run()
        let leaking = try #require(fixture["steps"]?[0]?["loss"]?.doubleValue)
        let sound = try #require(recorder.reports.first?.loss)
        #expect(abs(sound / leaking - 1) > 1e-3)
    }

    /// Pre-training, with an evaluation in which batches count by their rows.
    @Test func preTrainingIsThatOfTheReference() throws {
        let fixture = try Self.fixture("smollm2_text_training.json")
        let folder = try TemporaryFolder()
        try Self.writeAdapter(to: folder.path + "/adapter")
        let adapter = "adapter_name_or_path=\(folder.path)/adapter"
        try expectSteps(fixture, folder.path, [adapter, "reference_quirks=all"])
        let results = try JSONValue(contentsOf: folder.path + "/out/eval_results.json")
        for (key, tolerance) in [("eval_loss", 1e-4), ("eval_perplexity", 1e-3)] {
            let found = try #require(results[key]?.doubleValue)
            let expected = try #require(fixture["evaluation"]?[key]?.doubleValue)
            #expect(abs(found / expected - 1) < tolerance, "\(key): \(found) \(expected)")
        }
    }

    private static func fixture(_ name: String) throws -> JSONValue {
        try JSONValue(contentsOf: root + "/Tests/FledgeTests/Fixtures/" + name)
    }

    /// Runs what the fixture's arguments say and compares every step.
    private func expectSteps(
        _ fixture: JSONValue, _ folder: String, _ more: [String], lossTolerance: Double = 1e-4,
        normTolerance: Double = 1e-3
    ) throws {
        let recorder = StepRecorder()
        try TrainingRecipe(
            try configuration(fixture, folder, more), callbacks: [recorder]
        ).run()
        let steps = try #require(fixture["steps"]?.arrayValue)
        #expect(recorder.reports.count == steps.count)
        for (report, step) in zip(recorder.reports, steps) {
            let loss = try #require(step["loss"]?.doubleValue)
            let norm = try #require(step["grad_norm"]?.doubleValue)
            let rate = try #require(step["learning_rate"]?.doubleValue)
            #expect(
                abs(report.loss / loss - 1) < lossTolerance,
                "loss of step \(report.step): \(report.loss) \(loss)")
            #expect(
                abs(report.gradientNorm / norm - 1) < normTolerance,
                "norm of step \(report.step): \(report.gradientNorm) \(norm)")
            #expect(abs(report.learningRate - rate) < 1e-12, "rate of step \(report.step)")
        }
    }

    private func configuration(
        _ fixture: JSONValue, _ folder: String, _ more: [String]
    ) throws -> RunConfiguration {
        var lines: [String] = []
        for member in fixture["arguments"]?.members ?? [] {
            lines.append("\(member.key)=\(member.value.stringValue ?? member.value.serialized())")
        }
        lines += [
            "model_name_or_path=\(try #require(CachedModel.path))",
            "output_dir=\(folder)/out", "dataset_dir=\(Self.root)/Examples/data",
        ]
        lines += more
        return try RunConfiguration(path: nil, overrides: lines)
    }

    /// The adapter that the reference script starts from, by the same formula.
    static func writeAdapter(to folder: String) throws {
        let model = try Checkpoint(path: try #require(CachedModel.path)).causalLM()
        let adapters = try model.attach(LoRA(rank: 8, alpha: 16), seed: 0)
        for parameter in adapters.parameters {
            let scale = parameter.name.contains("lora_A") ? 0.05 : 0.02
            let values = TinyModel.values(
                parameter.name, count: parameter.value.count, scale: scale)
            parameter.value = Tensor(values.map { Float($0) }, shape: parameter.value.shape)
        }
        try Folder.create(folder)
        try adapters.save(to: folder)
    }
}

private final class StepRecorder: Callback {
    private(set) var reports: [StepReport] = []
    func didFinishStep(_ report: StepReport, _ run: TrainingRun) { reports.append(report) }
}
