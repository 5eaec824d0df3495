import Fledge
import FledgeTesting

extension Variation {
    /// Short runs whose answers are judged by their length.
    private static func judged(_ stage: String, _ more: String...) -> [String] {
        [
            "stage=\(stage)",
            "reward_rules=[{type: length, unit: tokens, target: 3}, {type: regex, pattern: '[a-m]'}]",
            "max_new_tokens=4", "do_sample=true", "temperature=1", "top_p=1", "top_k=0",
        ] + more
    }

    private static func ppo(_ value: String, _ more: String...) -> Variation {
        .init(watched: .run, value: value, beside: judged("ppo") + more)
    }

    private static func grpo(_ value: String, _ more: String...) -> Variation {
        .init(watched: .run, value: value, beside: judged("grpo", "num_generations=4") + more)
    }

    /// Answers of which some are drawn from a part of the distribution.
    private static func corrected(_ value: String, _ more: String...) -> Variation {
        .init(
            watched: .run, value: value,
            beside: judged("grpo", "num_generations=4")
                + ["vllm_importance_sampling_correction=true", "top_k=200"] + more)
    }

    private static func rloo(_ value: String) -> Variation {
        .init(watched: .run, value: value, beside: judged("rloo", "num_generations=4"))
    }

    private static let imitating = [
        "stage=distill", "teacher_model=@model", "max_new_tokens=4", "do_sample=true",
    ]

    /// Keys of learning from own answers.
    static let reinforcement: [String: Variation] = [
        "num_generations_eval": ppo("3", "val_size=3", "eval_strategy=epoch"),
        "steps_per_generation": grpo("2"), "normalize_advantages": rloo("true"),
        "reward_clip_range": rloo("0,0.5"),
        "num_generations": ppo("2"), "ppo_buffer_size": ppo("2"), "ppo_epochs": ppo("2"),
        "ppo_score_norm": ppo("true"), "ppo_whiten_rewards": ppo("true"),
        "ppo_target": ppo("0.000001"), "init_kl_coef": ppo("2"), "adap_kl_ctrl": ppo("false"),
        "gamma": ppo("0.5"), "lam": ppo("0.5"), "cliprange": ppo("0.0001"),
        "cliprange_value": ppo("0.00001"), "vf_coef": ppo("2"), "num_iterations": grpo("2"),
        "epsilon": grpo("0.00001", "num_iterations=2"),
        "epsilon_high": grpo("0.00001", "num_iterations=2"),
        "delta": grpo("1.000001", "num_iterations=3", "epsilon=0.9"), "beta": grpo("0.5"),
        "loss_type": grpo("grpo"), "scale_rewards": grpo("none"),
        "importance_sampling_level": grpo("sequence", "num_iterations=2"),
        "sapo_temperature_pos": grpo("3", "num_iterations=2", "loss_type=sapo"),
        "sapo_temperature_neg": grpo("3", "num_iterations=2", "loss_type=sapo"),
        "vespo_k_pos": grpo("1", "num_iterations=2", "loss_type=vespo"),
        "vespo_k_neg": grpo("1", "num_iterations=2", "loss_type=vespo"),
        "vespo_lambda_pos": grpo("1", "num_iterations=2", "loss_type=vespo"),
        "vespo_lambda_neg": grpo("1", "num_iterations=2", "loss_type=vespo"),
        "use_bias_correction_kl": grpo("false", "num_iterations=2", "beta=0.5"),
        "top_entropy_quantile": grpo("0.5"),
        "off_policy_mask_threshold": grpo("0.000001", "num_iterations=2"),
        "vllm_importance_sampling_correction": grpo("true", "top_k=200"),
        "vllm_importance_sampling_mode": corrected("token_truncate"),
        "vllm_importance_sampling_clip_max": corrected("0.01"),
        "vllm_importance_sampling_clip_min": corrected("0.9"),
        "mask_truncated_completions": grpo("true"),
        "drop_dead_groups": grpo("true", "num_generations=2"),
        "teacher_model": .init(watched: .run, value: "@reward/other", beside: imitating),
        "teacher_model_adapters": .init(
            watched: .run, value: "@adapters/first", beside: imitating),
        "teacher_model_quantization_bit": .init(watched: .run, value: "4", beside: imitating),
    ]
}
