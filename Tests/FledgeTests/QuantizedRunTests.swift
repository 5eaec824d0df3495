import Fledge
import FledgeTesting
import Foundation
import Testing

/// Runs on quantised bases, from the keys to the exported folder.
@Suite struct QuantizedRunTests {
    private let project: TinyProject

    init() throws { project = try TinyProject() }

    private func configuration(
        _ more: [String], _ purpose: RunConfiguration.Purpose = .training
    ) throws -> RunConfiguration {
        let yaml = """
            model_name_or_path: \(project.path)/model
            template: chatml
            dataset_dir: \(project.path)/data
            dataset: tiny
            output_dir: \(project.path)/out
            do_train: true
            per_device_train_batch_size: 2
            num_train_epochs: 1
            learning_rate: 0.02
            logging_steps: 1
            save_strategy: no
            """
        return try RunConfiguration(
            yaml: yaml, file: "run.yaml", overrides: more, purpose: purpose, environment: [:])
    }

    private func message(_ more: [String], _ purpose: RunConfiguration.Purpose = .training)
        -> String
    {
        let error = #expect(throws: FledgeError.self, "\(more)") {
            try configuration(more, purpose)
        }
        return error?.message ?? ""
    }

    @Test func keysThatContradictEachOtherAreRefused() {
        #expect(message(["quantization_bit=3"]).contains("only accepts 4-bit or 8-bit"))
        #expect(message(["quantization_bit=4", "quantization_method=hqq"]).contains("hqq"))
        let one = "adapter_name_or_path=a"
        #expect(
            message(["quantization_bit=4", one, "create_new_adapter=true"])
                == "Cannot create new adapter upon a quantized model.")
        #expect(
            message(["quantization_bit=8", "adapter_name_or_path=a,b"])
                == "Quantized model only accepts a single adapter. Merge them first.")
        let keeping = #expect(throws: FledgeError.self) {
            try ModelSide(training: configuration(["gguf_keep_quantized=true"]))
        }
        #expect(keeping?.message.contains("no GGUF file") == true)
        #expect(
            message(
                ["gguf_keep_quantized=true", "model_name_or_path=m.gguf", "quantization_bit=4"]
            ).contains("anew"))
        #expect(message(["export_dequantize=true"], .inference).contains("quantised base"))
    }

    @Test(arguments: [
        ["quantization_bit=4"], ["quantization_bit=4", "quantization_type=fp4", "bf16=true"],
        ["quantization_bit=8"],
    ]) func lossesAreThoseOfTheExpandedBase(_ keys: [String]) throws {
        let run = try configuration(keys)
        let recorder = LossRecorder()
        try TrainingRecipe(run, callbacks: [recorder]).run()

        // The same run on a folder that holds the expanded weights.
        let type = run.trainingType
        let model = try Checkpoint(path: project.file("model")).causalLM(
            storing: .float32, linears: run.model.linearStorage)
        model.dequantize(as: .float32)
        try model.save(to: project.file("model"), as: .float32)
        let plain = LossRecorder()
        let more = type == .bfloat16 ? ["bf16=true"] : []
        try TrainingRecipe(
            configuration(more + ["output_dir=\(project.path)/plain"]), callbacks: [plain]
        ).run()
        #expect(recorder.losses.count == 6)
        #expect(recorder.losses == plain.losses)
    }

    @Test func countsAndSizesAreAnnounced() throws {
        var heard: [String] = []
        try TrainingRecipe(configuration(["quantization_bit=4"])) { heard.append($0) }.run()
        var plain: [String] = []
        try TrainingRecipe(configuration(["output_dir=\(project.path)/plain"])) {
            plain.append($0)
        }.run()
        let counts = { (lines: [String]) in lines.first { $0.hasPrefix("trainable params") } }
        #expect(counts(heard) != nil && counts(heard) == counts(plain))
        #expect(heard.contains { $0.contains("14 matrices are frozen in NF4") })
        let card = try String(contentsOfFile: project.file("out/README.md"), encoding: .utf8)
        #expect(card.contains("quantization_bit=4") && card.contains("export_dequantize=true"))
    }

    @Test func mergingIsRefusedUnlessTheBaseIsExpanded() throws {
        let keys = ["quantization_bit=4"]
        try TrainingRecipe(configuration(keys)).run()
        let adapter = keys + ["adapter_name_or_path=\(project.path)/out"]
        let merged = "export_dir=\(project.path)/merged"
        let error = #expect(throws: FledgeError.self) {
            try ModelExport(configuration(adapter + [merged], .inference)).run()
        }
        #expect(error?.message == "Cannot merge adapters to a quantized model.")
        #expect(error?.advice.contains("export_dequantize") == true)

        try ModelExport(
            configuration(adapter + [merged, "export_dequantize=true"], .inference)
        ).run()
        let card = try String(contentsOfFile: project.file("merged/README.md"), encoding: .utf8)
        #expect(card.contains("NF4") && card.contains(project.file("out")))
        let ids: [Int32] = [3, 60, 70, 80, 90, 100]
        let states = { (model: any CausalLM) in
            model.hiddenStates(
                ids, layout: SequenceLayout(lengths: [ids.count]), ForwardPass(.float32)
            ).scalars()
        }
        let side = try ModelSide(inference: configuration(adapter, .inference))
        #expect(side.model.linears.count { $0.adapter != nil } == 14)
        let expected = states(side.model)
        let found = states(
            try Checkpoint(path: project.file("merged")).causalLM(storing: .float32))
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
        let base = states(try Checkpoint(path: project.file("model")).causalLM(storing: .float32))
        #expect(zip(base, expected).contains { abs($0 - $1) > 1e-3 })
    }
}

private final class LossRecorder: Callback {
    var losses: [Double] = []

    func didFinishStep(_ report: StepReport, _ run: TrainingRun) { losses.append(report.loss) }
}
