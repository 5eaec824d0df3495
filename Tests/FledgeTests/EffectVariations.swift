import Fledge
import FledgeTesting
import Foundation

/// How the effect of a key is made visible.
struct Variation {
    /// What is looked at.
    let watched: Workshop.Part
    /// The value that is compared with the key's absence; `@` stands for the project's folder.
    let value: String
    /// What has to be set on both sides; `#` stands for the run's own folder.
    let beside: [String]

    init(_ watched: Workshop.Part, _ value: String, _ beside: String...) {
        (self.watched, self.value, self.beside) = (watched, value, beside)
    }

    /// Keys whose accepted values mean the same, or whose effect needs more than a tiny model.
    static let synonyms = [
        "allowed_faults": "a run refuses without it; tested with planted faults",
        "allow_changed": "a resumed run refuses without it; tested with output folders",
        "overwrite_cache": "the same numbers from anew; tested with the cache",
        "gguf_keep_quantized": "the same numbers in less memory; tested with GGUF files",
        "export_dequantize": "export refuses without it; tested with quantised runs",
        "reward_timeout": "the same scores, or an error; tested with a server",
        "reward_retries": "the same scores, or an error; tested with a server",
        "reward_concurrency": "the same scores, perhaps sooner; tested with a server",
        "reward_model_token": "a server refuses without it; tested with one",
        "export_size": "whole gigabytes; the sharding itself is tested with the model files",
    ]

    static let all: [String: Variation] = model.merging(data) { $1 }.merging(finetuning) { $1 }
        .merging(optimizers) { $1 }.merging(training) { $1 }.merging(generating) { $1 }
        .merging(preference) { $1 }.merging(tokenLosses) { $1 }.merging(rewards) { $1 }
        .merging(reinforcement) { $1 }

    private static let model: [String: Variation] = [
        "model_name_or_path": .init(.chat, "@other-model"),
        "adapter_name_or_path": .init(.chat, "@adapters/first"),
        "adapter_folder": .init(
            .chat, "second", "adapter_name_or_path=@adapters", "adapter_folder=first"),
        "cache_dir": .init(.chat, "@cache-2", "model_name_or_path=own/tiny", "cache_dir=@cache-1"),
        "model_revision": .init(.chat, "next", "model_name_or_path=own/tiny", "cache_dir=@cache-1"),
        "split_special_tokens": .init(.rows, "false"),
        "infer_dtype": .init(.export, "bfloat16"),
        "print_param_status": .init(.run, "true"),
        "quantization_bit": .init(.run, "4"),
        "quantization_type": .init(.run, "fp4", "quantization_bit=4"),
        "double_quantization": .init(.run, "false", "quantization_bit=4"),
        "rope_scaling": .init(.run, "yarn", "cutoff_len=100000"),
        "shift_attn": .init(.run, "true"),
        "export_dir": .init(.export, "@merged-2"),
        "moe_aux_loss_coef": .init(.run, "0.5", "model_name_or_path=@experts"),
    ]

    private static let data: [String: Variation] = [
        "template": .init(.rows, "default"),
        "dataset": .init(.rows, "other"),
        "eval_dataset": .init(.rows, "other"),
        "dataset_dir": .init(.rows, "@data-2"),
        "cutoff_len": .init(.rows, "40"),
        "train_on_prompt": .init(.rows, "true"),
        "mask_history": .init(.rows, "true"),
        "mix_strategy": .init(.rows, "interleave_under", "dataset=tiny,other"),
        "interleave_probs": .init(
            .rows, "0.9,0.1", "dataset=tiny,other", "mix_strategy=interleave_over"),
        "preprocessing_batch_size": .init(.rows, "2", "packing=true", "cutoff_len=128"),
        "max_samples": .init(.rows, "5"),
        "streaming": .init(.run, "true"),
        "drop_invalid_rows": .init(.rows, "true", "dataset=broken"),
        "eval_on_each_dataset": .init(
            .run, "true", "eval_dataset=tiny,other", "eval_strategy=epoch"),
        "val_size": .init(.rows, "3"),
        "packing": .init(.rows, "true", "cutoff_len=128"),
        "neat_packing": .init(.rows, "true", "packing=true", "cutoff_len=128"),
        "tokenized_path": .init(.run, "@tokens"),
        "tool_format": .init(.rows, "glm4", "dataset=tools"),
        "default_system": .init(.rows, "Be brief."),
        "enable_thinking": .init(.rows, "false", "template=qwen3"),
        "preserve_thinking": .init(
            .rows, "true", "template=qwen3", "dataset=thoughts", "mask_history=true"),
    ]

    private static let finetuning: [String: Variation] = [
        "stage": .init(.rows, "pt"),
        "finetuning_type": .init(.run, "full"),
        "pure_bf16": .init(.run, "true", "finetuning_type=full", "bf16=true"),
        "freeze_trainable_layers": .init(.run, "1", "finetuning_type=freeze"),
        "freeze_trainable_modules": .init(.run, "mlp", "finetuning_type=freeze"),
        "freeze_extra_modules": .init(
            .run, "embed_tokens", "finetuning_type=freeze", "freeze_trainable_layers=1"),
        "cache_frozen_activations": .init(
            .run, "true", "finetuning_type=freeze", "freeze_trainable_layers=1"),
        "recompute": .init(.run, "always"), "disable_gradient_checkpointing": .init(.run, "true"),
        "lora_alpha": .init(.run, "2"), "lora_dropout": .init(.run, "0.5"),
        "lora_rank": .init(.run, "2"), "lora_target": .init(.run, "q_proj"),
        "use_rslora": .init(.run, "true"),
        "create_new_adapter": .init(.run, "true", "adapter_name_or_path=@adapters/first"),
        "disable_shuffling": .init(.run, "true"),
        "early_stopping_steps": .init(
            .run, "1", "val_size=3", "eval_strategy=steps", "eval_steps=1", "learning_rate=0"),
        "plot_loss": .init(.run, "true"), "reference_quirks": .init(.rows, "all"),
    ]

    private static let optimizers: [String: Variation] = [
        "optim": .init(.run, "sgd"),
        "optim_args": .init(.run, "momentum=0.5,nesterov=true", "optim=sgd"),
        "loraplus_lr_ratio": .init(.run, "8"), "use_muon": .init(.run, "true"),
        "use_adam_mini": .init(.run, "true"),
        "use_galore": whole("true"),
        "galore_target": whole("mlp", "use_galore=true"),
        "galore_rank": whole("2", "use_galore=true"),
        "galore_update_interval": whole("2", "use_galore=true", "galore_rank=2"),
        "galore_scale": whole("0.5", "use_galore=true"),
        "galore_proj_type": whole("full", "use_galore=true", "galore_rank=2"),
        "use_apollo": whole("true"),
        "apollo_target": whole("mlp", "use_apollo=true"),
        "apollo_rank": whole("2", "use_apollo=true"),
        "apollo_update_interval": whole("2", "use_apollo=true"),
        "apollo_scale": whole("2", "use_apollo=true"),
        "apollo_proj": whole("svd", "use_apollo=true"),
        "apollo_proj_type": whole("left", "use_apollo=true"),
        "apollo_scale_type": whole("tensor", "use_apollo=true"),
        "apollo_scale_front": whole("true", "use_apollo=true"),
        "use_badam": whole("true"),
        "badam_mode": whole("ratio", "use_badam=true"),
        "badam_start_block": whole("1", "use_badam=true"),
        "badam_switch_mode": whole("descending", "use_badam=true"),
        "badam_switch_interval": whole("2", "use_badam=true"),
        "badam_update_ratio": whole("0.5", "use_badam=true", "badam_mode=ratio"),
        "badam_mask_mode": whole("scatter", "use_badam=true", "badam_mode=ratio"),
    ]

    /// A run that trains all weights.
    private static func whole(_ value: String, _ more: String...) -> Variation {
        Variation(watched: .run, value: value, beside: ["finetuning_type=full"] + more)
    }

    private static let training: [String: Variation] = [
        "output_dir": .init(.run, "@elsewhere"),
        "overwrite_output_dir": .init(.run, "true", "resume_from_checkpoint=null"),
        "resume_from_checkpoint": .init(.run, "#/checkpoint-2", "overwrite_output_dir=true"),
        "do_train": .init(.run, "false", "do_eval=true", "val_size=3"),
        "do_eval": .init(.run, "true", "val_size=3"),
        "per_device_train_batch_size": .init(.run, "3"),
        "per_device_eval_batch_size": .init(
            .run, "2", "val_size=3", "eval_strategy=epoch", "reference_quirks=eval_batch_mean"),
        "gradient_accumulation_steps": .init(.run, "2"), "learning_rate": .init(.run, "0.01"),
        "num_train_epochs": .init(.run, "2"), "max_steps": .init(.run, "4"),
        "lr_scheduler_type": .init(.run, "cosine"),
        "lr_scheduler_kwargs": .init(.run, "{num_cycles: 2}", "lr_scheduler_type=cosine"),
        "warmup_steps": .init(.run, "2"), "warmup_ratio": .init(.run, "0.5"),
        "adam_beta1": .init(.run, "0.5"), "adam_beta2": .init(.run, "0.5"),
        "adam_epsilon": .init(.run, "0.01"), "weight_decay": .init(.run, "0.5"),
        "max_grad_norm": .init(.run, "0.001", "adam_epsilon=0.01"), "bf16": .init(.run, "true"),
        "seed": .init(.run, "7"), "data_seed": .init(.run, "7"),
        "logging_strategy": .init(.run, "epoch"), "logging_steps": .init(.run, "1"),
        "report_to": .init(.run, "tensorboard"),
        "logging_dir": .init(.run, "@boards", "report_to=tensorboard"),
        "logging_first_step": .init(.run, "true"), "save_strategy": .init(.run, "epoch"),
        "save_steps": .init(.run, "2", "save_strategy=steps"),
        "save_total_limit": .init(.run, "1", "save_strategy=steps", "save_steps=2"),
        "save_only_model": .init(.run, "true", "save_strategy=epoch"),
        "eval_strategy": .init(.run, "epoch", "val_size=3", "num_train_epochs=2"),
        "eval_steps": .init(.run, "1", "val_size=3", "eval_strategy=steps"),
        "eval_delay": .init(.run, "3", "val_size=3", "eval_strategy=steps"),
        "eval_on_start": .init(.run, "true", "val_size=3", "eval_strategy=steps"),
        "load_best_model_at_end": best("true"),
        "greater_is_better": best("true", "load_best_model_at_end=true"),
        "train_sampling_strategy": .init(.run, "sequential"),
        "dataloader_drop_last": .init(.run, "true", "per_device_train_batch_size=5"),
    ]

    /// A run that becomes worse, so that its best checkpoint is not its last.
    private static func best(_ value: String, _ more: String...) -> Variation {
        var variation = Variation(
            .run, value, "val_size=3", "eval_strategy=steps", "eval_steps=2", "save_strategy=steps",
            "save_steps=2", "learning_rate=3", "lr_scheduler_type=constant")
        variation = Variation(watched: .run, value: value, beside: variation.beside + more)
        return variation
    }

    init(watched: Workshop.Part, value: String, beside: [String]) {
        (self.watched, self.value, self.beside) = (watched, value, beside)
    }

    private static let generating: [String: Variation] = [
        "do_sample": .init(.chat, "true"),
        "temperature": .init(.chat, "0.01", "do_sample=true", "top_p=1", "top_k=0"),
        "top_p": .init(.chat, "0.01", "do_sample=true"),
        "top_k": .init(.chat, "1", "do_sample=true", "top_p=1"),
        "max_length": .init(.chat, "60", "max_new_tokens=0", "max_length=100"),
        "max_new_tokens": .init(.chat, "3"), "repetition_penalty": .init(.chat, "4"),
        "skip_special_tokens": .init(
            .chat, "false", "do_sample=true", "temperature=9", "top_p=1", "top_k=0",
            "max_new_tokens=150"),
    ]
}

extension Workshop {
    /// Data with tools and thoughts, a second folder of data, two adapters and two hub caches.
    func writeData() throws {
        let tool =
            #"[{"name": "clock", "description": "tells time", "parameters": {"type": "object", "properties": {"zone": {"type": "string", "description": "where"}}, "required": ["zone"]}}]"#
        let rows: [String: JSONValue] = [
            "tools": [["instruction": "time?", "output": "ten", "tools": .string(tool)]],
            "thoughts": [
                [
                    "instruction": "and?", "output": "<think>\nlong\n</think>\n\nyes",
                    "history": [["so?", "<think>\nshort\n</think>\n\nno"]],
                ]
            ],
            "broken": [
                ["instruction": "a", "output": "b", "history": nil],
                ["instruction": "c", "output": nil],
            ],
        ]
        let path = project.file("data/dataset_info.json")
        var catalog = try JSONValue(contentsOf: path)
        for (name, rows) in rows {
            try AtomicFile.write(rows.serialized(), to: project.file("data/\(name).json"))
            let more = name == "tools" ? "tools" : "history"
            var columns: JSONValue = ["prompt": "instruction", "response": "output"]
            columns[more] = .string(more)
            catalog[name] = ["file_name": .string(name + ".json"), "columns": columns]
        }
        try AtomicFile.write(catalog.serialized(), to: path)
        try Folder.create(project.file("data-2"))
        for (from, to) in [("dataset_info", "dataset_info"), ("other", "tiny")] {
            try FileManager.default.copyItem(
                atPath: project.file("data/\(from).json"), toPath: project.file("data-2/\(to).json")
            )
        }
        for (index, name) in ["first", "second"].enumerated() {
            let model = try Checkpoint(path: project.file("model")).causalLM(storing: .float32)
            let adapters = try model.attach(LoRA(rank: 2, alpha: 64, targets: .allLinear), seed: 1)
            for parameter in adapters.parameters {
                parameter.value = TinyModel.tensor(parameter.name + name, parameter.value.shape)
            }
            try Folder.create(project.file("adapters/" + name))
            try adapters.save(to: project.file("adapters/" + name))
            try writeCache(index + 1)
        }
    }

    /// A hub cache; the first one has a second revision, the second one another model.
    private func writeCache(_ number: Int) throws {
        var other = TinyProject.configuration
        other.intermediateSize = 56
        let model = project.file("cache-\(number)/models--own--tiny")
        try Folder.create(model + "/refs")
        for (revision, isOther) in [("main", number == 2), ("next", true)] {
            try AtomicFile.write("\(revision)-commit", to: "\(model)/refs/\(revision)")
            try TinyProject.writeModel(
                to: "\(model)/snapshots/\(revision)-commit",
                isOther ? other : TinyProject.configuration)
        }
    }
}
