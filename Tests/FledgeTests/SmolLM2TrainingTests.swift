import Fledge
import FledgeTesting
import Foundation
import Testing

/// Twenty optimizer steps on SmolLM2 against LLaMA-Factory 0.9.5 itself, float32, from the same
/// adapter: the whole path from YAML keys to gradients.
@Suite(
    "SmolLM2 training against LLaMA-Factory",
    .enabled(if: CachedModel.path != nil, "fetch the default model"))
struct SmolLM2TrainingTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    @Test func lossesAndNormsAreThoseOfTheReference() throws {
        let fixture = try JSONValue(
            contentsOf: Self.root + "/Tests/FledgeTests/Fixtures/smollm2_training.json")
        let folder = try TemporaryFolder()
        try Self.writeAdapter(to: folder.path + "/adapter")
        let recorder = StepRecorder()
        try SupervisedFineTuning(
            try configuration(fixture, folder.path), callbacks: [recorder]
        ).run()

        let steps = try #require(fixture["steps"]?.arrayValue)
        #expect(recorder.reports.count == steps.count)
        for (report, step) in zip(recorder.reports, steps) {
            let loss = try #require(step["loss"]?.doubleValue)
            let norm = try #require(step["grad_norm"]?.doubleValue)
            let rate = try #require(step["learning_rate"]?.doubleValue)
            #expect(abs(report.loss / loss - 1) < 1e-4, "loss of step \(report.step)")
            #expect(abs(report.gradientNorm / norm - 1) < 1e-3, "norm of step \(report.step)")
            #expect(abs(report.learningRate - rate) < 1e-12, "rate of step \(report.step)")
        }
        // Where the adapter ended up, tensor by tensor.
        let file = try SafetensorsFile(path: folder.path + "/out/adapter_model.safetensors")
        for member in fixture["final"]?.members ?? [] {
            let values = try file.tensor(named: member.key, as: .float32).doubles()
            let squares = try #require(member.value["squares"]?.doubleValue)
            #expect(abs(values.map { $0 * $0 }.reduce(0, +) / squares - 1) < 1e-3, "\(member.key)")
        }
    }

    private func configuration(_ fixture: JSONValue, _ folder: String) throws -> RunConfiguration {
        var lines: [String] = []
        for member in fixture["arguments"]?.members ?? [] {
            lines.append("\(member.key)=\(member.value.stringValue ?? member.value.serialized())")
        }
        lines += [
            "model_name_or_path=\(try #require(CachedModel.path))",
            "adapter_name_or_path=\(folder)/adapter", "output_dir=\(folder)/out",
            "dataset_dir=\(Self.root)/Examples/data",
        ]
        return try RunConfiguration(path: nil, overrides: lines)
    }

    /// The adapter that the reference script starts from, by the same formula.
    private static func writeAdapter(to folder: String) throws {
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
