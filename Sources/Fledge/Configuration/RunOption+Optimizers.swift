extension RunOption {
    private static let withGaLore = Condition.with("use_galore", "true")
    private static let withAPOLLO = Condition.with("use_apollo", "true")
    private static let withBAdam = Condition.with("use_badam", "true")
    private static let withBAdamBlocks = withBAdam.and("badam_mode", "layer")
    private static let withBAdamRatio = withBAdam.and("badam_mode", "ratio")

    /// What replaces the optimizer that `optim` names, or changes its rates.
    static let optimizers: [RunOption] = [
        RunOption(
            "loraplus_lr_ratio", .number(.above(0)), nil, .effective,
            "LoRA+: how much faster the factor B of adapters is trained than A, such as 16."),
        RunOption(
            "loraplus_lr_embedding", .number(.atLeast(0)), 1e-06, .neutral,
            "LoRA+: the learning rate of adapters of embeddings, which are not supported."),
        RunOption(
            "use_galore", .flag, false, .effective,
            "GaLore: trains matrices in a subspace of their gradients; with optim adamw_torch, adamw_8bit or adafactor. Not with LoRA."
        ),
        RunOption(
            "galore_target", .list, ["all"], .effective, matters: withGaLore,
            "Parts of the names of modules that GaLore takes; all means every linear one but the head."
        ),
        RunOption(
            "galore_rank", .integer(atLeast: 1), 16, .effective, matters: withGaLore,
            "Dimensions of the subspace."),
        RunOption(
            "galore_update_interval", .integer(atLeast: 1), 200, .effective, matters: withGaLore,
            "Steps until the subspace is looked for again."),
        RunOption(
            "galore_scale", .number(), 2.0, .effective, matters: withGaLore,
            "What changes from the subspace are multiplied by."),
        RunOption(
            "galore_proj_type", .choice(["std", "reverse_std", "right", "left", "full"]), "std",
            .effective, matters: withGaLore,
            "The sides of a matrix that are projected: std takes the shorter one."),
        RunOption(
            "galore_layerwise", .flag, false, .neutral,
            "The numbers are the same; needs gradient_accumulation_steps: 1."
        ),
        RunOption(
            "use_apollo", .flag, false, .effective,
            "APOLLO: scales gradients by what Adam would do in a small random subspace. Not with LoRA."
        ),
        RunOption(
            "apollo_target", .list, ["all"], .effective, matters: withAPOLLO,
            "Parts of the names of modules that APOLLO takes; all means every linear one but the head."
        ),
        RunOption(
            "apollo_rank", .integer(atLeast: 1), 16, .effective, matters: withAPOLLO,
            "Dimensions of the subspace."),
        RunOption(
            "apollo_update_interval", .integer(atLeast: 1), 200, .effective, matters: withAPOLLO,
            "Steps until another subspace is taken."),
        RunOption(
            "apollo_scale", .number(.above(0)), 32.0, .effective, matters: withAPOLLO,
            "Gradients are multiplied by its root."),
        RunOption(
            "apollo_proj", .choice(["svd", "random"]), "random", .effective, matters: withAPOLLO,
            "Where subspaces come from: random numbers, or the gradient's singular vectors."),
        RunOption(
            "apollo_proj_type", .choice(["std", "right", "left"]), "std", .effective,
            matters: withAPOLLO,
            "The side of a matrix that is projected: std takes the shorter one."),
        RunOption(
            "apollo_scale_type", .choice(["channel", "tensor"]), "channel", .effective,
            matters: withAPOLLO,
            "Whether each row or column is scaled, or the whole matrix."),
        RunOption(
            "apollo_layerwise", .flag, false, .neutral,
            "The numbers are the same; needs gradient_accumulation_steps: 1."
        ),
        RunOption(
            "apollo_scale_front", .flag, false, .effective, matters: withAPOLLO,
            "Multiplies by the root of apollo_scale before the growth of changes is limited, not after."
        ),
        RunOption(
            "use_badam", .flag, false, .effective,
            "BAdam: trains one block of the model after another, or a part of all weights. Not with LoRA."
        ),
        RunOption(
            "badam_mode", .choice(["layer", "ratio"]), "layer", .effective, matters: withBAdam,
            "layer: one decoder block at a time; ratio: a part of every matrix at a time."),
        RunOption(
            "badam_start_block", .integer(atLeast: 0), nil, .effective, matters: withBAdamBlocks,
            "The block to begin with, counted from 0."),
        RunOption(
            "badam_switch_mode", .choice(["ascending", "descending", "random", "fixed"]),
            "ascending", .effective, acceptsNull: true, matters: withBAdamBlocks,
            "Which block is next."),
        RunOption(
            "badam_switch_interval", .integer(atLeast: 1), 50, .effective, acceptsNull: true,
            matters: withBAdamBlocks,
            "Steps until the next block."),
        RunOption(
            "badam_update_ratio", .number(.between(1e-6, 1)), 0.05, .effective,
            matters: withBAdamRatio,
            "The part of every matrix that badam_mode: ratio trains."),
        RunOption(
            "badam_mask_mode", .choice(["adjacent", "scatter"]), "adjacent", .effective,
            matters: withBAdamRatio,
            "Whether those weights lie together or apart."),
        RunOption(
            "badam_verbose", .integer(), 0, .neutral,
            "Prints what BAdam trains."),
        RunOption(
            "use_adam_mini", .flag, false, .effective,
            "Adam-mini: one second moment for each head, row or norm."),
        RunOption(
            "use_muon", .flag, false, .effective,
            "Muon: trains matrices by their orthogonal momentum, and the rest by AdamW."),
    ]
}
