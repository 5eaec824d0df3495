import Fledge
import Testing

/// Which optimizers go together, and with what.
@Suite struct OptimizerRulesTests {
    private func parse(_ lines: String) throws -> RunConfiguration {
        try RunConfiguration(
            yaml: "model_name_or_path: m\ntemplate: chatml\ndataset: d\ndo_train: true\n" + lines,
            file: "run.yaml", environment: [:])
    }

    @Test(arguments: [
        "optim: adamw_8bit", "optim: paged_adamw_8bit", "optim: lion_32bit", "use_muon: true",
        "use_adam_mini: true", "loraplus_lr_ratio: 16", "optim: adafactor\nloraplus_lr_ratio: 16",
        "finetuning_type: full\nuse_galore: true\noptim: adafactor",
        "finetuning_type: full\nuse_galore: true\ngalore_layerwise: true\ngradient_accumulation_steps: 1",
        "finetuning_type: freeze\nuse_apollo: true\noptim: adamw_torch",
        "finetuning_type: full\nuse_badam: true\nbadam_mode: ratio\nbadam_update_ratio: 0.1",
        "optim: sgd\noptim_args: momentum=0.9, nesterov=true",
        "lr_scheduler_type: greedy\neval_strategy: epoch\nval_size: 0.5",
        "lr_scheduler_type: reduce_lr_on_plateau\neval_strategy: epoch\nval_size: 0.5\n"
            + "lr_scheduler_kwargs: {patience: 1, factor: 0.5}",
        "lr_scheduler_type: cosine_warmup_with_min_lr\nlr_scheduler_kwargs: {min_lr_rate: 0.1}",
    ])
    func whatGoesTogetherIsAccepted(_ lines: String) throws { _ = try parse(lines) }

    @Test(arguments: [
        ("use_galore: true", 5, "Cannot use LoRA with GaLore"),
        ("use_apollo: true", 5, "Cannot use LoRA with GaLore"),
        ("use_badam: true", 5, "Cannot use LoRA with GaLore"),
        ("finetuning_type: full\nuse_galore: true\nuse_badam: true", 6, "`use_badam` decides"),
        ("use_muon: true\nuse_adam_mini: true", 6, "`use_muon` decides"),
        ("loraplus_lr_ratio: 4\nuse_muon: true", 5, "`loraplus_lr_ratio` and `use_muon`"),
        ("finetuning_type: full\nloraplus_lr_ratio: 4", 6, "only valid for LoRA"),
        (
            "finetuning_type: full\nuse_galore: true\noptim: sgd", 7,
            "`use_galore` does not go with `optim: sgd`"
        ),
        (
            "finetuning_type: full\nuse_apollo: true\noptim: adamw_8bit", 7,
            "`use_apollo` does not go with"
        ),
        ("use_muon: true\noptim: lion_32bit", 6, "`use_muon` does not go with"),
        (
            "finetuning_type: full\nuse_galore: true\ngalore_layerwise: true\n"
                + "gradient_accumulation_steps: 2", 7, "gradient accumulation"
        ),
        (
            "finetuning_type: full\nuse_apollo: true\napollo_layerwise: true\n"
                + "gradient_accumulation_steps: 8", 7, "gradient accumulation"
        ),
        (
            "finetuning_type: full\nuse_badam: true\nbadam_switch_mode: fixed", 7,
            "badam_start_block"
        ),
        ("optim: sgd\noptim_args: momentum=fast", 6, "where a number"),
        ("optim: sgd\noptim_args: betas=1", 6, "sgd takes momentum"),
        ("optim: sgd\noptim_args: nesterov=true", 6, "needs a momentum"),
        ("lr_scheduler_type: reduce_lr_on_plateau", 5, "requires an eval strategy"),
        ("lr_scheduler_type: greedy", 5, "requires an eval strategy"),
        ("optim: adagrad", 5, "adagrad"), ("galore_rank: 0", 5, "galore_rank"),
    ])
    func whatDoesNotIsRefusedWithAdvice(_ lines: String, _ line: Int, _ text: String) throws {
        let error = try #require(throws: FledgeError.self) { try parse(lines) }
        #expect(error.message.contains(text), "\(error)")
        #expect(error.location?.line == line, "\(error)")
        #expect(!error.advice.isEmpty || lines.hasPrefix("galore_rank"), "\(error)")
    }
}
