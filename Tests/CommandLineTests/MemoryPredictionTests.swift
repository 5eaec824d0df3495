import Fledge
import FledgeTesting
import Foundation
import Testing

/// The memory that a run predicts is what its tensors come to, in a process of its own.
@Suite("Memory prediction", .commandIsBuilt)
struct MemoryPredictionTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun()
    }

    /// Predicted and measured bytes of a run.
    private func run(_ more: [String]) throws -> (predicted: Double, measured: Double) {
        let words =
            ["train", "run.yaml", "overwrite_output_dir=true", "save_strategy=no"] + more
        let outcome = try CommandRun(words, in: project.path).wait()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("Memory: at most "))
        #expect(outcome.errors.contains(" MiB resident"))
        let results = try JSONValue(contentsOf: project.file("out/all_results.json"))
        let resident = try #require(results["memory_resident_peak_bytes"]?.doubleValue)
        #expect(resident > 1e7)
        return (
            try #require(results["memory_predicted_bytes"]?.doubleValue),
            try #require(results["memory_tensor_peak_bytes"]?.doubleValue)
        )
    }

    /// One row whose text has about so many bytes, which are the tiny model's tokens.
    private func writeRow(bytes: Int, name: String = "long") throws {
        let rows: JSONValue = [
            [
                "instruction": "a?", "input": "",
                "output": .string(String(repeating: "word ", count: bytes / 5)),
            ]
        ]
        try project.write(rows.serialized(), to: "data/\(name).json")
        try project.write(
            #"{"long": {"file_name": "long.json"}}"#, to: "data/dataset_info.json")
    }

    private static let shapes: [[String]] = [
        [], ["bf16=true"], ["recompute=always"], ["bf16=true", "recompute=always"],
        ["finetuning_type=full"], ["finetuning_type=full", "bf16=true"],
        ["finetuning_type=full", "recompute=always", "gradient_accumulation_steps=2"],
        ["finetuning_type=full", "pure_bf16=true"],
        ["finetuning_type=freeze", "freeze_trainable_layers=1", "bf16=true"],
        [
            "finetuning_type=freeze", "freeze_trainable_layers=1",
            "freeze_extra_modules=embed_tokens",
        ],
    ]

    @Test(arguments: shapes) func tinyModel(_ more: [String]) throws {
        for length in [60, 400] {
            try writeRow(bytes: length)
            let (predicted, measured) = try run(
                ["dataset=long", "cutoff_len=512", "lora_dropout=0"] + more)
            #expect(abs(predicted / measured - 1) < 0.15, "\(length): \(predicted) \(measured)")
        }
    }

    @Test func mergedBatches() throws {
        let row: JSONValue = [
            "instruction": "a?", "input": "",
            "output": .string(String(repeating: "word ", count: 20)),
        ]
        try project.write(JSONValue.array([row, row, row, row]).serialized(), to: "data/long.json")
        try project.write(
            #"{"long": {"file_name": "long.json"}}"#, to: "data/dataset_info.json")
        // With dropout, nothing that rows begin with is shared.
        let (predicted, measured) = try run([
            "dataset=long", "cutoff_len=512", "lora_dropout=0.1", "val_size=0",
            "per_device_train_batch_size=1", "gradient_accumulation_steps=4",
        ])
        #expect(abs(predicted / measured - 1) < 0.15, "\(predicted) \(measured)")
    }

    @Test(
        .enabled(if: CachedModel.path != nil, "fetch the default model"),
        arguments: [
            (128, []), (512, ["bf16=true"]), (1024, ["bf16=true", "recompute=always"]),
            (512, ["recompute=always"]), (128, ["finetuning_type=full", "bf16=true"]),
            (512, ["quantization_bit=4", "bf16=true"]),
        ] as [(Int, [String])])
    func smolLM2(_ length: Int, _ more: [String]) throws {
        // Every word is a token, and one row longer than the cut.
        try writeRow(bytes: 5 * length + 100)
        let (predicted, measured) = try run(
            [
                "model_name_or_path=\(try #require(CachedModel.path))", "dataset=long",
                "cutoff_len=\(length)", "num_train_epochs=2", "lora_dropout=0",
                "train_on_prompt=true",
            ] + more)
        #expect(abs(predicted / measured - 1) < 0.06, "\(predicted) \(measured)")
        // The whole process too, with its code, tokenizer and mapped weights.
        let results = try JSONValue(contentsOf: project.file("out/all_results.json"))
        let whole = try #require(results["memory_resident_predicted_bytes"]?.doubleValue)
        let resident = try #require(results["memory_resident_peak_bytes"]?.doubleValue)
        #expect(abs(whole / resident - 1) < 0.1, "\(whole) \(resident)")
    }

    /// Rows of many lengths, of which a few steps see few, in micro-batches of one or several; batches
    /// of evaluation that are larger than those of training.
    @Test(
        .enabled(if: CachedModel.path != nil, "fetch the default model"),
        arguments: [
            ["finetuning_type=freeze"],
            ["finetuning_type=freeze", "freeze_extra_modules=embed_tokens"],
            ["per_device_train_batch_size=2"],
            [
                "finetuning_type=freeze", "val_size=8", "per_device_eval_batch_size=8",
                "eval_strategy=steps", "eval_steps=1",
            ],
        ])
    func fewStepsOfManyRows(_ more: [String]) throws {
        let rows = (0..<24).map { index -> JSONValue in
            // Nothing is shared behind the first word, and no two lengths are equal.
            let words = (0..<20 + index * 37 % 24 * 9).map { "\($0 * 7 + index)" }
            return [
                "instruction": .string("\(index)?"), "input": "",
                "output": .string(words.joined(separator: " ")),
            ]
        }
        try project.write(JSONValue.array(rows).serialized(), to: "data/long.json")
        try project.write(
            #"{"long": {"file_name": "long.json"}}"#, to: "data/dataset_info.json")
        let (predicted, measured) = try run(
            [
                "model_name_or_path=\(try #require(CachedModel.path))", "dataset=long",
                "cutoff_len=512", "max_steps=2", "bf16=true", "val_size=0",
                "per_device_train_batch_size=1", "gradient_accumulation_steps=2",
            ].filter { word in
                !more.contains { $0.split(separator: "=")[0] == word.split(separator: "=")[0] }
            }
                + more)
        #expect(abs(predicted / measured - 1) < 0.06, "\(predicted) \(measured)")
    }

    /// Answers that are generated between the steps need a cache, here of more than activations.
    @Test(.enabled(if: CachedModel.path != nil, "fetch the default model"))
    func generation() throws {
        func row(_ number: Int, _ words: Int) -> JSONValue {
            let text = (0..<words).map { "\($0 * 7 + number)" }.joined(separator: " ")
            return ["instruction": .string("\(number)? \(text)"), "input": "", "output": "yes"]
        }
        try project.write(
            JSONValue.array([row(100, 4), row(101, 4)]).serialized(), to: "data/short.json")
        try project.write(
            JSONValue.array((0..<8).map { row($0, 150) }).serialized(), to: "data/long.json")
        try project.write(
            #"{"long": {"file_name": "long.json"}, "short": {"file_name": "short.json"}}"#,
            to: "data/dataset_info.json")
        let (predicted, measured) = try run([
            "model_name_or_path=\(try #require(CachedModel.path))", "dataset=short",
            "eval_dataset=long", "val_size=0", "cutoff_len=1024", "max_steps=1", "bf16=true",
            "eval_strategy=steps", "eval_steps=1", "predict_with_generate=true",
            "max_new_tokens=8", "per_device_eval_batch_size=8", "finetuning_type=freeze",
        ])
        #expect(abs(predicted / measured - 1) < 0.1, "\(predicted) \(measured)")
    }

    @Test func recomputeChangesNoByte() throws {
        try writeRow(bytes: 400)
        func weights(_ word: String) throws -> [UInt8] {
            _ = try run(["dataset=long", "cutoff_len=512", word])
            return try project.bytes("out/adapter_model.safetensors")
        }
        let kept = try weights("disable_gradient_checkpointing=true")
        #expect(try weights("recompute=always") == kept)
    }

    @Test(.enabled(if: CachedModel.path != nil, "fetch the default model"))
    func recomputeSavesMemory() throws {
        try writeRow(bytes: 3000)
        func measured(_ word: String) throws -> Double {
            try run([
                "model_name_or_path=\(try #require(CachedModel.path))", "dataset=long",
                "cutoff_len=512", "max_steps=1", "lora_dropout=0", word,
            ]).measured
        }
        let kept = try measured("disable_gradient_checkpointing=true")
        #expect(try measured("recompute=always") < 0.8 * kept)
    }

    @Test(.enabled(if: CachedModel.path != nil, "fetch the default model"))
    func quantisedLoadingNeverHoldsThePlainModel() throws {
        try writeRow(bytes: 100)
        func resident(_ more: [String]) throws -> Double {
            _ = try run(
                [
                    "model_name_or_path=\(try #require(CachedModel.path))", "dataset=long",
                    "cutoff_len=64", "max_steps=1", "bf16=true",
                ] + more)
            let results = try JSONValue(contentsOf: project.file("out/all_results.json"))
            return try #require(results["memory_resident_peak_bytes"]?.doubleValue)
        }
        // 106 million parameters in half a byte each in place of two.
        #expect(try resident(["quantization_bit=4"]) < resident([]) - 1e8)
    }

    @Test func contradictionsAreRefused() throws {
        let outcome = try fledge(
            "train", "run.yaml", "recompute=always", "disable_gradient_checkpointing=true",
            in: project.path)
        #expect(outcome.isClearFailure)
    }
}
