import Fledge
import FledgeTesting
import Foundation
import Testing

/// No number that somebody writes for a key ends a command by a signal.
@Suite("Extreme values", .commandIsBuilt)
struct ExtremeValueTests {
    private static let numeric = RunOption.all.filter { option in
        switch option.kind {
        case .integer, .number, .numbers: true
        default: false
        }
    }

    private static func names(_ isWanted: (RunOption) -> Bool) -> [String] {
        numeric.filter(isWanted).map(\.name)
    }

    /// Zero, negatives, the smallest steps from bounds, what no machine integer holds, no numbers.
    private static let values = [
        "0", "-1", "5e-324", "0.99999999", "0.9999999999999999", "1", "1.0000000000000002",
        "2147483647", "2147483648", "-2147483648", "999999999.5", "1e308", "-1e308", "nan", "inf",
        "9223372036854775807", "-9223372036854775808", "",
    ]

    private static let commands = ["plan", "train", "chat", "export"]

    /// The commands that read the key's value after it was found to be one.
    private static func commands(for key: String) -> [String] {
        let group = RunOption.groups.first { $0.options.contains { $0.name == key } }?.title
        switch group {
        case "Generation": return ["plan", "chat"]
        case "Training", "Data": return ["plan", "train"]
        default: return commands
        }
    }

    /// Without extremes every command succeeds: what the other tests try is not refused for
    /// something else.
    @Test(arguments: commands) func theRunItselfSucceeds(_ command: String) throws {
        let project = try TinyProject()
        try project.writeRun()
        #expect(try expectEnd(command, [], project).status == 0)
    }

    @Test(arguments: names(\.isEffective)) func everyCommandEndsByItself(_ key: String) throws {
        let project = try TinyProject()
        try project.writeRun()
        for value in Self.values {
            for command in Self.commands(for: key) {
                let outcome = try expectEnd(command, ["\(key)=\(value)"], project)
                // All commands read keys in the same way.
                if outcome.errors.contains("it should be") { break }
            }
        }
    }

    /// Keys without effect are read, compared with each other, listed and written into the model's
    /// folder; those of a form are read alike, so that one command takes them all.
    @Test(arguments: values) func keysWithoutEffectEndNothing(_ value: String) throws {
        let project = try TinyProject()
        try project.writeRun()
        let neutral = Self.numeric.filter { $0.standing == .neutral }
        for (kind, options) in Dictionary(grouping: neutral, by: \.kind) {
            // An integer that is read may have no place beside another one.
            for words in [options[...], options.prefix(1), options.suffix(1)] {
                for command in Self.commands {
                    let words = words.map { "\($0.name)=\(value)" }
                    let outcome = try expectEnd(command, words, project)
                    if outcome.errors.contains("it should be") { break }
                    #expect(outcome.status != 2 || outcome.errors.contains("_pixels"), "\(kind)")
                }
            }
        }
    }

    @Test(arguments: names { [.refused, .refusedByHardware].contains($0.standing) })
    func refusedKeysAreRefusedInWords(_ key: String) throws {
        let project = try TinyProject()
        try project.writeRun()
        for value in Self.values { try expectEnd("plan", ["\(key)=\(value)"], project) }
    }

    @Test func everyNumberIsTried() {
        let tried = Self.names { option in
            option.isEffective
                || [.neutral, .refused, .refusedByHardware].contains(option.standing)
        }
        #expect(tried == Self.numeric.map(\.name) && tried.count > 100)
        #expect(Set(Self.companions.map(\.key)).isSubset(of: tried))
    }

    /// What makes keys matter that do nothing by themselves.
    private static let companions: [(key: String, words: String)] = [
        ("cutoff_len", "packing=true"), ("cutoff_len", "neat_packing=true streaming=true"),
        ("cutoff_len", "stage=pt"), ("preprocessing_batch_size", "packing=true"),
        ("preprocessing_batch_size", "neat_packing=true streaming=true"),
        ("max_samples", "streaming=true"), ("val_size", "streaming=true do_eval=true"),
        ("interleave_probs", "mix_strategy=interleave_under"),
        ("per_device_train_batch_size", "streaming=true"),
        ("per_device_train_batch_size", "packing=true"),
        ("per_device_eval_batch_size", "do_eval=true val_size=0.3"),
        ("gradient_accumulation_steps", "streaming=true"),
        ("freeze_trainable_layers", "finetuning_type=freeze"),
        ("lora_rank", "use_rslora=true"), ("lora_rank", "quantization_bit=4"),
        ("lora_alpha", "use_rslora=true"), ("lora_dropout", "quantization_bit=8"),
        ("learning_rate", "finetuning_type=full bf16=true"),
        ("learning_rate", "lr_scheduler_type=polynomial"),
        ("adam_epsilon", "finetuning_type=full"), ("weight_decay", "finetuning_type=full"),
        ("warmup_steps", "lr_scheduler_type=inverse_sqrt"),
        ("warmup_steps", "lr_scheduler_type=cosine_with_restarts"),
        ("warmup_ratio", "lr_scheduler_type=warmup_stable_decay"),
        ("eval_steps", "eval_strategy=steps val_size=0.3"),
        ("eval_steps", "eval_strategy=steps val_size=0.3 save_steps=1 load_best_model_at_end=true"),
        ("eval_delay", "eval_strategy=epoch val_size=0.3"),
        ("eval_delay", "eval_strategy=steps eval_steps=1 val_size=0.3"),
        ("early_stopping_steps", "eval_strategy=steps eval_steps=1 val_size=0.3 save_steps=1"),
        ("save_total_limit", "save_steps=1"), ("logging_steps", "report_to=tensorboard"),
        ("seed", "streaming=true"), ("data_seed", "streaming=true"),
        ("temperature", "do_sample=true"), ("top_p", "do_sample=true"),
        ("top_k", "do_sample=true"), ("repetition_penalty", "do_sample=true"),
        ("max_length", "max_new_tokens=0"),
    ]

    @Test(arguments: companions.indices)
    func valuesEndNothingWhereTheyMatter(_ index: Int) throws {
        let (key, words) = Self.companions[index]
        let project = try TinyProject()
        try project.writeRun()
        let isGenerating = RunOption.groups.contains { group in
            group.title == "Generation" && group.options.contains { $0.name == key }
        }
        for value in ["0", "1", "5e-324", "0.9999999999999999", "2147483647", "2147483648"] {
            for command in isGenerating ? ["chat"] : ["plan", "train"] {
                try expectEnd(
                    command,
                    words.split(separator: " ").map(String.init) + ["\(key)=\(value)"],
                    project)
            }
        }
    }

    @Test(arguments: [
        ("cosine", "num_cycles"), ("cosine_with_restarts", "num_cycles"),
        ("polynomial", "lr_end"), ("polynomial", "power"), ("inverse_sqrt", "timescale"),
        ("cosine_with_min_lr", "min_lr"), ("cosine_with_min_lr", "min_lr_rate"),
        ("warmup_stable_decay", "num_stable_steps"), ("warmup_stable_decay", "num_decay_steps"),
        ("warmup_stable_decay", "min_lr_ratio"),
    ])
    func parametersOfSchedulesEndNothing(_ schedule: String, _ name: String) throws {
        let project = try TinyProject()
        try project.writeRun()
        for value in ["0", "-1", "5e-324", "2147483648", "-1e308", "9223372036854775807", "1e400"] {
            let more = schedule == "warmup_stable_decay" && name != "num_decay_steps"
            let steps = more ? ", \"num_decay_steps\": 1" : ""
            try expectEnd(
                "train",
                [
                    "lr_scheduler_type=\(schedule)", "warmup_steps=1",
                    "lr_scheduler_kwargs={\"\(name)\": \(value)\(steps)}",
                ], project)
        }
    }

    /// Runs a command with words over its file, and checks that it ends by itself.
    @discardableResult private func expectEnd(
        _ command: String, _ words: [String], _ project: TinyProject
    ) throws -> Outcome {
        // What takes as long as it was asked to is stopped.
        let isLong =
            command == "train"
            && words.contains { $0.hasPrefix("max_steps=") || $0.hasPrefix("num_train_epochs=") }
        let outcome = try run(command, words, project, isLong)
        let shown = "\(command) \(words): \(outcome.status) \(outcome.errors)"
        #expect((0...3).contains(outcome.status) || outcome.status == 130 && isLong, "\(shown)")
        if [1, 2].contains(outcome.status) { #expect(outcome.isClearFailure, "\(shown)") }
        return outcome
    }

    private func run(
        _ command: String, _ words: [String], _ project: TinyProject, _ isLong: Bool
    ) throws -> Outcome {
        let own =
            switch command {
            case "train": isLong ? [] : ["max_steps=1"]
            case "export": ["export_dir=merged"]
            default: [String]()
            }
        let log = project.file("out/trainer_log.jsonl")
        try? FileManager.default.removeItem(atPath: log)
        let run = try CommandRun(
            [command, "run.yaml"] + own + ["overwrite_output_dir=true", "max_new_tokens=2"] + words,
            in: project.path, shell: "ulimit -v 12000000", input: Array("hi\n".utf8))
        if isLong {
            run.wait(for: 3, in: log)
            run.signal(SIGINT)
        }
        return try run.wait()
    }
}
