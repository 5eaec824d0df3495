extension RunOption {
    /// What is trained on.
    static let data: [RunOption] = [
        RunOption(
            "template", .text, nil, .effective,
            "Name of the chat template."),
        RunOption(
            "dataset", .list, [], .effective,
            "Data sets to train on, by their names in dataset_info.json or their paths."),
        RunOption(
            "eval_dataset", .list, [], .effective,
            "Data sets to evaluate on."),
        RunOption(
            "dataset_dir", .text, "data", .effective,
            "Folder that holds dataset_info.json and the data."),
        RunOption(
            "media_dir", .text, nil, .neutral,
            "Images, video and sound are not supported."),
        RunOption(
            "cutoff_len", .integer(atLeast: 1), 2048, .effective,
            "Most tokens of one example."),
        RunOption(
            "allowed_faults", .list, [], .effective,
            "Faults that are accepted, by the codes of fledge plan; all for any."
        ),
        RunOption(
            "train_on_prompt", .flag, false, .effective, matters: .read(.dialogues),
            "Also trains on the prompts."),
        RunOption(
            "mask_history", .flag, false, .effective, matters: .read(.dialogues),
            "Trains on the last turn of a conversation only."),
        RunOption(
            "streaming", .flag, false, .effective,
            "Reads data sets while training, in memory of a fixed size; the shuffle is global."),
        RunOption(
            "buffer_size", .integer(), 16384, .neutral,
            "The shuffle of streamed data needs no buffer."),
        RunOption(
            "drop_invalid_rows", .flag, false, .effective,
            "Leaves rows that do not fit out, and names them; otherwise they are errors."),
        RunOption(
            "mix_strategy",
            .choice(["concat", "interleave_under", "interleave_over", "interleave_once"]), "concat",
            .effective,
            "How several data sets become one."),
        RunOption(
            "interleave_probs", .numbers, nil, .effective,
            "Probability of each data set when they are interleaved."),
        RunOption(
            "overwrite_cache", .flag, false, .effective,
            "Tokenises large data sets again, which are kept in the cache otherwise."),
        RunOption(
            "preprocessing_batch_size", .integer(atLeast: 1), 1000, .effective,
            "Examples that are packed together at a time."),
        RunOption(
            "preprocessing_num_workers", .integer(), nil, .neutral,
            "All cores are used."),
        RunOption(
            "max_samples", .integer(atLeast: 1), nil, .effective,
            "Takes only the first examples of each data set."),
        RunOption(
            "eval_num_beams", .integer(), nil, .neutral,
            matters: .with("predict_with_generate", "true"),
            "Beams of the search for answers; there is none."),
        RunOption(
            "ignore_pad_token_for_loss", .flag, true, .refused,
            "False would train on padding."),
        RunOption(
            "val_size", .number(.atLeast(0)), 0.0, .effective,
            "Part (below 1) or number of examples held out for evaluation."),
        RunOption(
            "eval_on_each_dataset", .flag, false, .effective,
            "Evaluates on each data set by itself."),
        RunOption(
            "packing", .flag, nil, .effective,
            // In the reference it shortens rows of every stage.
            matters: Condition.read(.packing).or("reference_quirks", "all", "cutoff_minus_one"),
            "Joins short examples into full rows; null means in pre-training only."),
        RunOption(
            "neat_packing", .flag, false, .effective,
            "Packing whose examples do not see each other."),
        RunOption(
            "tool_format", .text, nil, .effective,
            "Replaces the template's tool format."),
        RunOption(
            "default_system", .text, nil, .effective,
            "Replaces the template's default system prompt."),
        RunOption(
            "enable_thinking", .flag, true, .effective, acceptsNull: true,
            "Whether a reasoning template asks for thoughts; null keeps the data as they are."),
        RunOption(
            "preserve_thinking", .flag, false, .effective,
            "Keeps thoughts of earlier turns."),
        RunOption(
            "tokenized_path", .text, nil, .effective,
            "Folder of tokenised data: taken where it is there, written otherwise."),
        RunOption(
            "data_shared_file_system", .flag, false, .neutral,
            "There is one process."),
    ]
}
