import Fledge
import Foundation
import Testing

@Suite struct RunConfigurationTests {
    private let base = "model_name_or_path: m\ntemplate: chatml\ndataset: identity\n"

    private func parse(
        _ yaml: String, _ overrides: [String] = [],
        purpose: RunConfiguration.Purpose = .training, environment: [String: String] = [:]
    ) throws -> RunConfiguration {
        try RunConfiguration(
            yaml: base + yaml, file: "run.yaml", overrides: overrides, purpose: purpose,
            environment: environment)
    }

    private func error(_ yaml: String, _ overrides: [String] = []) -> FledgeError? {
        #expect(throws: FledgeError.self, "\(yaml) \(overrides)") { try parse(yaml, overrides) }
    }

    /// The typed part of a configuration as text.
    private func shown(_ configuration: RunConfiguration) -> String {
        var text = ""
        dump(configuration.model, to: &text)
        dump(configuration.data, to: &text)
        dump(configuration.finetuning, to: &text)
        dump(configuration.training, to: &text)
        dump(configuration.generating, to: &text)
        dump(configuration.preference, to: &text)
        dump(configuration.tokenLoss, to: &text)
        dump(configuration.rewards, to: &text)
        dump(configuration.reinforcement, to: &text)
        dump(configuration.policyLoss, to: &text)
        return text
    }

    @Test func readsATypicalFile() throws {
        let run = try parse(
            """
            ### method
            stage: sft
            do_train: true
            finetuning_type: lora
            lora_rank: 16
            lora_target: q_proj, v_proj
            trust_remote_code: true
            ddp_timeout: 180000000
            learning_rate: 1.0e-4
            adam_epsilon: 1e-6
            warmup_ratio: 0.1
            bf16: true
            report_to: none  # choices: [none, wandb]
            resume_from_checkpoint: null
            lr_scheduler_type: cosine_with_min_lr
            lr_scheduler_kwargs: {min_lr_rate: 0.1}
            eval_strategy: no
            logging_steps: 10
            """)
        #expect(run.model.modelPath == "m" && run.data.datasets == ["identity"])
        #expect(run.finetuning.loraRank == 16 && run.finetuning.loraAlpha == 32)
        #expect(run.finetuning.loraTargets == ["q_proj", "v_proj"])
        #expect(run.training.trains && run.training.usesBFloat16)
        #expect(run.training.learningRate == 1e-4 && run.training.adamEpsilon == 1e-6)
        #expect(run.training.warmup == .ratio(0.1) && run.training.warmup.count(of: 15) == 2)
        #expect(run.training.resume == .automatic)
        #expect(run.training.schedule == .cosineWithMinimum)
        #expect(run.training.scheduleParameters?["min_lr_rate"]?.doubleValue == 0.1)
        #expect(run.training.evaluationStrategy == .never)
        #expect(run.training.loggingInterval == .steps(10))
        #expect(run.notes == ["Without effect here: trust_remote_code, ddp_timeout."])
        #expect(run.json["lora_rank"] == 16)
    }

    @Test func overridesReplaceTheFile() throws {
        let run = try parse(
            "learning_rate: 1e-4\nlora_rank: 4",
            [
                "learning_rate=2e-4", "--lora_rank", "32", "--bf16", "--max_steps=5",
                "lr_scheduler_type=cosine",
                "lr_scheduler_kwargs={\"num_cycles\": 2}", "lora_target=[q_proj, k_proj]",
                "default_system=a = b",
            ])
        #expect(run.training.learningRate == 2e-4 && run.finetuning.loraRank == 32)
        #expect(run.training.usesBFloat16 && run.training.maxSteps == 5)
        #expect(run.training.scheduleParameters?["num_cycles"]?.intValue == 2)
        #expect(run.finetuning.loraTargets == ["q_proj", "k_proj"])
        #expect(run.data.defaultSystem == "a = b")
        #expect(error("", ["lora_rank"])?.message.contains("neither key=value") == true)
        let wrong = error("", ["lora_rank=eight"])
        #expect(wrong?.location?.file == "command line (lora_rank=eight)")
    }

    @Test func everyEffectiveKeyChangesTheTypedResult() throws {
        let words: [String: String] = [
            "do_train": "true", "eval_dataset": "other", "val_size": "0.5",
            "interleave_probs": "1", "lora_target": "q_proj", "allowed_faults": "all",
            "lr_scheduler_kwargs": "{num_cycles: 2}", "reference_quirks": "all",
            "quantization_bit": "4", "allow_changed": "seed",
            "ref_model_quantization_bit": "4", "teacher_model_quantization_bit": "4",
            "badam_update_ratio": "0.5",
            "reward_clip_range": "-1,1",
            "reward_model_quantization_bit": "4", "reward_rules": "[{type: length, max: 5}]",
        ]
        // What a key needs beside it to be accepted.
        let companions: [String: String] = [
            "interleave_probs": "mix_strategy: interleave_under\n",
            "lr_scheduler_kwargs": "lr_scheduler_type: cosine\n",
            "eval_strategy": "val_size: 0.5\n", "do_eval": "val_size: 0.5\n",
            "do_predict": "predict_with_generate: true\nval_size: 0.5\n",
            "predict_with_generate": "val_size: 0.5\n",
            "save_strategy": "eval_strategy: steps\nval_size: 0.5\n",
            "early_stopping_steps": "eval_strategy: steps\nval_size: 0.5\n",
            "load_best_model_at_end": "eval_strategy: steps\nval_size: 0.5\n",
            "eval_on_each_dataset": "eval_dataset: other\n",
            "quantization_type": "quantization_bit: 4\n",
            "double_quantization": "quantization_bit: 4\n",
            "export_dequantize": "quantization_bit: 4\n",
            "logging_dir": "report_to: tensorboard\n",
            "lr_scheduler_type": "eval_strategy: steps\nval_size: 0.5\n",
            "use_galore": "finetuning_type: full\n", "use_apollo": "finetuning_type: full\n",
            "use_badam": "finetuning_type: full\n",
            "vllm_importance_sampling_mode": "vllm_importance_sampling_correction: true\n",
            "model_name_or_path": "", "dataset": "", "template": "",
        ]
        let withoutOthers = ["infer_backend", "report_to", "optim"]
        for option in RunOption.all where option.isEffective {
            let given = base.contains(option.name + ":")
            let value: String
            if let word = words[option.name] {
                value = word
            } else if let choices = option.choices {
                guard let other = choices.last(where: { $0 != "\(option.defaultValue)" }) else {
                    // One accepted value: there is nothing to change yet.
                    #expect(choices.count == 1, "\(option.name)")
                    continue
                }
                value = option.name == "eval_strategy" ? "steps" : other
            } else {
                value =
                    switch (option.kind, option.defaultValue) {
                    case (.flag, .flag(let flag)): "\(!flag)"
                    case (.flag, _): "true"
                    case (.integer, .integer(let number)): "\(number + 3)"
                    case (.integer, _): "11"
                    case (.number(.fraction), _), (.number(.probability), _): "0.125"
                    case (.number(.between(_, let most)), .number(let number))
                    where number + 2 > most:
                        "\(number / 2)"
                    case (.number, .number(let number)): "\(number + 2)"
                    case (.number(.above(let least)), _): "\(least + 0.25)"
                    case (.number, _): "0.25"
                    case (.mapping, _): "{a: 1}"
                    default: "something"
                    }
            }
            let companion = companions[option.name] ?? ""
            let before = try RunConfiguration(
                yaml: base + companion, file: "run.yaml", environment: [:])
            let after = try RunConfiguration(
                yaml: base + companion, file: "run.yaml", overrides: ["\(option.name)=\(value)"],
                environment: [:])
            #expect(
                shown(before) != shown(after) || withoutOthers.contains(option.name),
                "\(option.name): \(value) changes nothing")
            #expect(after.values.isSet(option.name))
            _ = given
        }
    }

    @Test func neutralKeysChangeNothingAndRefusedOnesAreRefused() throws {
        let before = shown(try parse(""))
        for option in RunOption.all {
            switch option.standing {
            case .neutral:
                guard case .flag(let flag) = option.defaultValue else { continue }
                let run = try parse("\(option.name): \(!flag)")
                #expect(shown(run) == before, "\(option.name)")
                #expect(run.notes.first?.contains(option.name) == true)
            case .refused, .refusedByHardware:
                let value: String
                switch (option.kind, option.defaultValue) {
                case (.flag, .flag(let flag)): value = "\(!flag)"
                case (.choice(let words), let own):
                    value = words.first { $0 != "\(own)" } ?? words[0]
                case (.number(.between), _): value = "0.5"
                case (.list, _), (.text, _): value = "word"
                default: value = "4"
                }
                let refusal = error("\(option.name): \(value)")
                #expect(refusal?.code == .unsupported, "\(option.name)")
                #expect(refusal?.location?.line == 4)
                // Its default is accepted.
                _ = try parse("\(option.name): \(option.defaultValue)")
            case .effective, .effectiveFor: continue
            }
        }
    }

    @Test func unsupportedValuesNameWhatIsSupported() {
        let method = error("finetuning_type: oft")
        #expect(method?.code == .unsupported)
        #expect(
            method?.description
                == "run.yaml:4:1: finetuning_type: oft is not supported yet. Supported: lora, freeze, full."
        )
        #expect(error("report_to: wandb")?.message == "report_to: wandb is not supported yet.")
        #expect(error("fp16: true")?.message.contains("use bf16") == true)
        #expect(error("optim: adagrad")?.advice.contains("adamw_torch_fused") == true)
    }

    @Test func unknownKeysNameTheNearestOne() throws {
        let unknown = error("\nlearning_rte: 1")
        #expect(
            unknown?.description
                == "run.yaml:5:1: learning_rte is no known key. Did you mean learning_rate?")
        #expect(error("frobnicate: 1")?.advice.contains("fledge keys") == true)
        #expect(error("", ["--lora-rank", "8"])?.advice == "Did you mean lora_rank?")
        let run = try parse("frobnicate: 1", environment: ["ALLOW_EXTRA_ARGS": "True"])
        #expect(run.notes.contains { $0.contains("frobnicate") })
        #expect(throws: FledgeError.self) {
            try parse("frobnicate: 1", environment: ["ALLOW_EXTRA_ARGS": "no"])
        }
    }

    @Test func wrongFormsNameKeyLineAndForm() {
        #expect(
            error("a_line_before_is: ignored")?.location?.line == 4)
        let cases: [(String, String)] = [
            ("lora_rank: eight", "lora_rank is eight; it should be a whole number from 1 on."),
            ("lora_rank: 1.5", "lora_rank is 1.5"),
            ("lora_rank: 0", "from 1 on"),
            ("lora_alpha: 0", "a whole number from 1 on or null"),
            ("lora_rank: null", "lora_rank is null"),
            ("bf16: maybe", "bf16 is maybe; it should be true or false."),
            ("learning_rate: fast", "a number from 0 on"),
            ("learning_rate: nan", "learning_rate is nan"),
            ("lora_dropout: 1", "a number from 0 to below 1"),
            ("lora_target: {a: b}", "lora_target is a mapping; it should be a list"),
            ("cutoff_len: [1]", "cutoff_len is a list"),
            ("mix_strategy: shuffle", "concat, interleave_under"),
            ("lr_scheduler_kwargs: 3", "a mapping or null"),
            ("interleave_probs: 0.5, x", "numbers, separated by commas"),
            ("temperature: -1", "a number from 0 on"),
        ]
        for (yaml, part) in cases {
            let found = error(yaml)
            #expect(found?.code == .configuration, "\(yaml)")
            #expect(found?.message.contains(part) == true, "\(yaml): \(found?.message ?? "")")
            #expect(found?.location?.line == 4)
        }
    }

    @Test func quotedNumbersAreNumbers() throws {
        let run = try parse("lora_rank: '8'\nlearning_rate: \"1e-5\"\nmax_samples: 1e3")
        #expect(run.finetuning.loraRank == 8 && run.training.learningRate == 1e-5)
        #expect(run.data.maxSamples == 1000)
    }

    @Test func rulesBetweenKeys() throws {
        let cases: [(String, String)] = [
            ("val_size: 0.1\neval_dataset: other", "Cannot specify `val_size` if `eval_dataset`"),
            ("interleave_probs: 1", "only valid for interleaved"),
            ("interleave_probs: 0.5,0.5\nmix_strategy: interleave_over", "identical: 1 and 2"),
            ("interleave_probs: 0.5\nmix_strategy: interleave_over", "add up to 1"),
            ("mask_history: true\ntrain_on_prompt: true", "incompatible"),
            ("do_eval: true", "eval_dataset be provided"),
            ("eval_strategy: epoch", "eval_dataset be provided"),
            ("logging_steps: 0", "`logging_strategy` is steps"),
            ("logging_steps: 1.5", "integer if bigger than 1"),
            ("warmup_steps: 2.5", "`warmup_steps` must be an integer"),
            ("warmup_steps: -1", "from 0 on"),
            ("load_best_model_at_end: true", "save and eval strategy to match"),
            (
                "load_best_model_at_end: true\neval_strategy: steps\neval_steps: 3\nsave_steps: 4\n"
                    + "val_size: 0.1", "multiple of `eval_steps`"
            ),
            ("save_strategy: best", "`save_strategy: best` requires an `eval_strategy`"),
            ("early_stopping_steps: 2", "requires an `eval_strategy`"),
            ("lora_target: all,q_proj", "not both"),
            ("reference_quirks: all,metric_names", "not both"),
        ]
        for (yaml, part) in cases {
            let found = error(yaml)
            #expect(found?.message.contains(part) == true, "\(yaml): \(found?.message ?? "")")
            #expect((found?.location?.line ?? 0) >= 4, "\(yaml)")
        }
        #expect(throws: FledgeError.self) { try RunConfiguration(yaml: "", file: "f") }
        #expect(throws: FledgeError.self) {
            try RunConfiguration(yaml: "model_name_or_path: m\ndo_train: true", file: "f")
        }
        // The defaults of the reference's interval rules hold.
        let run = try parse("eval_strategy: steps\nval_size: 0.1\nlogging_steps: 7\neval_steps: 0")
        #expect(run.training.evaluationInterval == .steps(7) && run.training.evaluates)
        // What saves the best checkpoints has one to load, however often it evaluates.
        let best = try parse(
            "save_strategy: best\nload_best_model_at_end: true\neval_strategy: epoch\nval_size: 0.1"
        )
        #expect(best.training.saveStrategy == .best && best.training.bestModelMetric == "loss")
        let inference = try parse("logging_steps: 0", purpose: .inference)
        #expect(inference.model.modelPath == "m")
    }

    @Test func brokenFilesSayWhere() throws {
        func message(_ yaml: String) -> FledgeError? {
            #expect(throws: FledgeError.self) { try RunConfiguration(yaml: yaml, file: "f.yaml") }
        }
        #expect(message("a: [1\nb: 2")?.location?.line == 2)
        #expect(message("- a\n- b")?.message.contains("mapping") == true)
        #expect(
            message("lora_rank: 1\nbf16: true\nlora_rank: 2")?.message
                == "lora_rank is given twice.")
        #expect(message("[a]: 1")?.message == "A key should be a word.")
        #expect(throws: FledgeError.self) { try RunConfiguration(path: "/nowhere.yaml") }
    }

    @Test func theTableIsSound() {
        let names = RunOption.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.count > 300)
        for option in RunOption.all {
            #expect(option.help.hasSuffix("."), "\(option.name)")
            #expect(RunOption.named(option.name)?.name == option.name)
            if case .choice(let words) = option.kind, case .text(let word) = option.defaultValue {
                #expect(words.contains(word), "\(option.name)")
            }
        }
        #expect(RunOption.listing.contains("  lora_rank: a whole number from 1 on = 8\n"))
        #expect(RunConfiguration().finetuning.loraAlpha == 16)
    }
}
