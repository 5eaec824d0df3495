extension RunOption {
    private static let ofGroups = Condition.read(.groups)
    private static let limited = Condition.read(.leaveOneOut).or(
        Condition.read(.ratios).and(.without("loss_type", "cispo", "sapo", "vespo")))
    private static let corrected = ofGroups.and("vllm_importance_sampling_correction", "true")
    private static let gated = ofGroups.and("loss_type", "sapo")
    private static let weighted = ofGroups.and("loss_type", "vespo")

    /// The loss of answers that are compared with others, under TRL's keys.
    static let policyLosses: [RunOption] = [
        RunOption(
            "loss_type",
            .choice(["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo", "luspo", "vespo"]),
            "dapo", .effective, matters: ofGroups,
            "How tokens become a loss: dapo, bnpo, the mean over tokens; grpo, the mean over answers of their means; dr_grpo, sums divided by max_new_tokens; luspo, sums (with importance_sampling_level: sequence); cispo, limited weights of ln p; sapo, a soft gate for the limit; vespo, a weight of the whole answer."
        ),
        RunOption(
            "importance_sampling_level", .choice(["token", "sequence"]), "token", .effective,
            matters: ofGroups.and(.without("loss_type", "vespo")),
            "Whether a ratio is a token's or, as in GSPO, its whole answer's."),
        RunOption(
            "epsilon", .number(.above(0)), 0.2, .effective, matters: limited,
            "How far the ratio of new to old probability may fall below 1."),
        RunOption(
            "epsilon_high", .number(.above(0)), nil, .effective,
            matters: Condition.read(.leaveOneOut).or(
                Condition.read(.ratios).and(.without("loss_type", "sapo", "vespo"))),
            "How far that ratio may rise above 1; null: as far as it may fall. With loss_type cispo the most that it counts; null: 5."
        ),
        RunOption(
            "delta", .number(.above(1)), nil, .effective,
            matters: ofGroups.and(.without("loss_type", "cispo", "sapo", "vespo")),
            "The most that a ratio counts where the advantage is negative; null: no limit."),
        RunOption(
            "sapo_temperature_pos", .number(.above(0)), 1.0, .effective, matters: gated,
            "How steep the gate is where the advantage is positive."),
        RunOption(
            "sapo_temperature_neg", .number(.above(0)), 1.05, .effective, matters: gated,
            "How steep the gate is where the advantage is not."),
        RunOption(
            "vespo_k_pos", .number(.atLeast(0)), 2.0, .effective, matters: weighted,
            "The power of an answer's ratio where the advantage is not negative."),
        RunOption(
            "vespo_lambda_pos", .number(.atLeast(0.0001)), 3.0, .effective, matters: weighted,
            "How fast its weight falls with the ratio there."),
        RunOption(
            "vespo_k_neg", .number(.atLeast(0)), 3.0, .effective, matters: weighted,
            "The power of an answer's ratio where the advantage is negative."),
        RunOption(
            "vespo_lambda_neg", .number(.atLeast(0.0001)), 2.0, .effective, matters: weighted,
            "How fast its weight falls with the ratio there."),
        RunOption(
            "use_bias_correction_kl", .flag, true, .effective,
            matters: ofGroups.and("beta").and(.without("beta", "0")),
            "Multiplies the divergence in the loss by the ratio, since answers were drawn before."),
        RunOption(
            "top_entropy_quantile", .number(.between(0, 1)), 1.0, .effective, matters: ofGroups,
            "The part of a step's tokens that is learned: those at which the policy was least sure."
        ),
        RunOption(
            "off_policy_mask_threshold", .number(.above(0)), nil, .effective, matters: ofGroups,
            "Answers of negative advantage whose tokens have become less likely than this, in nats in the mean, do not count; null: all do."
        ),
        RunOption(
            "vllm_importance_sampling_correction", .flag, false, .effective, matters: ofGroups,
            "Weighs answers by how likely they are to the policy beside the distribution that they were drawn from, which is another one with top_p, top_k or repetition_penalty. TRL does so for vLLM."
        ),
        RunOption(
            "vllm_importance_sampling_mode",
            .choice(["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"]),
            "sequence_mask", .effective, matters: corrected,
            "Whether that weight is a token's or its answer's, and whether it is kept within limits or 0 beyond them."
        ),
        RunOption(
            "vllm_importance_sampling_clip_max", .number(.above(0)), 3.0, .effective,
            acceptsNull: true, matters: corrected, "The largest such weight; null: no limit."),
        RunOption(
            "vllm_importance_sampling_clip_min", .number(.atLeast(0)), nil, .effective,
            matters: corrected, "The least such weight; null: no limit."),
    ]

    /// Keys of TRL's configurations of policies that ask for what is not here.
    static let foreignPolicies: [RunOption] = [
        RunOption(
            "disable_dropout", .flag, false, .neutral, matters: .read(.rollouts),
            "Dropout is off in drawing and learning whatever is set."),
        RunOption(
            "generation_batch_size", .integer(atLeast: 1), nil, .refused,
            "Say steps_per_generation, which counts the same in batches."),
        RunOption(
            "min_p", .number(.between(0, 1)), nil, .refused,
            "Answers are drawn by temperature, top_p and top_k."),
        RunOption(
            "reward_weights", .numbers, nil, .refused,
            "Weights stand in reward_rules, one by each rule."),
        RunOption(
            "multi_objective_aggregation",
            .choice(["sum_then_normalize", "normalize_then_sum"]), "sum_then_normalize", .refused,
            "Rewards are added before they are compared (GDPO compares each by itself)."),
        RunOption(
            "sync_ref_model", .flag, false, .refused,
            "A reference does not move: without a second model it is the policy without its adapter."
        ),
        RunOption(
            "entropy_coef", .number(), 0.0, .refused,
            "No loss has a part of the entropy; init_kl_coef and beta hold a policy back, epsilon_high lets it explore."
        ),
        RunOption(
            "use_adaptive_entropy", .flag, false, .refused,
            "No loss has a part of the entropy, so that nothing steers it."),
        RunOption(
            "router_aux_loss_coef", .number(), nil, .refused,
            "Experts have no auxiliary loss here."),
        RunOption(
            "cast_lm_head_to_fp32", .flag, false, .refused,
            "The head multiplies in the precision of the run and adds in float32; a run without bf16 is float32 throughout."
        ),
        RunOption(
            "max_tool_calling_iterations", .integer(atLeast: 0), nil, .refused,
            "Answers end where the model ends them: no tools are called between."),
        RunOption(
            "use_vllm", .flag, false, .refusedByHardware, "Answers are drawn by the trainer."),
    ]
}
