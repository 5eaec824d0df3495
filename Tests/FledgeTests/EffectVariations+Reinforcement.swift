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

    private static let imitating = [
        "stage=distill", "teacher_model=@model", "max_new_tokens=4", "do_sample=true",
    ]

    /// Keys of learning from own answers.
    static let reinforcement: [String: Variation] = [
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
        "mask_truncated_completions": grpo("true"),
        "drop_dead_groups": grpo("true", "num_generations=2"),
        "teacher_model": .init(watched: .run, value: "@reward/other", beside: imitating),
        "teacher_model_adapters": .init(
            watched: .run, value: "@adapters/first", beside: imitating),
        "teacher_model_quantization_bit": .init(watched: .run, value: "4", beside: imitating),
    ]
}
