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
        "lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr_rate: 0.1, min_lr: null}",
        "lr_scheduler_type: warmup_stable_decay\n"
            + "lr_scheduler_kwargs: {decay_type: 1-sqrt, num_stable_steps: '3'}",
        "finetuning_type: full\nuse_badam: true\nbadam_mode: ratio\nbadam_update_ratio: 1",
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
        ("badam_update_ratio: 3", 5, "a number from 1e-06 to 1"),
        ("badam_update_ratio: 1e-7", 5, "a number from 1e-06 to 1"),
    ])
    func whatDoesNotIsRefusedWithAdvice(_ lines: String, _ line: Int, _ text: String) throws {
        let error = try #require(throws: FledgeError.self) { try parse(lines) }
        #expect(error.message.contains(text), "\(error)")
        #expect(error.location?.line == line, "\(error)")
        let isForm = ["galore_rank", "badam_update"].contains { lines.hasPrefix($0) }
        #expect(!error.advice.isEmpty || isForm, "\(error)")
    }

    /// A schedule's parameters have forms, as keys have.
    @Test(arguments: [
        ("warmup_stable_decay", "{decay_type: sqrt}", "linear, cosine, 1-sqrt"),
        ("warmup_stable_decay", "{min_lr_ratio: abc}", "a number from 0 to 1"),
        ("warmup_stable_decay", "{num_decay_steps: 9223372036854775807}", "a whole number"),
        ("warmup_stable_decay", "{num_stable_steps: -1}", "a whole number from 0 on"),
        ("reduce_lr_on_plateau", "{mode: maximum}", "min, max"),
        ("reduce_lr_on_plateau", "{patience: 1.5}", "a whole number from 0 on"),
        ("reduce_lr_on_plateau", "{factor: 1}", "below 1"),
        ("greedy", "{min_lr: [1e-3]}", "a number from 0 on"),
        ("greedy", "{reset_start: true}", "a whole number"),
        ("inverse_sqrt", "{timescale: 0}", "a whole number from 1 on"),
        ("polynomial", "{power: -1}", "a number from 0 on"),
        ("polynomial", "{lr_end: 1}", "above learning_rate"),
        ("cosine_with_min_lr", "{min_lr_rate: 2}", "a number from 0 to 1"),
        ("cosine_with_min_lr", "{min_lr_rate: 0.1, min_lr: 1e-6}", "min_lr and min_lr_rate"),
        ("cosine_with_min_lr", "{num_cycles: 1}", "needs min_lr or min_lr_rate"),
        ("cosine_warmup_with_min_lr", "{min_lr: null}", "needs min_lr or min_lr_rate"),
        ("cosine", "{num_cycles: .inf}", "a number from 0 on"),
        ("cosine", "{cycles: 1}", "the schedule cosine takes num_cycles."),
        ("linear", "{num_cycles: 1}", "the schedule linear takes nothing."),
    ])
    func parametersOfSchedulesAreChecked(
        _ schedule: String, _ parameters: String, _ text: String
    ) throws {
        let follows = ["greedy", "reduce_lr_on_plateau"].contains(schedule)
        let error = try #require(throws: FledgeError.self, "\(schedule) \(parameters)") {
            try parse(
                "lr_scheduler_type: \(schedule)\nlr_scheduler_kwargs: \(parameters)"
                    + (follows ? "\neval_strategy: epoch\nval_size: 0.5" : ""))
        }
        #expect(error.message.contains(text), "\(error)")
        #expect(error.location?.line == 6, "\(error)")
    }

    /// What transformers demands is demanded before anything is loaded; what the reference fills in is
    /// filled in.
    @Test func schedulesWithoutTheirParameters() throws {
        for name in ["cosine_with_min_lr", "cosine_warmup_with_min_lr"] {
            let error = try #require(throws: FledgeError.self) {
                try parse("lr_scheduler_type: \(name)")
            }
            #expect(error.message.contains("needs min_lr or min_lr_rate"), "\(error)")
            #expect(error.location?.line == 5, "\(error)")
        }
        // A third of the steps behind the rise at the peak, then the fall.
        let run = try parse("lr_scheduler_type: warmup_stable_decay\nwarmup_steps: 1")
        let found = run.training.learningRates(totalSteps: 10) as? Warmup<StableDecaySchedule>
        #expect(found?.schedule == StableDecaySchedule(peak: 5e-5, stable: 3, decay: 6))
    }

    /// What is watched is wanted larger where the keys say so, or its name.
    @Test func ratesFollowWhatIsBetter() throws {
        for (lines, isMaximized) in [
            ("", false), ("metric_for_best_model: accuracy", true),
            ("metric_for_best_model: eval_loss", false),
            ("metric_for_best_model: accuracy\ngreater_is_better: false", false),
            ("metric_for_best_model: loss\ngreater_is_better: true", true),
            ("metric_for_best_model: accuracy\nlr_scheduler_kwargs: {mode: min}", false),
        ] {
            for name in ["greedy", "reduce_lr_on_plateau"] {
                let run = try parse(
                    "lr_scheduler_type: \(name)\neval_strategy: epoch\nval_size: 0.5\n\(lines)")
                let schedule = run.training.learningRates(totalSteps: 9)
                let metric =
                    (schedule as? PlateauSchedule)?.metric ?? (schedule as? GreedySchedule)?.metric
                #expect(metric?.isMaximized == isMaximized, "\(name) \(lines)")
            }
        }
    }

    /// No rate is anything but a number, whatever its peak.
    @Test func ratesOfNothingAreNothing() throws {
        for schedule in [
            "linear", "cosine", "cosine_with_restarts", "polynomial", "constant",
            "constant_with_warmup", "inverse_sqrt", "cosine_with_min_lr",
            "cosine_warmup_with_min_lr", "warmup_stable_decay",
        ] {
            let floor =
                schedule.hasSuffix("min_lr") ? "\nlr_scheduler_kwargs: {min_lr_rate: 0.1}" : ""
            let run = try parse(
                "learning_rate: 0\nwarmup_steps: 2\nlr_scheduler_type: \(schedule)" + floor)
            let rates = run.training.learningRates(totalSteps: 6)
            for step in 0..<8 { #expect(rates.rate(at: step) == 0, "\(schedule) \(step)") }
        }
    }
}
