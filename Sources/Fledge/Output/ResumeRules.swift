internal import FledgeCore
internal import Foundation

/// What may differ between a run and the one that goes on from its checkpoint.
struct ResumeRules {
    /// A key, or what it names, that is not as it was.
    struct Difference: Hashable {
        /// The key.
        let key: String
        /// What it was and is, as a sentence.
        let sentence: String
        /// Whether the run could not go on as what it was.
        let breaksRun: Bool
    }

    /// Where, how much and how often a run tells, evaluates and saves, and how long it goes: the steps
    /// that are made are the same.
    private static let harmless: Set = [
        "output_dir", "overwrite_output_dir", "do_train", "do_eval", "resume_from_checkpoint",
        "allow_changed", "allowed_faults", "drop_invalid_rows", "max_steps", "num_train_epochs",
        "logging_strategy", "logging_first_step", "report_to", "logging_dir", "save_strategy",
        "save_steps", "save_total_limit", "save_only_model", "load_best_model_at_end",
        "early_stopping_steps", "plot_loss", "print_param_status", "recompute",
        "disable_gradient_checkpointing", "cache_frozen_activations", "overwrite_cache",
        "infer_backend", "infer_dtype", "do_predict", "reward_timeout", "reward_retries",
        "reward_concurrency", "reward_model_token",
    ]

    /// What evaluations are of and come to: it changes steps only where the learning rate follows it.
    private static let heard = Set(RunOption.generating.map(\.name)).union([
        "logging_steps", "eval_strategy", "eval_steps", "eval_delay", "eval_on_start",
        "eval_dataset", "eval_on_each_dataset", "per_device_eval_batch_size",
        "metric_for_best_model", "greater_is_better", "predict_with_generate", "compute_accuracy",
    ])

    /// Paths; what they lead to is compared, not what they are called.
    private static let paths: Set = [
        "model_name_or_path", "model_revision", "cache_dir", "adapter_name_or_path",
        "adapter_folder", "dataset_dir", "tokenized_path", "ref_model", "ref_model_adapters",
        "reward_model", "reward_model_adapters", "teacher_model", "teacher_model_adapters",
    ]

    /// What gives the trained weights their shapes.
    static let shapes: Set = ["finetuning_type", "lora_rank", "lora_target"]

    /// Lists whose order means nothing.
    private static let sets: Set = ["lora_target", "reference_quirks", "freeze_extra_modules"]

    /// The pace of learning: with another one the run goes on from where it is.
    private static let pace: Set = [
        "learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps",
        "warmup_ratio", "optim", "adam_beta1", "adam_beta2", "adam_epsilon", "weight_decay",
        "max_grad_norm", "lora_dropout",
    ]

    /// The keys that differ, in the order of the table.
    ///
    /// - Parameters:
    ///   - before: Keys and values of the run that is resumed; a key that is not there had its default.
    ///   - configuration: The run that resumes.
    static func differences(
        options before: JSONValue, _ configuration: RunConfiguration
    ) -> [Difference] {
        let contexts = [before, configuration.json].map { json in
            let defaults = configuration.values
            return KeyContext(
                value: { json[$0] ?? defaults.defaultValue($0).json },
                groups: configuration.method.readGroups)
        }
        let follows = contexts.contains { run in
            TrainingArguments.Schedule(rawValue: run.value("lr_scheduler_type").stringValue ?? "")?
                .followsEvaluations == true
        }
        // The order of data has the run's seed where it has none of its own.
        let (earlier, now) = (
            withDataSeed(before, beside: configuration.json),
            withDataSeed(configuration.json, beside: before)
        )
        // Whoever learns from its own answers makes steps of how they are drawn.
        let draws = configuration.method.readGroups.contains(.rollouts)
        let drawn = draws ? Set(RunOption.generating.map(\.name)) : []
        let heard = heard.subtracting(drawn)
        let compared = compared(configuration.options).filter { option in
            (follows || !heard.contains(option.name))
                // What matters in neither run makes no difference.
                && option.condition.map { contexts.contains(where: $0.isMet) } ?? true
        }
        let ofKeys = compared.compactMap { option -> Difference? in
            let (old, new) = (value(option, in: earlier), value(option, in: now))
            // 2 and 2.0 are one value.
            let isSame =
                old == new || old.doubleValue.map { $0 == new.doubleValue } == true
            guard !isSame else { return nil }
            return Difference(
                key: option.name,
                sentence: "\(option.name) was \(old.serialized()) and is \(new.serialized())",
                breaksRun: !pace.contains(option.name) && !heard.contains(option.name))
        }
        return ofKeys + changes(before, configuration)
    }

    /// What a program had set in the configuration itself and has no more, or the reverse: no key tells
    /// whether the steps are others.
    private static func changes(
        _ before: JSONValue, _ configuration: RunConfiguration
    ) -> [Difference] {
        let key = RunConfiguration.changedKey
        let earlier = before[key]?.members ?? []
        let now = configuration.changed
        let names = (earlier + now.filter { new in !earlier.contains { $0.key == new.key } }).map(
            \.key)
        return names.compactMap { name -> Difference? in
            func value(_ members: [JSONValue.Member]) -> String {
                members.first { $0.key == name }?.value.stringValue ?? "what its key says"
            }
            guard value(earlier) != value(now) else { return nil }
            return Difference(
                key: name,
                sentence: "\(name), set by the program, was \(value(earlier)) and is \(value(now))",
                breaksRun: false)
        }
    }

    /// The keys that change the steps of some run, but for paths.
    static func compared(_ options: [RunOption]) -> [RunOption] {
        options.filter { option in
            option.isEffective && !harmless.contains(option.name) && !paths.contains(option.name)
                && !option.name.hasPrefix("export_")
        }
    }

    /// The keys that may change what rows are made, by a method that nobody here knows.
    static func changingRows(_ options: [RunOption]) -> [RunOption] {
        compared(options).filter { !pace.contains($0.name) && !heard.contains($0.name) }
    }

    /// The paths that lead somewhere else, for checkpoints whose content nobody recorded.
    static func differences(paths before: JSONValue, _ now: JSONValue) -> [Difference] {
        [
            "model_name_or_path", "adapter_name_or_path", "tokenized_path", "ref_model",
            "ref_model_adapters", "reward_model", "reward_model_adapters", "teacher_model",
            "teacher_model_adapters",
        ].compactMap { key in
            func places(_ value: JSONValue?) -> [String] {
                let texts = value?.arrayValue ?? [value ?? .null]
                return texts.compactMap(\.stringValue).map {
                    URL(fileURLWithPath: HomePath.expanded($0)).resolvingSymlinksInPath().path
                }
            }
            guard places(before[key]) != places(now[key]) else { return nil }
            let (old, new) = (before[key] ?? .null, now[key] ?? .null)
            return Difference(
                key: key,
                sentence: "\(key) was \(old.serialized()) and is \(new.serialized()), and the "
                    + "checkpoint, of an earlier version, does not tell whether both hold the same",
                breaksRun: true)
        }
    }

    private static func withDataSeed(_ options: JSONValue, beside other: JSONValue) -> JSONValue {
        let isUnset = { (value: JSONValue?) in value == nil || value == .null }
        guard isUnset(options["data_seed"]), !isUnset(other["data_seed"]) else { return options }
        var copy = options
        copy["data_seed"] = options["seed"]
        return copy
    }

    /// A value as the run understands it: what stands for the value of another key is that value.
    private static func value(_ option: RunOption, in options: JSONValue) -> JSONValue {
        let value = options[option.name] ?? option.defaultValue.json
        switch option.name {
        case "lora_alpha" where value == .null:
            let rank = options["lora_rank"]?.intValue ?? 8
            let (alpha, overflows) = rank.multipliedReportingOverflow(by: 2)
            return overflows ? .number(2 * Double(rank)) : .integer(alpha)
        case "dataset":
            // A path that is written in another way leads to the same rows, which are compared.
            let names = value.arrayValue?.compactMap(\.stringValue)
            return .array((names ?? []).map { .string(RunDigests.shortName($0)) })
        case _ where sets.contains(option.name):
            let words = value.arrayValue?.compactMap(\.stringValue)
            return words.map { .array($0.sorted().map { .string($0) }) } ?? value
        default: return value
        }
    }
}
