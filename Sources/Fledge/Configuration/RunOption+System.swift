extension RunOption {
    /// Devices, processes, compilers and hubs: what training takes along from the reference.
    static let system: [RunOption] = [
        RunOption(
            "use_cpu", .flag, false, .neutral,
            "There is nothing but the CPU."),
        RunOption(
            "auto_find_batch_size", .flag, false, .refused,
            "Looks for a batch size that fits."),
        RunOption(
            "gradient_checkpointing", .flag, false, .neutral,
            "Activation checkpointing changes no numbers."),
        RunOption(
            "gradient_checkpointing_kwargs", .anything, nil, .neutral,
            "Activation checkpointing changes no numbers."),
        RunOption(
            "use_cache", .flag, false, .neutral,
            "Training keeps no keys and values."),
        RunOption(
            "torch_compile", .flag, false, .neutral,
            "Kernels are compiled already."),
        RunOption(
            "torch_compile_backend", .text, nil, .neutral,
            "Kernels are compiled already."),
        RunOption(
            "torch_compile_mode", .text, nil, .neutral,
            "Kernels are compiled already."),
        RunOption(
            "torch_empty_cache_steps", .integer(), nil, .neutral,
            "A matter of graphics cards."),
        RunOption(
            "use_liger_kernel", .flag, false, .neutral,
            "Kernels of another library, equal in effect."),
        RunOption(
            "liger_kernel_config", .anything, nil, .neutral,
            "Kernels of another library, equal in effect."),
        RunOption(
            "skip_memory_metrics", .flag, true, .neutral,
            "Memory is reported by the command line."),
        RunOption(
            "debug", .list, [], .neutral,
            "A matter of PyTorch."),
        RunOption(
            "accelerator_config", .anything, nil, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "parallelism_config", .anything, nil, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "ddp_timeout", .integer(), 1800, .neutral,
            "There is one process."),
        RunOption(
            "ddp_find_unused_parameters", .flag, nil, .neutral,
            "There is one process."),
        RunOption(
            "ddp_bucket_cap_mb", .integer(), nil, .neutral,
            "There is one process."),
        RunOption(
            "ddp_broadcast_buffers", .flag, nil, .neutral,
            "There is one process."),
        RunOption(
            "ddp_static_graph", .flag, nil, .neutral,
            "There is one process."),
        RunOption(
            "ddp_backend", .text, nil, .neutral,
            "There is one process."),
        RunOption(
            "local_rank", .integer(), -1, .neutral,
            "There is one process."),
        RunOption(
            "fsdp", .list, [], .neutral,
            "There is one process."),
        RunOption(
            "fsdp_config", .anything, nil, .neutral,
            "There is one process."),
        RunOption(
            "deepspeed", .anything, nil, .neutral,
            "There is one process."),
        RunOption(
            "master_addr", .text, nil, .neutral,
            "There is one process."),
        RunOption(
            "master_port", .text, nil, .neutral,
            "There is one process."),
        RunOption(
            "ray_num_workers", .integer(), 1, .neutral,
            "There is one process."),
        RunOption(
            "ray_init_kwargs", .anything, nil, .neutral,
            "There is one process."),
        RunOption(
            "push_to_hub", .flag, false, .refused,
            "Uploads the model."),
        RunOption(
            "hub_token", .text, nil, .neutral,
            "Nothing is uploaded."),
        RunOption(
            "hub_private_repo", .flag, nil, .neutral,
            "Nothing is uploaded."),
        RunOption(
            "hub_model_id", .text, nil, .neutral,
            "Nothing is uploaded."),
        RunOption(
            "hub_strategy", .text, "every_save", .neutral,
            "Nothing is uploaded."),
        RunOption(
            "hub_always_push", .flag, false, .neutral,
            "Nothing is uploaded."),
        RunOption(
            "hub_revision", .text, nil, .neutral,
            "Nothing is uploaded."),
        RunOption(
            "fp8", .flag, false, .refusedByHardware,
            "Trains in eight-bit floating point."),
        RunOption(
            "fp8_backend", .text, "auto", .neutral, matters: .with("fp8", "true"),
            "The library of eight-bit products."),
        RunOption(
            "fp8_enable_fsdp_float8_all_gather", .flag, false, .neutral,
            matters: .with("fp8", "true"),
            "Whether processes exchange eight bits."),
        RunOption(
            "enable_torch_profiler", .flag, false, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "profiler_output_dir", .text, nil, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "profiler_wait_steps", .integer(), 1, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "profiler_warmup_steps", .integer(), 1, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "profiler_active_steps", .integer(), 1, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "profiler_repeat", .integer(), 1, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "profiler_record_shapes", .flag, true, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "profiler_profile_memory", .flag, true, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "profiler_with_stack", .flag, true, .neutral,
            "A matter of PyTorch."),
        RunOption(
            "profile_modules", .list, [], .neutral,
            "A matter of PyTorch."),
    ]
}
