extension RunOption {
    /// What is loaded, and in which form.
    static let model: [RunOption] = [
        RunOption(
            "model_name_or_path", .text, nil, .effective,
            "The model: a Hugging Face folder, a name in the local hub cache, or a .gguf file."),
        RunOption(
            "adapter_name_or_path", .list, [], .effective,
            "Adapter folders, or names in the local hub cache, to load, merged in order; the last one is trained on."
        ),
        RunOption(
            "adapter_folder", .text, nil, .effective,
            "Folder inside each adapter path that holds the adapter."),
        RunOption(
            "cache_dir", .text, nil, .effective,
            "The local hub cache that model names are looked up in."),
        RunOption(
            "model_revision", .text, "main", .effective,
            "The revision of a model in the local hub cache."),
        RunOption(
            "use_fast_tokenizer", .flag, true, .neutral,
            "There is one tokenizer implementation."),
        RunOption(
            "resize_vocab", .flag, false, .refused,
            "Grows the embedding to the tokenizer's size."),
        RunOption(
            "split_special_tokens", .flag, nil, .effective,
            "Whether control strings in text stay text; null leaves only the templates' own control tokens."
        ),
        RunOption(
            "add_tokens", .list, [], .refused,
            "Ordinary tokens to add to the tokenizer."),
        RunOption(
            "add_special_tokens", .list, [], .refused,
            "Control tokens to add to the tokenizer."),
        RunOption(
            "new_special_tokens_config", .text, nil, .refused,
            "File of new control tokens with descriptions."),
        RunOption(
            "init_special_tokens", .choice(["noise_init", "desc_init", "desc_init_w_noise"]),
            "noise_init", .neutral, matters: .with("resize_vocab", "true"),
            "How rows of new tokens begin."),
        RunOption(
            "low_cpu_mem_usage", .flag, true, .neutral,
            "Weights are always mapped from the file."),
        RunOption(
            "rope_scaling", .choice(["linear", "dynamic", "yarn", "llama3"]), nil, .effective,
            "Stretches rotary positions to cutoff_len, by a whole factor; by 2 for chat and export where cutoff_len is left out."
        ),
        RunOption(
            "flash_attn", .choice(["auto", "disabled", "sdpa", "fa2", "fa3"]), "auto", .neutral,
            "There is one attention kernel, exact and of linear memory."),
        RunOption(
            "shift_attn", .flag, false, .effective, matters: .read(.crossEntropy),
            "Training sees quarters of a sample alone, which lie half a quarter further on for half of the heads (LongLoRA)."
        ),
        RunOption(
            "mixture_of_depths", .choice(["convert", "load"]), nil, .refused,
            "Mixture-of-depths models."),
        RunOption(
            "use_unsloth", .flag, false, .neutral,
            "Kernels of another library, equal in effect."),
        RunOption(
            "use_unsloth_gc", .flag, false, .neutral,
            "Activation checkpointing of another library, equal in effect."),
        RunOption(
            "enable_liger_kernel", .flag, false, .neutral,
            "Kernels of another library, equal in effect."),
        RunOption(
            "moe_aux_loss_coef", .number(.atLeast(0)), nil, .effective,
            "Weight of the loss that keeps the routers of experts balanced; null leaves it to config.json."
        ),
        RunOption(
            "disable_gradient_checkpointing", .flag, false, .effective,
            "The reference's way to say recompute: never."),
        RunOption(
            "use_reentrant_gc", .flag, true, .neutral,
            "Activation checkpointing changes no numbers."),
        RunOption(
            "upcast_layernorm", .flag, false, .neutral,
            "Norms are always computed in float32."),
        RunOption(
            "upcast_lmhead_output", .flag, false, .neutral,
            "Logits are always float32."),
        RunOption(
            "train_from_scratch", .flag, false, .refused,
            "Starts from random weights."),
        RunOption(
            "infer_backend", .choice(["huggingface", "vllm", "sglang", "ktransformers"]),
            "huggingface", .effectiveFor(["huggingface"]),
            "Engine that generates text; only the built-in one exists."),
        RunOption(
            "offload_folder", .text, "offload", .neutral,
            "Weights are mapped, nothing is offloaded."),
        RunOption(
            "use_kv_cache", .flag, true, .neutral,
            "Generation always keeps keys and values; answers are the same without."),
        RunOption(
            "use_v1_kernels", .flag, false, .neutral, acceptsNull: true,
            "Kernels of another code path, equal in effect."),
        RunOption(
            "infer_dtype", .choice(["auto", "float16", "bfloat16", "float32"]), "auto", .effective,
            "Element type of inference and of exported weights."),
        RunOption(
            "hf_hub_token", .text, nil, .neutral,
            "Nothing is downloaded."),
        RunOption(
            "ms_hub_token", .text, nil, .neutral,
            "Nothing is downloaded."),
        RunOption(
            "om_hub_token", .text, nil, .neutral,
            "Nothing is downloaded."),
        RunOption(
            "print_param_status", .flag, false, .effective,
            "Prints each parameter with its type and whether it is trained."),
        RunOption(
            "trust_remote_code", .flag, false, .neutral,
            "No code of a model folder is ever run."),
        RunOption(
            "quantization_method",
            .choice(["bnb", "hqq", "eetq", "gptq", "awq", "aqlm", "quanto", "mxfp4", "fp8"]), "bnb",
            .effectiveFor(["bnb"]),
            "How the base model is quantised on loading."),
        RunOption(
            "quantization_bit", .integer(), nil, .effective,
            "Quantises the linear layers of the base model on loading: 4 or 8 bits."),
        RunOption(
            "quantization_type", .choice(["fp4", "nf4"]), "nf4", .effective,
            matters: ofFourBits,
            "The values that four bits stand for."),
        RunOption(
            "double_quantization", .flag, true, .effective,
            matters: ofFourBits,
            "Quantises the scales of four-bit blocks in turn."),
        RunOption(
            "quantization_device_map", .choice(["auto"]), nil, .neutral,
            "There are no devices to map to."),
        RunOption(
            "gguf_keep_quantized", .flag, false, .effective,
            "Keeps the matrices of a GGUF base in its blocks instead of expanding them."),
        RunOption(
            "image_max_pixels", .integer(), 589824, .neutral,
            "Images are not supported."),
        RunOption(
            "image_min_pixels", .integer(), 1024, .neutral,
            "Images are not supported."),
        RunOption(
            "image_do_pan_and_scan", .flag, false, .neutral,
            "Images are not supported."),
        RunOption(
            "crop_to_patches", .flag, false, .neutral,
            "Images are not supported."),
        RunOption(
            "video_max_pixels", .integer(), 65536, .neutral,
            "Video is not supported."),
        RunOption(
            "video_min_pixels", .integer(), 256, .neutral,
            "Video is not supported."),
        RunOption(
            "video_fps", .number(), 2.0, .neutral,
            "Video is not supported."),
        RunOption(
            "video_maxlen", .integer(), 128, .neutral,
            "Video is not supported."),
        RunOption(
            "use_audio_in_video", .flag, false, .neutral,
            "Video is not supported."),
        RunOption(
            "audio_sampling_rate", .integer(), 16000, .neutral,
            "Sound is not supported."),
        RunOption(
            "export_dir", .text, nil, .effective,
            "Folder that export writes the merged model to."),
        RunOption(
            "export_size", .integer(atLeast: 1), 5, .effective,
            "Largest size of one exported weight file in GB."),
        RunOption(
            "export_device", .choice(["cpu", "auto"]), "cpu", .neutral,
            "Export runs on the CPU."),
        RunOption(
            "export_quantization_bit", .integer(), nil, .refused,
            "Quantises the exported model."),
        RunOption(
            "export_quantization_dataset", .text, nil, .neutral,
            matters: .with("export_quantization_bit"),
            "Texts that the quantisation is calibrated with."),
        RunOption(
            "export_quantization_nsamples", .integer(), 128, .neutral,
            matters: .with("export_quantization_bit"),
            "Number of those texts."),
        RunOption(
            "export_quantization_maxlen", .integer(), 1024, .neutral,
            matters: .with("export_quantization_bit"),
            "Most tokens of such a text."),
        RunOption(
            "export_legacy_format", .flag, false, .neutral,
            "Weights are always written as safetensors."),
        RunOption(
            "export_hub_model_id", .text, nil, .refused,
            "Uploads the exported model."),
        RunOption(
            "export_dequantize", .flag, false, .effective,
            "Exports a quantised base by expanding it, with the adapter merged into it."),
        RunOption(
            "use_kt", .flag, false, .refused,
            "KTransformers back end."),
        RunOption(
            "kt_weight_path", .text, nil, .neutral, matters: .with("use_kt", "true"),
            "Folder of the weights of KTransformers."),
        RunOption(
            "kt_expert_checkpoint_path", .text, nil, .neutral, matters: .with("use_kt", "true"),
            "Folder of its experts."),
        RunOption(
            "kt_use_lora_experts", .flag, nil, .neutral, matters: .with("use_kt", "true"),
            "Whether experts get adapters there."),
        RunOption(
            "kt_lora_expert_num", .integer(), nil, .neutral, matters: .with("use_kt", "true"),
            "Number of those experts."),
        RunOption(
            "kt_lora_expert_intermediate_size", .integer(), nil, .neutral,
            matters: .with("use_kt", "true"),
            "Width of those experts."),
        RunOption(
            "vllm_maxlen", .integer(), 4096, .neutral, matters: .with("infer_backend", "vllm"),
            "Most tokens of question and answer in vLLM."),
        RunOption(
            "vllm_gpu_util", .number(), 0.7, .neutral, matters: .with("infer_backend", "vllm"),
            "Part of a graphics card that vLLM takes."),
        RunOption(
            "vllm_enforce_eager", .flag, false, .neutral, matters: .with("infer_backend", "vllm"),
            "Whether vLLM leaves graphs out."),
        RunOption(
            "vllm_max_lora_rank", .integer(), 32, .neutral, matters: .with("infer_backend", "vllm"),
            "Highest rank of an adapter in vLLM."),
        RunOption(
            "vllm_config", .anything, nil, .neutral, matters: .with("infer_backend", "vllm"),
            "More options of vLLM."),
        RunOption(
            "sglang_maxlen", .integer(), 4096, .neutral, matters: .with("infer_backend", "sglang"),
            "Most tokens of question and answer in SGLang."),
        RunOption(
            "sglang_mem_fraction", .number(), 0.7, .neutral,
            matters: .with("infer_backend", "sglang"),
            "Part of the memory that SGLang takes."),
        RunOption(
            "sglang_tp_size", .integer(), -1, .neutral, matters: .with("infer_backend", "sglang"),
            "Number of devices that SGLang divides a layer over."),
        RunOption(
            "sglang_config", .anything, nil, .neutral, matters: .with("infer_backend", "sglang"),
            "More options of SGLang."),
        RunOption(
            "sglang_lora_backend", .choice(["triton", "flashinfer"]), "triton", .neutral,
            matters: .with("infer_backend", "sglang"),
            "SGLang's kernels of adapters."),
    ]
}
