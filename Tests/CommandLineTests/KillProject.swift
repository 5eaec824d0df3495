import Fledge
import FledgeTesting
import Foundation

/// A tiny run of a stage and a kind of tuning, as files: what is killed, and what is not.
struct KillProject {
    /// Steps of the run.
    static let steps = 40

    /// A stage and how its weights are trained.
    struct Kind: Hashable, CustomStringConvertible {
        var stage: String
        var tuning: String
        var description: String { "\(stage) \(tuning)" }

        /// Stages that learn from answers of their own.
        static let policies = ["ppo", "grpo", "rloo"]

        /// All combinations.
        static let all = (["pt", "sft", "rm", "dpo", "kto"] + policies).flatMap { stage in
            ["full", "freeze", "lora", "qlora"].map { Kind(stage: stage, tuning: $0) }
        }
    }

    let project: TinyProject
    let kind: Kind

    /// Writes model, data and `run.yaml`.
    init(_ kind: Kind) throws {
        (project, self.kind) = (try TinyProject(), kind)
        // Rows of blocks of the quantisation fit into these sizes.
        try TinyProject.writeModel(to: project.file("model"), Self.sizes)
        try StageSets.write(to: project.file("data"))
        try writeRun()
    }

    private static var sizes: DecoderConfiguration {
        var sizes = TinyProject.configuration
        (sizes.hiddenSize, sizes.intermediateSize, sizes.headDimension) = (64, 64, 16)
        return sizes
    }

    private func writeRun() throws {
        let tunings = [
            "full": "finetuning_type: full",
            "freeze":
                "finetuning_type: freeze\nfreeze_trainable_layers: 1\ncache_frozen_activations: true",
            "lora": "finetuning_type: lora\nlora_dropout: 0.1",
            "qlora": "finetuning_type: lora\nlora_dropout: 0.1\nquantization_bit: 4",
        ]
        let isPolicy = Kind.policies.contains(kind.stage)
        // The classifier, and the cost of straying and the scores of ppo, are kept from step to step.
        let more =
            kind.stage == "dpo"
            ? "pref_bco_weight: 0.5"
            : isPolicy
                ? "max_new_tokens: 5\nppo_score_norm: true\nppo_epochs: 2\nnum_generations: 2\nreward_rules: [{type: length, unit: tokens, target: 2}]"
                : ""
        let tuning = tunings[kind.tuning] ?? ""
        try project.write(
            """
            model_name_or_path: model
            template: chatml
            stage: \(kind.stage)
            do_train: true
            \(isPolicy ? tuning.replacing("\ncache_frozen_activations: true", with: "") : tuning)
            dataset_dir: data
            dataset: \(StageSets.name(of: kind.stage))
            val_size: 2
            output_dir: out
            cutoff_len: 48
            per_device_train_batch_size: 2
            gradient_accumulation_steps: 2
            per_device_eval_batch_size: 2
            learning_rate: 0.01
            max_steps: \(Self.steps)
            logging_steps: 2
            eval_strategy: steps
            eval_steps: 5
            save_steps: 3
            save_total_limit: 3
            allowed_faults: all
            \(more)

            """, to: "run.yaml")
    }

    /// Starts the run, or goes on with it.
    func start() throws -> CommandRun { try CommandRun(["train", "run.yaml"], in: project.path) }

    /// Checkpoints that cannot be opened.
    func unreadableCheckpoints() -> [String] {
        project.names("out").filter { $0.hasPrefix("checkpoint-") }.filter {
            (try? TrainingCheckpoint(folder: project.file("out/" + $0))) == nil
        }
    }

    /// What a finished run leaves, by name: bytes of weights and optimizer states, and what was logged,
    /// without times and rates.
    func results() throws -> [String: [UInt8]] {
        var results = [String: [UInt8]]()
        for name in project.names("out") where name.hasSuffix(".safetensors") {
            results[name] = try project.bytes("out/" + name)
        }
        let last = "out/checkpoint-\(Self.steps)"
        for name in project.names(last) where name.hasSuffix(".safetensors") {
            results["last/" + name] = try project.bytes(last + "/" + name)
        }
        let log = String(decoding: try project.bytes("out/trainer_log.jsonl"), as: UTF8.self)
        results["trainer_log.jsonl"] = try log.split(separator: "\n").flatMap { line in
            Self.timeless(try JSONValue(parsing: Array(line.utf8), file: "log"))
        }
        let state = try JSONValue(contentsOf: project.file("out/trainer_state.json"))
        results["trainer_state.json"] = (state["log_history"]?.arrayValue ?? []).flatMap(
            Self.timeless)
        return results
    }

    /// A logged entry without what depends on the clock.
    private static func timeless(_ entry: JSONValue) -> [UInt8] {
        let times = ["elapsed_time", "remaining_time", "throughput"]
        let members = (entry.members ?? []).filter {
            !times.contains($0.key) && !$0.key.hasSuffix("_runtime")
                && !$0.key.hasSuffix("_per_second")
        }
        return Array(
            JSONValue.object(members.sorted { $0.key < $1.key }).serialized().utf8)
    }
}
