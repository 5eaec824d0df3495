internal import FledgeData

extension RunOption {
    private static let ofLoRA = Condition.with("finetuning_type", "lora")
    /// An adapter that is given has its own form.
    private static let ofNewAdapters = ofLoRA.and(
        .without("adapter_name_or_path").or("create_new_adapter", "true"))

    /// The method of fine-tuning.
    static let finetuning: [RunOption] = [
        RunOption(
            "stage",
            .openChoice(["pt", "sft", "rm", "ppo", "dpo", "kto", "grpo", "rloo", "distill"]), "sft",
            .effective,
            "What is trained: pt, sft, rm, dpo, kto and ppo as in LLaMA-Factory; grpo and rloo as in TRL; distill imitates a teacher on answers of its own."
        ),
        RunOption(
            "finetuning_type", .choice(["lora", "oft", "freeze", "full"]), "lora",
            .effectiveFor(["lora", "freeze", "full"]),
            "Which weights are trained."),
        RunOption(
            "pure_bf16", .flag, false, .effective,
            "As bf16, and trained weights have no float32 masters; adapters stay float32."),
        RunOption(
            "freeze_trainable_layers", .integer(), 2, .effective,
            matters: .with("finetuning_type", "freeze"),
            "Number of last blocks to train; of first ones if negative."
        ),
        RunOption(
            "freeze_trainable_modules", .list, ["all"], .effective,
            matters: .with("finetuning_type", "freeze"),
            "Modules of those blocks to train, such as mlp, or all."),
        RunOption(
            "freeze_extra_modules", .list, [], .effective,
            matters: .with("finetuning_type", "freeze"),
            "Modules outside the blocks to train, such as norm."),
        RunOption(
            "cache_frozen_activations", .flag, false, .effective,
            matters: .with("finetuning_type", "freeze", "lora"),
            "Computes what lies below the first trained block once for each sequence and keeps it in a file on the disk of output_dir until the run ends: the same numbers, later epochs and evaluations in less time."
        ),
        RunOption(
            "additional_target", .list, [], .refused,
            "Modules trained in full beside the adapters."),
        RunOption(
            "lora_alpha", .integer(atLeast: 1), nil, .effective,
            matters: ofNewAdapters,
            "Numerator of the adapters' scale; twice the rank when null."),
        RunOption(
            "lora_dropout", .number(.probability), 0.0, .effective,
            matters: ofNewAdapters.and(.read(.dropout)),
            "Dropout on the adapters' input."),
        RunOption(
            "lora_rank", .integer(atLeast: 1), 8, .effective,
            matters: ofNewAdapters,
            "Rank of the adapters."),
        RunOption(
            "lora_target", .list, ["all"], .effective,
            matters: ofNewAdapters,
            "Modules that get adapters; all means every linear one but the head."),
        RunOption(
            "use_rslora", .flag, false, .effective,
            matters: ofNewAdapters,
            "Divides the scale by the root of the rank."),
        RunOption(
            "use_dora", .flag, false, .refused,
            "Weight-decomposed adapters."),
        RunOption(
            "pissa_init", .flag, false, .refused,
            "Begins with principal singular vectors."),
        RunOption(
            "pissa_iter", .integer(), 16, .neutral, matters: .with("pissa_init", "true"),
            "Iterations of the decomposition; -1 is an exact one."),
        RunOption(
            "pissa_convert", .flag, false, .refused,
            "Converts PiSSA adapters to LoRA."),
        RunOption(
            "create_new_adapter", .flag, false, .effective,
            matters: ofLoRA.and("adapter_name_or_path"),
            "Merges the loaded adapters and trains a new one."),
        RunOption(
            "module_dropout", .number(), 0.0, .neutral, matters: .with("finetuning_type", "oft"),
            "How often a whole adapter is left out."),
        RunOption(
            "oft_rank", .integer(), 0, .neutral, matters: .with("finetuning_type", "oft"),
            "Number of rotated blocks."),
        RunOption(
            "oft_block_size", .integer(), 32, .neutral, matters: .with("finetuning_type", "oft"),
            "Size of a rotated block."),
        RunOption(
            "oft_target", .list, ["all"], .neutral, matters: .with("finetuning_type", "oft"),
            "Modules that get adapters."),
        RunOption(
            "use_swanlab", .flag, false, .refused,
            "Reports to SwanLab."),
        RunOption(
            "swanlab_project", .text, "llamafactory", .neutral, acceptsNull: true,
            matters: .with("use_swanlab", "true"),
            "Project in SwanLab."),
        RunOption(
            "swanlab_workspace", .text, nil, .neutral, matters: .with("use_swanlab", "true"),
            "Workspace in SwanLab."),
        RunOption(
            "swanlab_run_name", .text, nil, .neutral, matters: .with("use_swanlab", "true"),
            "Name of the run in SwanLab."),
        RunOption(
            "swanlab_mode", .choice(["cloud", "local"]), "cloud", .neutral,
            matters: .with("use_swanlab", "true"),
            "Whether SwanLab keeps results itself."),
        RunOption(
            "swanlab_api_key", .text, nil, .neutral, matters: .with("use_swanlab", "true"),
            "Key of an account of SwanLab."),
        RunOption(
            "swanlab_logdir", .text, nil, .neutral, matters: .with("use_swanlab", "true"),
            "Folder of SwanLab's files."),
        RunOption(
            "swanlab_lark_webhook_url", .text, nil, .neutral, matters: .with("use_swanlab", "true"),
            "Where SwanLab reports to."),
        RunOption(
            "swanlab_lark_secret", .text, nil, .neutral, matters: .with("use_swanlab", "true"),
            "Secret of that place."),
        RunOption(
            "use_llama_pro", .flag, false, .refused,
            "Trains the blocks of an expanded model only."),
        RunOption(
            "use_mca", .flag, false, .refused,
            "Megatron back end."),
        RunOption(
            "use_hyper_parallel", .flag, false, .refused,
            "HyperParallel back end."),
        RunOption(
            "hyper_parallel_args", .text, nil, .neutral,
            matters: .with("use_hyper_parallel", "true"),
            "Options of HyperParallel."),
        RunOption(
            "freeze_vision_tower", .flag, true, .refused,
            "What sees or hears in a model is left alone."),
        RunOption(
            "freeze_multi_modal_projector", .flag, true, .refused,
            "What sees or hears in a model is left alone."),
        RunOption(
            "freeze_language_model", .flag, false, .refused,
            "Freezes the language model of an image model."),
        RunOption(
            "compute_accuracy", .flag, false, .effective, matters: .read(.accuracy),
            "Evaluates the share of tokens that the model would choose, as eval_accuracy."),
        RunOption(
            "value_head_dropout", .number(.probability), 0.1, .effective,
            matters: .read(.valueHead),
            "Dropout before the value head in training; 0.1 is what the reference always has."),
        RunOption(
            "disable_shuffling", .flag, false, .effective,
            "Trains in the order of the data."),
        RunOption(
            "early_stopping_steps", .integer(atLeast: 1), nil, .effective,
            "Stops after this many evaluations without improvement."),
        RunOption(
            "plot_loss", .flag, false, .effective,
            "Draws the curves of loss and metrics."),
        RunOption(
            "include_effective_tokens_per_second", .flag, false, .refused,
            "Adds a metric of the tokens trained on per second."),
        RunOption(
            "reference_quirks", .list, ["none"],
            .effectiveFor(["none", "all"] + ReferenceQuirks.all.names),
            "Known faults of the reference to bring back for comparison: none, all, or names."),
        RunOption(
            "recompute", .choice(["auto", "always", "never"]), "auto", .effective,
            "Whether activations of blocks are computed again in the backward pass: less memory, more time, the same numbers. auto: when the memory that is predicted is not free."
        ),
    ]
}
