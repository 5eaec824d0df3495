import FledgeCore

/// What options demand of each other, in the reference's order and, where it has them, its words.
struct ConfigurationRules {
    private let values: OptionValues
    private let method: any TrainingMethod
    private let options: [RunOption]

    /// - Parameter options: All keys, those of methods of one's own among them.
    init(_ values: OptionValues, _ method: any TrainingMethod, _ options: [RunOption]) {
        (self.values, self.method, self.options) = (values, method, options)
    }

    /// Throws for the first rule that is broken.
    func check(_ purpose: RunConfiguration.Purpose) throws {
        try checkModel()
        try checkData()
        try checkFinetuning()
        guard purpose == .training else { return try checkAdapters() }
        try checkStage()
        try checkIntervals()
        try checkSchedule()
        try OptimizerRules(values).check()
        try RewardRules(values, method).check()
        try PolicyRules(values, method).check()
        try checkRun()
        try checkAllowedFaults()
        try checkAllowedChanges()
        try checkAdapters()
    }

    private func require(
        _ condition: Bool, _ message: @autoclosure () -> String, _ keys: String...
    ) throws {
        try values.require(condition, message(), keys)
    }

    private func checkModel() throws {
        try require(
            values.optionalText("model_name_or_path")?.isEmpty == false,
            "Please provide `model_name_or_path`.", "model_name_or_path")
        try require(
            values.integer("image_max_pixels") >= values.integer("image_min_pixels"),
            "`image_max_pixels` cannot be smaller than `image_min_pixels`.", "image_max_pixels")
        try require(
            values.integer("video_max_pixels") >= values.integer("video_min_pixels"),
            "`video_max_pixels` cannot be smaller than `video_min_pixels`.", "video_max_pixels")
    }

    private func checkData() throws {
        let datasets = values.list("dataset").count
        let evaluationSets = values.list("eval_dataset").count
        let heldOut = values.number("val_size") > 1e-6
        try require(
            datasets > 0 || !heldOut, "Cannot specify `val_size` if `dataset` is None.", "val_size")
        try require(
            evaluationSets == 0 || !heldOut,
            "Cannot specify `val_size` if `eval_dataset` is not None.", "val_size")
        if let probabilities = values.optionalNumbers("interleave_probs") {
            try require(
                values.text("mix_strategy") != "concat",
                "`interleave_probs` is only valid for interleaved mixing.", "interleave_probs")
            try require(
                datasets == 0 || datasets == probabilities.count,
                "The length of dataset and interleave probs should be identical: "
                    + "\(datasets) and \(probabilities.count).", "interleave_probs")
            try require(
                evaluationSets == 0 || evaluationSets == probabilities.count,
                "The length of eval dataset and interleave probs should be identical: "
                    + "\(evaluationSets) and \(probabilities.count).", "interleave_probs")
            try require(
                probabilities.allSatisfy { $0 >= 0 }
                    && abs(probabilities.reduce(0, +) - 1) < 1e-6,
                "`interleave_probs` should be probabilities that add up to 1.", "interleave_probs")
        }
        try require(
            !values.flag("eval_on_each_dataset") || evaluationSets > 0,
            "`eval_on_each_dataset` needs an `eval_dataset`.", "eval_on_each_dataset")
        try require(
            !(values.flag("mask_history") && values.flag("train_on_prompt")),
            "`mask_history` is incompatible with `train_on_prompt`.", "mask_history")
    }

    private func checkFinetuning() throws {
        try require(
            values.text("finetuning_type") == "lora" || !values.flag("use_rslora"),
            "`use_rslora` is only valid for LoRA training.", "use_rslora")
        try require(
            !values.flag("disable_gradient_checkpointing")
                || values.text("recompute") != "always",
            "`disable_gradient_checkpointing` contradicts `recompute: always`.", "recompute")
        try require(
            !values.flag("cache_frozen_activations") || values.number("neftune_noise_alpha") == 0,
            "`cache_frozen_activations` does not go with `neftune_noise_alpha`, whose noise gives a sequence other activations in every epoch.",
            "cache_frozen_activations", "neftune_noise_alpha")
        try require(
            !(values.flag("cache_frozen_activations") && values.flag("shift_attn")),
            "`cache_frozen_activations` does not go with `shift_attn`: what is kept serves training and evaluation, which see other tokens.",
            "cache_frozen_activations", "shift_attn")
        try require(
            !values.list("lora_target").isEmpty, "`lora_target` names no module.", "lora_target")
        let targets = values.list("lora_target")
        try require(
            targets == ["all"] || !targets.contains("all"),
            "`lora_target` is all or names of modules, not both.", "lora_target")
        let quirks = values.list("reference_quirks")
        try require(
            quirks.count < 2 || !(quirks.contains("all") || quirks.contains("none")),
            "`reference_quirks` is none, all or names of quirks, not both.", "reference_quirks")
    }

    /// What belongs to some stages alone.
    private func checkStage() throws {
        let reads = method.readGroups
        for (key, isRead) in [
            ("neat_packing", reads.contains(.packing) && !method.rows.isText),
            ("train_on_prompt", reads.contains(.dialogues)),
            ("mask_history", reads.contains(.dialogues)),
            ("predict_with_generate", reads.contains(.generation)),
        ] {
            try require(
                isRead || !values.flag(key), "`\(key)` cannot be set as True except SFT.", key)
        }
        try require(
            !reads.contains(.generation) || !values.flag("do_predict")
                || values.flag("predict_with_generate"),
            "Please enable `predict_with_generate` to save model predictions.", "do_predict")
        try require(
            !values.flag("shift_attn") || reads.contains(.crossEntropy),
            "`shift_attn` is for the stages pt and sft.", "shift_attn")
        let seesNeighbours = values.list("reference_quirks").contains {
            ["all", "packing_attention"].contains($0)
        }
        try require(
            !values.flag("shift_attn") || !values.flag("packing") || !seesNeighbours,
            "`shift_attn` cuts samples into groups, but with the quirk `packing_attention` they see those before them.",
            "shift_attn", "reference_quirks")
        try require(
            !(values.flag("predict_with_generate") && values.flag("compute_accuracy")),
            "Cannot use `predict_with_generate` and `compute_accuracy` together.",
            "compute_accuracy")
        try require(
            !reads.contains(.pairs) || values.number("dpo_label_smoothing") <= 1e-6
                || ["sigmoid", "robust", "exo_pair"].contains(values.text("pref_loss")),
            "`dpo_label_smoothing` is only valid for the losses sigmoid, robust and exo_pair.",
            "dpo_label_smoothing")
        try require(
            !values.flag("precompute_ref_log_probs") || !values.flag("streaming"),
            "`precompute_ref_log_probs` needs rows that are all known: set `streaming` to false.",
            "precompute_ref_log_probs")
        let losses = ["use_dft_loss", "use_eaft_loss", "use_asft_loss"].filter(values.flag)
        try require(
            losses.count < 2,
            "`\(losses.joined(separator: "` and `"))` exclude each other.", losses.last ?? "")
        try require(
            losses.isEmpty || !reads.contains(.tokenLosses)
                || values.number("label_smoothing_factor") == 0,
            "`label_smoothing_factor` changes nothing beside `\(losses.first ?? "")`.",
            "label_smoothing_factor")
    }

    private func checkIntervals() throws {
        let strategy = values.text("eval_strategy")
        func checkCount(_ key: String, _ number: Double, usedBy user: String) throws {
            guard values.text(user) == "steps" else { return }
            try require(
                number > 0, "`\(user)` is steps, which needs `\(key)` above 0.", key, user)
            try require(
                number < 1 || number == number.rounded(),
                "`\(key)` must be an integer if bigger than 1: \(number).", key)
        }
        let evaluationSteps = values.optionalNumber("eval_steps").flatMap { $0 == 0 ? nil : $0 }
        let logging = values.number("logging_steps")
        try checkCount("logging_steps", logging, usedBy: "logging_strategy")
        try checkCount("eval_steps", evaluationSteps ?? logging, usedBy: "eval_strategy")
        try checkCount("save_steps", values.number("save_steps"), usedBy: "save_strategy")
        let warmup = values.number("warmup_steps")
        try require(
            warmup < 1 || warmup == warmup.rounded(),
            "`warmup_steps` must be an integer if bigger than 1: \(warmup).", "warmup_steps")
        if let ratio = values.optionalNumber("warmup_ratio") {
            try require(ratio <= 1, "`warmup_ratio` is a part, at most 1.", "warmup_ratio")
        }
        let savesBest = values.text("save_strategy") == "best"
        try values.require(
            !savesBest || strategy != "no",
            "`save_strategy: best` requires an `eval_strategy`: it saves where evaluations become better.",
            ["save_strategy"],
            advice: "Set eval_strategy: steps or epoch, with val_size or eval_dataset.")
        if values.flag("load_best_model_at_end"), !savesBest {
            try require(
                strategy == values.text("save_strategy") && strategy != "no",
                "`load_best_model_at_end` requires the save and eval strategy to match, but found "
                    + "eval_strategy: \(strategy) and save_strategy: "
                    + "\(values.text("save_strategy")).", "load_best_model_at_end")
            let (save, evaluation) = (values.number("save_steps"), evaluationSteps ?? logging)
            let ratio = save / evaluation
            try require(
                strategy != "steps"
                    || ((save < 1) == (evaluation < 1) && abs(ratio - ratio.rounded()) < 1e-9),
                "`load_best_model_at_end` requires `save_steps` to be a multiple of `eval_steps`, "
                    + "but found \(save) and \(evaluation).", "save_steps", "eval_steps")
        }
        try require(
            values.optionalInteger("early_stopping_steps") == nil || strategy != "no",
            "`early_stopping_steps` requires an `eval_strategy`.", "early_stopping_steps")
    }

    /// The parameters of a schedule (reference: 05 §3, the schedules of transformers).
    private func checkSchedule() throws {
        let schedule: TrainingArguments.Schedule = values.word("lr_scheduler_type")
        try values.require(
            !schedule.followsEvaluations || values.text("eval_strategy") != "no",
            "lr_scheduler_type \(schedule.rawValue) requires an eval strategy: it follows what evaluations come to.",
            ["lr_scheduler_type"],
            advice: "Set eval_strategy: steps or epoch, with val_size or eval_dataset.")
        let parameters = values.mapping("lr_scheduler_kwargs")
        let fault = ScheduleParameters.fault(schedule, parameters)
        try require(fault == nil, fault ?? "", "lr_scheduler_kwargs", "lr_scheduler_type")
        if let end = ScheduleParameters(schedule, parameters).number("lr_end") {
            try require(
                end <= values.number("learning_rate"),
                "`lr_scheduler_kwargs` has lr_end: \(end), which is above learning_rate.",
                "lr_scheduler_kwargs")
        }
    }

    /// Names of faults that do not exist would allow nothing.
    private func checkAllowedFaults() throws {
        let known = RunFault.codes + ["all"]
        let unknown = values.list("allowed_faults").filter { !known.contains($0) }
        try require(
            unknown.isEmpty,
            "There is no fault \(unknown.joined(separator: ", ")); there are: "
                + known.joined(separator: ", ") + ".", "allowed_faults")
    }

    private func checkAllowedChanges() throws {
        let unknown = values.list("allow_changed").filter {
            let name = $0
            return name != "all" && !options.contains { $0.name == name }
        }
        let nearest = unknown.first.flatMap { RunOption.nearest(to: $0, among: options) }
        try require(
            unknown.isEmpty,
            "`allow_changed` names \(unknown.joined(separator: ", ")), which is no key."
                + (nearest.map { " Did you mean \($0)?" } ?? ""), "allow_changed")
    }

    private func checkRun() throws {
        let isTokenized = values.optionalText("tokenized_path") != nil
        try require(
            !values.flag("do_train") || isTokenized || !values.list("dataset").isEmpty,
            "Please specify dataset for training.", "do_train")
        let evaluates =
            values.flag("do_eval") || values.text("eval_strategy") != "no"
            || values.flag("do_predict") || values.flag("predict_with_generate")
        try require(
            !evaluates || isTokenized || !values.list("eval_dataset").isEmpty
                || values.number("val_size") >= 1e-6,
            "Please make sure eval_dataset be provided or val_size >1e-6", "eval_strategy",
            "do_eval", "do_predict", "predict_with_generate")
    }

    private func checkAdapters() throws {
        try values.require(
            values.list("adapter_name_or_path").isEmpty
                || values.text("finetuning_type") == "lora",
            "Adapter is only valid for the LoRA method.", ["adapter_name_or_path"],
            advice:
                "To train further weights of a model with its adapter, merge it first: fledge export, "
                + "and name what that writes as model_name_or_path.")
        try checkQuantization()
    }

    /// A quantised base is frozen: it takes one adapter, and no adapter can be merged into it.
    private func checkQuantization() throws {
        let bits = values.optionalInteger("quantization_bit")
        try require(
            bits == nil || bits == 4 || bits == 8,
            "Bitsandbytes only accepts 4-bit or 8-bit quantization.", "quantization_bit")
        let reference = values.optionalInteger("ref_model_quantization_bit")
        try require(
            reference == nil || reference == 4 || reference == 8,
            "`ref_model_quantization_bit` is 4 or 8.", "ref_model_quantization_bit")
        let keepsBlocks = values.flag("gguf_keep_quantized")
        try require(
            bits == nil || !keepsBlocks,
            "`quantization_bit` quantises anew what `gguf_keep_quantized` would keep.",
            "quantization_bit")
        let key = keepsBlocks ? "gguf_keep_quantized" : "quantization_bit"
        guard bits != nil || keepsBlocks else {
            return try require(
                !values.flag("export_dequantize"),
                "`export_dequantize` needs a quantised base: `quantization_bit` or "
                    + "`gguf_keep_quantized`.", "export_dequantize")
        }
        let method = values.text("finetuning_type")
        try values.require(
            ["lora", "oft"].contains(method),
            "Quantization is only compatible with the LoRA or OFT method.", [key],
            advice:
                "finetuning_type: \(method) changes the weights themselves: set lora, or leave \(key) out."
        )
        let adapters = values.list("adapter_name_or_path")
        try require(
            adapters.isEmpty || !values.flag("create_new_adapter"),
            "Cannot create new adapter upon a quantized model.", "create_new_adapter")
        try require(
            adapters.count < 2,
            "Quantized model only accepts a single adapter. Merge them first.",
            "adapter_name_or_path")
    }
}
