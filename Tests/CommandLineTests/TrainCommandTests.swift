import Fledge
import FledgeTesting
import Foundation
import Testing

@Suite("fledge train", .commandIsBuilt)
struct TrainCommandTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun()
    }

    private func json(_ name: String) throws -> JSONValue {
        try JSONValue(contentsOf: project.file("out/" + name))
    }

    private func keys(_ value: JSONValue?) -> Set<String> {
        Set(value?.members?.map(\.key) ?? [])
    }

    @Test func writesEverythingThatTheContractNames() throws {
        let outcome = try fledge(
            "train", "run.yaml", "plot_loss=true", "val_size=3", "eval_strategy=epoch",
            in: project.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains("trainable params: "))
        let names = project.names("out")
        for name in [
            "README.md", "adapter_config.json", "adapter_model.safetensors", "all_results.json",
            "eval_results.json", "tokenizer.json", "tokenizer_config.json", "train_results.json",
            "trainer_log.jsonl", "trainer_state.json", "training_args.json", "training_loss.png",
            "training_eval_loss.png", "checkpoint-15",
        ] { #expect(names.contains(name), "\(name)") }
        #expect(!names.contains { $0.hasSuffix(".partial") })
        let checkpoint = project.names("out/checkpoint-15")
        for name in [
            "adapter_config.json", "adapter_model.safetensors", "fledge_state.json",
            "manifest.json", "optimizer.safetensors", "tokenizer.json", "trainer_state.json",
            "training_args.json",
        ] { #expect(checkpoint.contains(name), "\(name)") }
    }

    @Test func filesHaveTheStatedKeys() throws {
        let outcome = try fledge(
            "train", "run.yaml", "val_size=3", "eval_strategy=epoch", in: project.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            keys(try json("train_results.json")).isSuperset(of: [
                "epoch", "total_flos", "train_loss", "train_runtime", "train_samples_per_second",
                "train_steps_per_second",
            ]))
        #expect(
            keys(try json("eval_results.json")).isSuperset(of: [
                "epoch", "eval_loss", "eval_runtime", "eval_samples_per_second",
                "eval_steps_per_second",
            ]))
        let all = keys(try json("all_results.json"))
        #expect(all.contains("eval_loss") && all.contains("train_loss"))
        let state = try json("trainer_state.json")
        #expect(
            keys(state) == [
                "best_global_step", "best_metric", "best_model_checkpoint", "epoch", "eval_steps",
                "global_step", "is_hyper_param_search", "is_local_process_zero",
                "is_world_process_zero", "log_history", "logging_steps", "max_steps",
                "num_input_tokens_seen", "num_train_epochs", "save_steps", "stateful_callbacks",
                "total_flos", "train_batch_size", "trial_name", "trial_params",
            ])
        #expect(state["global_step"] == 15 && state["max_steps"] == 15)
        let history = state["log_history"]?.arrayValue ?? []
        let steps = history.filter { $0["loss"] != nil }
        #expect(steps.count == 15)
        for entry in steps {
            #expect(keys(entry) == ["loss", "grad_norm", "learning_rate", "epoch", "step"])
        }
        let evaluations = history.filter { $0["eval_loss"] != nil }
        #expect(evaluations.count == 3)
        #expect(history.last.map(keys)?.contains("train_samples_per_second") == true)
        // The loss falls; the first and last third are compared, since batches differ.
        let losses = steps.compactMap { $0["loss"]?.doubleValue }
        let first = losses.prefix(5).reduce(0, +)
        let last = losses.suffix(5).reduce(0, +)
        #expect(last < first - 1, "\(losses)")
        let lines = try String(decoding: project.bytes("out/trainer_log.jsonl"), as: UTF8.self)
            .split(separator: "\n").map { line in
                try JSONValue(parsing: Array(line.utf8), file: "trainer_log.jsonl")
            }
        #expect(lines.count == 19)
        let written: [String] = lines[0].members?.map(\.key) ?? []
        let promised: [String] = [
            "current_steps", "total_steps", "loss", "lr", "epoch", "percentage", "elapsed_time",
            "remaining_time", "throughput", "total_tokens",
        ]
        #expect(written == promised)
        #expect(lines[0]["loss"]?.doubleValue == losses[0])
        let card = try String(decoding: project.bytes("out/README.md"), as: UTF8.self)
        for text in ["library_name: peft", "license: other", "base_model: model", "- lora"] {
            #expect(card.contains(text))
        }
        let arguments = try json("training_args.json")
        #expect(arguments["learning_rate"]?.doubleValue == 0.02)
        #expect(arguments.members?.count == RunOption.all.count)
    }

    @Test func aFinishedRunIsNotOverwritten() throws {
        let train = { (more: String) in
            try fledge("train", "run.yaml", "save_strategy=no", more, in: project.path)
        }
        #expect(try train("num_train_epochs=1").status == 0)
        let before = try project.snapshot()
        let refused = try train("num_train_epochs=1")
        #expect(refused.status == 2 && refused.isClearFailure, "\(refused.errors)")
        #expect(refused.errors.contains("Please set `overwrite_output_dir`."))
        #expect(try project.snapshot() == before)
        #expect(try train("overwrite_output_dir=true").status == 0)
        #expect(
            try project.bytes("out/adapter_model.safetensors")
                != before["out/adapter_model.safetensors"])
    }

    @Test func theSameCommandGoesOnFromTheNewestCheckpoint() throws {
        #expect(try fledge("train", "run.yaml", "max_steps=4", in: project.path).status == 0)
        let again = try fledge("train", "run.yaml", "max_steps=6", in: project.path)
        #expect(again.status == 0)
        #expect(again.errors.contains("Resuming from out/checkpoint-4, after step 4."))
        #expect(try json("trainer_state.json")["global_step"] == 6)
    }

    @Test func overwritingStartsAnewAndForgetsEarlierCheckpoints() throws {
        #expect(try fledge("train", "run.yaml", "max_steps=8", in: project.path).status == 0)
        let anew = try fledge(
            "train", "run.yaml", "--max_steps", "4", "--overwrite_output_dir", in: project.path)
        #expect(anew.status == 0)
        #expect(anew.errors.contains("2 checkpoints of an earlier run will be removed"))
        #expect(!anew.errors.contains("Resuming"))
        #expect(project.names("out").filter { $0.hasPrefix("checkpoint") } == ["checkpoint-4"])
    }

    @Test func overridesReplaceTheFile() throws {
        let outcome = try fledge(
            "train", "run.yaml", "max_steps=2", "--learning_rate", "1e-3", "--lora_rank=4",
            "--logging_first_step", in: project.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let arguments = try json("training_args.json")
        #expect(arguments["learning_rate"]?.doubleValue == 1e-3)
        #expect(arguments["logging_first_step"] == true && arguments["max_steps"] == 2)
        #expect(try json("adapter_config.json")["r"] == 4)
    }

    @Test func everyParameterIsPrintedOnDemand() throws {
        let outcome = try fledge(
            "train", "run.yaml", "max_steps=1", "print_param_status=true", in: project.path)
        #expect(
            outcome.errors.contains("model.embed_tokens.weight: 264×16, float32, trained: false"))
        #expect(outcome.errors.contains("trained: true"))
    }
}
