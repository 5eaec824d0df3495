internal import FledgeCore

/// Settings of a config.json that nothing asks for: each either means nothing to the numbers, for a reason
/// that stands here, or is named in a note.
enum UnreadSettings {
    /// Why a setting may be passed over, with those that it holds for.
    private static let harmless: [(reason: String, keys: [String])] = [
        (
            "It names the model, its classes or the program that wrote it.",
            [
                "model_type", "architectures", "auto_map", "transformers_version", "_name_or_path",
                "tokenizer_class", "custom_pipelines", "torch_dtype", "dtype", "name_or_path",
                "_commit_hash", "unsloth_version", "unsloth_fixed", "model_name",
                "fledge_score_bias",
            ]
        ),
        (
            "It chooses among implementations of the same numbers.",
            [
                "_attn_implementation", "_attn_implementation_autoset", "attn_implementation",
                "_experts_implementation", "use_cache", "cache_implementation", "pretraining_tp",
                "torchscript", "use_bfloat16", "tf_legacy_loss", "chunk_size_feed_forward",
                "_flash_attn_2_enabled", "gradient_checkpointing", "base_model_tp_plan",
                "base_model_pp_plan",
            ]
        ),
        (
            "It says what else calls return.",
            [
                "output_attentions", "output_hidden_states", "return_dict", "use_return_dict",
                "return_dict_in_generate", "output_scores", "keys_to_ignore_at_inference",
            ]
        ),
        ("Weights are not drawn.", ["initializer_range", "initializer_factor"]),
        (
            "It is of classifiers.",
            [
                "id2label", "label2id", "num_labels", "problem_type", "finetuning_task",
                "task_specific_params", "classifier_dropout",
            ]
        ),
        (
            "It is of answers, and generation_config.json counts.",
            [
                "max_length", "min_length", "do_sample", "early_stopping", "num_beams",
                "num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p",
                "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
                "encoder_no_repeat_ngram_size", "num_return_sequences", "forced_bos_token_id",
                "forced_eos_token_id", "remove_invalid_values", "suppress_tokens",
                "begin_suppress_tokens", "exponential_decay_length_penalty", "bad_words_ids",
                "prefix",
            ]
        ),
        (
            "The tokenizer's files count.",
            ["sep_token_id", "eod_token_id", "unk_token_id", "decoder_start_token_id"]
        ),
        (
            "It is asked for where a run begins.",
            ["output_router_logits", "router_aux_loss_coef"]
        ),
        ("A copy of num_experts_per_tok.", ["experts_per_token"]),
        ("A copy of rope_scaling's original length.", ["initial_context_length"]),
        (
            "It says how the list of layers came about.",
            ["no_rope_layer_interval", "_sliding_window_pattern"]
        ),
        (
            "It is of layers that the model has none of.",
            [
                "mamba_n_heads", "mamba_n_groups", "mamba_d_state", "mamba_d_head",
                "mamba_d_conv", "mamba_expand", "mamba_chunk_size", "mamba_conv_bias",
                "mamba_proj_bias", "time_step_min", "time_step_max", "time_step_limit",
                "normalization_function", "init_method",
            ]
        ),
    ]

    /// Settings that change nothing as long as they have this value.
    private static let idle: [String: JSONValue] = [
        "is_encoder_decoder": false, "is_decoder": false, "add_cross_attention": false,
        "tie_encoder_decoder": false, "pruned_heads": [:], "attention_bias": false,
        "mlp_bias": false, "qkv_bias": false, "use_sliding_window": false, "resid_pdrop": 0,
        "embd_pdrop": 0, "hidden_dropout": 0, "residual_dropout": 0, "use_mrope": false,
        "rope_interleaved": false, "router_jitter_noise": 0, "num_nextn_predict_layers": 0,
        "use_bidirectional_attention": false, "use_cla": false, "use_parallel_residual": false,
    ]

    private static let harmlessKeys = Set(harmless.flatMap(\.keys))

    /// What is understood inside of rotary parameters.
    private static let rotary: Set = [
        "rope_type", "type", "rope_theta", "factor", "original_max_position_embeddings",
        "attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate",
        "low_freq_factor", "high_freq_factor", "short_factor", "long_factor",
        "partial_rotary_factor", "llama_4_scaling_beta", "max_position_embeddings", "alpha",
        "full_attention", "sliding_attention",
        // Texts have the same position in all sections.
        "mrope_section", "mrope_interleaved",
    ]

    /// The keys of a configuration that mean something.
    static func keys(of json: JSONValue) -> [String] {
        let own = (json.members ?? []).filter { isMeant($0.key, $0.value) }.map(\.key)
        let inner = ["rope_scaling", "rope_parameters"].flatMap { outer in
            [json[outer], json[outer]?["full_attention"], json[outer]?["sliding_attention"]]
                .flatMap { $0?.members ?? [] }
                .filter { !$0.value.isNull && !rotary.contains($0.key) }
                .map { "\(outer).\($0.key)" }
        }
        return own + inner
    }

    private static func isMeant(_ key: String, _ value: JSONValue) -> Bool {
        guard !value.isNull, !harmlessKeys.contains(key) else { return false }
        guard let idle = idle[key] else { return true }
        return idle != value && (idle.doubleValue == nil || idle.doubleValue != value.doubleValue)
    }

    /// A sentence for them.
    static func notes(_ keys: [String], path: String) -> [String] {
        guard !keys.isEmpty else { return [] }
        let subject = keys.count == 1 ? "the key \(keys[0]) is" : "the keys \(keys.listed) are"
        return [
            "\(path)/config.json: \(subject) not known here, and nothing is computed differently by \(keys.count == 1 ? "it" : "them")."
        ]
    }
}
