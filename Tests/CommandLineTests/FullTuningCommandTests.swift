import Fledge
import FledgeTesting
import Foundation
import Testing

@Suite("fledge train with the model's own weights", .commandIsBuilt)
struct FullTuningCommandTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun()
    }

    private func train(_ more: String..., out: String = "out") throws -> Outcome {
        let words = ["train", "run.yaml", "learning_rate=0.01", "output_dir=\(out)"] + more
        return try CommandRun(words, in: project.path).wait()
    }

    private func tensors(_ name: String) throws -> [String: [Float]] {
        let file = try SafetensorsFile(path: project.file(name))
        return try Dictionary(
            uniqueKeysWithValues: file.names.map {
                ($0, try file.tensor(named: $0, as: .float32).scalars())
            })
    }

    @Test(arguments: ["bf16=false", "bf16=true", "pure_bf16=true"])
    func writesAModelFolderThatChatAndExportTake(_ precision: String) throws {
        let outcome = try train("finetuning_type=full", precision)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("trainable%: 100.0000"))
        for folder in ["out", "out/checkpoint-18"] {
            let names = project.names(folder)
            for name in [
                "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                "tokenizer_config.json", "trainer_state.json", "training_args.json",
            ] { #expect(names.contains(name), "\(folder)/\(name)") }
            #expect(!names.contains { $0.hasPrefix("adapter") })
        }
        // Weights are kept as what training changes: masters, or bfloat16 where there are none.
        let file = try SafetensorsFile(path: project.file("out/model.safetensors"))
        let matrix = file.entry(named: "model.layers.0.mlp.up_proj.weight")
        #expect(matrix?.type == (precision == "pure_bf16=true" ? .bfloat16 : .float32))
        #expect(
            try JSONValue(contentsOf: project.file("out/config.json"))["torch_dtype"]?.stringValue
                == (precision == "pure_bf16=true" ? "bfloat16" : "float32"))
        let (before, after) = (
            try tensors("model/model.safetensors"), try tensors("out/model.safetensors")
        )
        #expect(Set(before.keys) == Set(after.keys))
        for (name, values) in before { #expect(after[name] != values, "\(name)") }
        let card = String(decoding: try project.bytes("out/README.md"), as: UTF8.self)
        #expect(card.contains("library_name: transformers") && card.contains("- full"))
        #expect(!card.contains("adapter"))

        let base = try fledge(
            "chat", "model_name_or_path=model", "template=chatml", "do_sample=false",
            "max_new_tokens=8", in: project.path, input: "tiny 1?\n")
        let chat = try fledge(
            "chat", "run.yaml", "finetuning_type=full", in: project.path, input: "tiny 1?\n")
        #expect(chat.status == 0, "\(chat.errors)")
        #expect(chat.errors.contains("Using the model in out."))
        #expect(chat.output != base.output)
        let export = try fledge(
            "export", "run.yaml", "finetuning_type=full", "export_dir=exported",
            "infer_dtype=float32", in: project.path)
        #expect(export.status == 0, "\(export.errors)")
        #expect(try tensors("exported/model.safetensors") == after)
    }

    @Test func aResumedRunWritesTheSameBytes() throws {
        for precision in ["bf16=false", "bf16=true", "pure_bf16=true"] {
            let more = ["finetuning_type=full", precision, "save_steps=6"]
            #expect(try train(more[0], more[1], more[2], out: "whole").status == 0)
            let resumed = try train(
                more[0], more[1], more[2],
                "resume_from_checkpoint=whole/checkpoint-6", out: "parts")
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(
                try project.bytes("parts/model.safetensors")
                    == project.bytes("whole/model.safetensors"))
            for name in ["whole", "parts"] {
                try FileManager.default.removeItem(atPath: project.file(name))
            }
        }
    }

    @Test func theBestCheckpointIsTaken() throws {
        let outcome = try train(
            "finetuning_type=full", "val_size=3", "eval_strategy=steps", "eval_steps=2",
            "save_steps=2", "load_best_model_at_end=true", "learning_rate=1",
            "lr_scheduler_type=constant")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let best = try #require(
            TrainerState(path: project.file("out/trainer_state.json")).bestModelCheckpoint)
        #expect(
            try project.bytes(best + "/model.safetensors")
                == project.bytes("out/model.safetensors"))
    }

    @Test func freezingMovesWhatItNames() throws {
        let outcome = try train(
            "finetuning_type=freeze", "freeze_trainable_layers=1", "freeze_trainable_modules=mlp",
            "freeze_extra_modules=embed_tokens")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let (before, after) = (
            try tensors("model/model.safetensors"), try tensors("out/model.safetensors")
        )
        for (name, values) in before {
            let isTrained = name.contains(".1.mlp") || name.contains("embed_tokens")
            #expect((after[name] != values) == isTrained, "\(name)")
        }
        let wrong = try train(
            "finetuning_type=freeze", "freeze_trainable_modules=attention", out: "other")
        #expect(wrong.isClearFailure)
        #expect(wrong.errors.contains("Module attention is not found, please choose from"))
    }

    @Test func adaptersAreRefused() throws {
        let outcome = try train("finetuning_type=full", "adapter_name_or_path=out")
        #expect(outcome.isClearFailure)
        #expect(outcome.errors.contains("Adapter is only valid for the LoRA method."))
        let rank = try train("finetuning_type=full", "use_rslora=true")
        #expect(rank.isClearFailure)
    }
}
