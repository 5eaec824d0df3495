extension RunOption {
    private static let ofEvaluations = Condition.with("eval_strategy", "steps", "epoch")
    /// The rate rises before it takes its course.
    private static let ofRisingRates = Condition.value(
        of: "lr_scheduler_type",
        TrainingArguments.Schedule.allCases.filter(\.warmsUp).map(\.rawValue))
    private static let ofMoments = Condition.without("optim", "adafactor", "sgd")

    /// The course of training and its outputs.
    static let training: [RunOption] = [
        RunOption(
            "output_dir", .text, "trainer_output", .effective,
            "Folder for the results of training."),
        RunOption(
            "overwrite_output_dir", .flag, false, .effective,
            "Starts anew in a folder that holds results."),
        RunOption(
            "do_train", .flag, false, .effective,
            "Trains."),
        RunOption(
            "do_eval", .flag, false, .effective,
            "Evaluates after training."),
        RunOption(
            "do_predict", .flag, false, .effective, matters: .read(.predictions),
            "Writes what is predicted for the evaluation rows into generated_predictions.jsonl: answers (with predict_with_generate), or scores."
        ),
        RunOption(
            "resume_from_checkpoint", .text, nil, .effective,
            "Checkpoint folder to go on from, or true for the newest in output_dir; false for none."
        ),
        RunOption(
            "allow_changed", .list, [], .effective,
            "Keys that may differ from those of the run that is resumed; all for any."),
        RunOption(
            "per_device_train_batch_size", .integer(atLeast: 1), 8, .effective,
            "Examples of one micro-batch in training."),
        RunOption(
            "per_device_eval_batch_size", .integer(atLeast: 1), 8, .effective,
            "Examples of one batch in evaluation."),
        RunOption(
            "gradient_accumulation_steps", .integer(atLeast: 1), 1, .effective,
            "Micro-batches of one optimizer step."),
        RunOption(
            "learning_rate", .number(.atLeast(0)), 5e-05, .effective,
            "The highest learning rate."),
        RunOption(
            "num_train_epochs", .number(.atLeast(0)), 3.0, .effective,
            "Passes over the data."),
        RunOption(
            "max_steps", .integer(), -1, .effective,
            "Optimizer steps; replaces num_train_epochs when positive."),
        RunOption(
            "lr_scheduler_type",
            .choice([
                "linear", "cosine", "cosine_with_restarts", "polynomial", "constant",
                "constant_with_warmup", "inverse_sqrt", "reduce_lr_on_plateau",
                "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay", "greedy",
            ]), "linear",
            .effective,
            "Course of the learning rate."),
        RunOption(
            "lr_scheduler_kwargs", .mapping, nil, .effective,
            "Parameters of the schedule."),
        RunOption(
            "warmup_steps", .number(.atLeast(0)), 0.0, .effective,
            matters: Condition.without("warmup_ratio").and(
                ofRisingRates.or(
                    Condition.with("optim", "schedule_free_adamw").and(
                        "lr_scheduler_type", "constant"))),
            "Steps, or part (below 1) of all steps, in which the rate rises."),
        RunOption(
            "warmup_ratio", .number(.atLeast(0)), nil, .effective, matters: ofRisingRates,
            "Older name for a part in warmup_steps."),
        RunOption(
            "optim", .text, "adamw_torch_fused",
            .effectiveFor(OptimizerArguments.names.keys.sorted()),
            "The optimizer, unless use_muon or the like replaces it."),
        RunOption(
            "optim_args", .text, nil, .effective, matters: .with("optim", "sgd"),
            "Options of the optimizer, as name=value: of sgd momentum, dampening, nesterov."),
        RunOption(
            "optim_target_modules", .list, [], .refused,
            "Modules of a low-rank optimizer."),
        RunOption(
            "adam_beta1", .number(.fraction), 0.9, .effective, matters: ofMoments,
            "Decay of Adam's first moment."),
        RunOption(
            "adam_beta2", .number(.fraction), 0.999, .effective, matters: ofMoments,
            "Decay of Adam's second moment."),
        RunOption(
            "adam_epsilon", .number(.above(1e-30)), 1e-08, .effective,
            matters: .not(
                .value(
                    of: "optim",
                    OptimizerArguments.names.filter(\.value.isWithoutEpsilon).keys.sorted())),
            "What Adam adds to the divisor, which is 0 where there is no gradient."),
        RunOption(
            "weight_decay", .number(.atLeast(0)), 0.0, .effective,
            matters: Condition.without("use_badam", "true").or("badam_mode", "layer"),
            "Decoupled weight decay; biases and norms are left out."),
        RunOption(
            "max_grad_norm", .number(.atLeast(0)), 1.0, .effective,
            "Longest gradient; 0 does not clip."),
        RunOption(
            "average_tokens_across_devices", .flag, true, .neutral,
            "Losses are always normalised over all ranks."),
        RunOption(
            "bf16", .flag, false, .effective,
            "Weights to multiply and activations in bfloat16; what is trained has float32 masters."),
        RunOption(
            "fp16", .flag, false, .refusedByHardware,
            "Frozen weights and activations in float16; use bf16 on a CPU."),
        RunOption(
            "bf16_full_eval", .flag, false, .refused,
            "Evaluates in bfloat16."),
        RunOption(
            "fp16_full_eval", .flag, false, .refusedByHardware,
            "Evaluates in float16."),
        RunOption(
            "tf32", .flag, nil, .neutral,
            "A matter of graphics cards."),
        RunOption(
            "seed", .integer(atLeast: 0), 42, .effective,
            "Seed of everything that is random."),
        RunOption(
            "data_seed", .integer(atLeast: 0), nil, .effective,
            "Seed of the training order; the run's seed when null."),
        RunOption(
            "full_determinism", .flag, false, .neutral,
            "Runs are always deterministic."),
        RunOption(
            "logging_strategy", .choice(["no", "steps", "epoch"]), "steps", .effective,
            "When to log."),
        RunOption(
            "logging_steps", .number(.atLeast(0)), 500.0, .effective,
            matters: Condition.with("logging_strategy", "steps").or(
                Condition.with("eval_strategy", "steps").and(
                    .without("eval_steps").or("eval_steps", "0"))),
            "Steps, or part (below 1) of all steps, between logs."),
        RunOption(
            "logging_first_step", .flag, false, .effective,
            "Also logs the first step."),
        RunOption(
            "logging_nan_inf_filter", .flag, true, .neutral,
            "A loss that is no number stops the run."),
        RunOption(
            "log_on_each_node", .flag, true, .neutral,
            "There is one process."),
        RunOption(
            "log_level", .text, "passive", .neutral,
            "Messages are always printed."),
        RunOption(
            "log_level_replica", .text, "warning", .neutral,
            "There is one process."),
        RunOption(
            "disable_tqdm", .flag, nil, .neutral,
            "Progress is shown on terminals only."),
        RunOption(
            "report_to", .list, ["none"], .effectiveFor(["none", "tensorboard"]),
            "Trackers to report to: tensorboard writes event files into logging_dir."),
        RunOption(
            "run_name", .text, nil, .neutral,
            "A label for trackers."),
        RunOption(
            "project", .text, "huggingface", .neutral,
            "A label for trackers."),
        RunOption(
            "logging_dir", .text, nil, .effective, matters: .with("report_to", "tensorboard"),
            "Folder for the event files of report_to: tensorboard; runs in output_dir when null."),
        RunOption(
            "trackio_space_id", .text, nil, .neutral, matters: .with("report_to", "trackio"),
            "The space of the tracker Trackio."),
        RunOption(
            "trackio_bucket_id", .text, nil, .neutral, matters: .with("report_to", "trackio"),
            "The bucket of the tracker Trackio."),
        RunOption(
            "trackio_static_space_id", .text, nil, .neutral, matters: .with("report_to", "trackio"),
            "The static space of the tracker Trackio."),
        RunOption(
            "include_num_input_tokens_seen", .text, "no", .neutral,
            "Tokens are always counted."),
        RunOption(
            "save_strategy", .choice(["no", "steps", "epoch", "best"]), "steps", .effective,
            "When to save checkpoints; best: after every evaluation whose metric_for_best_model is better than all before."
        ),
        RunOption(
            "save_steps", .number(.atLeast(0)), 500.0, .effective,
            matters: .with("save_strategy", "steps"),
            "Steps, or part (below 1) of all steps, between checkpoints."),
        RunOption(
            "save_total_limit", .integer(atLeast: 0), nil, .effective,
            "Most checkpoints to keep."),
        RunOption(
            "save_only_model", .flag, false, .effective,
            "Leaves optimizer and generators out of checkpoints."),
        RunOption(
            "save_on_each_node", .flag, false, .neutral,
            "There is one process."),
        RunOption(
            "enable_jit_checkpoint", .flag, false, .refused,
            "Saves a checkpoint when told to stop."),
        RunOption(
            "eval_strategy", .choice(["no", "steps", "epoch"]), "no", .effective,
            "When to evaluate during training."),
        RunOption(
            "eval_steps", .number(.atLeast(0)), nil, .effective,
            matters: .with("eval_strategy", "steps"),
            "Steps, or part (below 1) of all steps, between evaluations; logging_steps when null."),
        RunOption(
            "eval_delay", .number(.atLeast(0)), 0.0, .effective, matters: ofEvaluations,
            "Steps or epochs before the first evaluation."),
        RunOption(
            "eval_on_start", .flag, false, .effective, matters: ofEvaluations,
            "Evaluates before the first step."),
        RunOption(
            "load_best_model_at_end", .flag, false, .effective,
            "Goes back to the best checkpoint at the end."),
        RunOption(
            "metric_for_best_model", .text, nil, .effective,
            matters: ofEvaluations,
            "What the best checkpoint is judged by, a value of the evaluations such as accuracy; loss when null."
        ),
        RunOption(
            "greater_is_better", .flag, nil, .effective,
            matters: ofEvaluations,
            "Whether a larger metric is better; by the metric's name when null."),
        RunOption(
            "prediction_loss_only", .flag, false, .neutral,
            "Evaluation keeps only what its metrics need."),
        RunOption(
            "eval_accumulation_steps", .integer(), nil, .neutral,
            "Evaluation keeps only what its metrics need."),
        RunOption(
            "eval_do_concat_batches", .flag, true, .neutral,
            "Evaluation keeps only what its metrics need."),
        RunOption(
            "eval_use_gather_object", .flag, false, .neutral,
            "There is one process."),
        RunOption(
            "include_for_metrics", .list, [], .neutral,
            "Evaluation keeps only what its metrics need."),
        RunOption(
            "batch_eval_metrics", .flag, false, .neutral,
            "Evaluation keeps only what its metrics need."),
        RunOption(
            "predict_with_generate", .flag, false, .effective, matters: .read(.generation),
            "Evaluation generates answers and compares them with those of the data (ROUGE, BLEU-4) in place of measuring the loss."
        ),
        RunOption(
            "generation_max_length", .integer(), nil, .neutral,
            matters: .with("predict_with_generate", "true"),
            "Most tokens of question and answer; cutoff_len and max_new_tokens bound them here."),
        RunOption(
            "generation_num_beams", .integer(), nil, .neutral,
            matters: .with("predict_with_generate", "true"),
            "Beams of the search for answers; there is none."),
        RunOption(
            "generation_config", .text, nil, .neutral,
            matters: .with("predict_with_generate", "true"),
            "File that says how answers are drawn; the keys of generation say it here."),
        RunOption(
            "sortish_sampler", .flag, false, .refused,
            "Orders examples roughly by length."),
        RunOption(
            "train_sampling_strategy", .choice(["random", "sequential", "group_by_length"]),
            "random", .effectiveFor(["random", "sequential"]),
            "The order of training."),
        RunOption(
            "length_column_name", .text, "length", .neutral,
            matters: .with("train_sampling_strategy", "group_by_length"),
            "Column that holds the lengths of rows."),
        RunOption(
            "dataloader_drop_last", .flag, false, .effective,
            "Drops a last batch that is not full."),
        RunOption(
            "dataloader_num_workers", .integer(), 0, .neutral,
            "Batches are prepared by a thread of their own."),
        RunOption(
            "dataloader_pin_memory", .flag, true, .neutral,
            "A matter of graphics cards."),
        RunOption(
            "dataloader_persistent_workers", .flag, false, .neutral,
            "Batches are prepared by a thread of their own."),
        RunOption(
            "dataloader_prefetch_factor", .integer(), nil, .neutral,
            "Batches are prepared by a thread of their own."),
        RunOption(
            "remove_unused_columns", .flag, true, .neutral,
            "Only what the stage needs is kept."),
        RunOption(
            "label_names", .list, [], .neutral,
            "Only what the stage needs is kept."),
        RunOption(
            "ignore_data_skip", .flag, false, .refused,
            "Resumes at the beginning of the epoch's data."),
        RunOption(
            "restore_callback_states_from_checkpoint", .flag, false, .refused,
            "Restores the callbacks' own state."),
    ]
}
