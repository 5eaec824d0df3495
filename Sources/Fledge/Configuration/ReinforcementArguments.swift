public import FledgeTensor
public import FledgeTrain

/// How a policy learns from its own answers.
public struct ReinforcementArguments: Hashable, Sendable {
    /// Answers that each question gets (`num_generations`); nil for what the stage has.
    public var answersPerQuestion: Int?
    /// Answers that each held-out question gets (`num_generations_eval`).
    public var evaluatedAnswersPerQuestion: Int
    /// How often the answers of a step are gone through by ppo (`ppo_epochs`).
    public var epochs: Int
    /// Batches of answers that are drawn before the first update of a step (`ppo_buffer_size`).
    public var bufferSize: Int
    /// Whether scores are brought to mean 0 and deviation 1 (`ppo_score_norm`).
    public var normalizesScores: Bool
    /// Whether rewards are divided by their deviation (`ppo_whiten_rewards`).
    public var whitensRewards: Bool
    /// The divergence that is aimed at (`ppo_target`).
    public var targetDivergence: Double
    /// What straying costs in the reward of ppo at the start (`init_kl_coef`).
    public var initialCost: Double
    /// Whether that cost follows the divergence (`adap_kl_ctrl`).
    public var adaptsCost: Bool
    /// γ (`gamma`).
    public var discount: Double
    /// λ (`lam`).
    public var smoothing: Double
    /// How far ratios may move (`cliprange`).
    public var clipRange: Double
    /// How far values may move (`cliprange_value`).
    public var valueClipRange: Double
    /// How much the loss of values counts (`vf_coef`).
    public var valueWeight: Double
    /// How often the answers of a step are gone through by grpo and rloo (`num_iterations`).
    public var iterations: Int
    /// Batches of questions that are answered before the first update of a step by grpo and rloo
    /// (`steps_per_generation`); nil for those of one update.
    public var batchesPerGeneration: Int?
    /// What straying costs in grpo and rloo (`beta`); nil for what the stage has.
    public var divergenceWeight: Double?
    /// What distances from a group's mean are divided by (`scale_rewards`).
    public var scale: GroupAdvantages.Scale
    /// Whether the advantages of a step are brought to mean 0 and deviation 1 by rloo
    /// (`normalize_advantages`).
    public var normalizesAdvantages: Bool
    /// The least and the largest score that rloo learns by (`reward_clip_range`); nil for no limits.
    public var scoreRange: ClosedRange<Double>?
    /// Whether answers that were cut off are not learned from (`mask_truncated_completions`).
    public var masksTruncated: Bool
    /// Whether groups with equal scores are left out of the loss (`drop_dead_groups`).
    public var dropsDeadGroups: Bool
    /// The model that is imitated (`teacher_model`).
    public var teacher: String?
    /// Adapters that are merged into it (`teacher_model_adapters`).
    public var teacherAdapters: [String]
    /// What its linear layers are quantised to (`teacher_model_quantization_bit`); nil for nothing.
    public var teacherQuantization: QuantizedFormat?

    init(_ values: OptionValues) {
        answersPerQuestion = values.optionalInteger("num_generations")
        evaluatedAnswersPerQuestion = values.integer("num_generations_eval")
        epochs = values.integer("ppo_epochs")
        bufferSize = values.integer("ppo_buffer_size")
        normalizesScores = values.flag("ppo_score_norm")
        whitensRewards = values.flag("ppo_whiten_rewards")
        targetDivergence = values.number("ppo_target")
        initialCost = values.number("init_kl_coef")
        adaptsCost = values.flag("adap_kl_ctrl")
        discount = values.number("gamma")
        smoothing = values.number("lam")
        clipRange = values.number("cliprange")
        valueClipRange = values.number("cliprange_value")
        valueWeight = values.number("vf_coef")
        iterations = values.integer("num_iterations")
        batchesPerGeneration = values.optionalInteger("steps_per_generation")
        divergenceWeight = values.optionalNumber("beta")
        scale = values.word("scale_rewards")
        normalizesAdvantages = values.flag("normalize_advantages")
        scoreRange = values.optionalNumbers("reward_clip_range").flatMap {
            $0.count == 2 && $0[0] <= $0[1] ? $0[0]...$0[1] : nil
        }
        masksTruncated = values.flag("mask_truncated_completions")
        dropsDeadGroups = values.flag("drop_dead_groups")
        teacher = values.optionalText("teacher_model")
        teacherAdapters = values.list("teacher_model_adapters")
        teacherQuantization = ModelArguments.quantization("teacher_model_quantization_bit", values)
    }
}

extension RunOption {
    private static let ofRollouts = Condition.read(.rollouts)
    private static let ofValues = Condition.read(.proximal)
    private static let ofRatios = Condition.read(.ratios)
    private static let ofGroups = Condition.read(.groups)
    private static let ofLeaveOneOut = Condition.read(.leaveOneOut)
    private static let ofTeachers = Condition.read(.teacher)

    /// The keys of learning from own answers.
    static let reinforcement: [RunOption] = [
        RunOption(
            "num_generations", .integer(atLeast: 1), nil, .effective, matters: ofRollouts,
            "Answers that each question gets; null: 8 for grpo, 2 for rloo, 1 for ppo."),
        RunOption(
            "num_generations_eval", .integer(atLeast: 1), 1, .effective, matters: ofRollouts,
            "Answers that each held-out question gets; what they earn is their mean."),
        RunOption(
            "ppo_buffer_size", .integer(atLeast: 1), 1, .effective, matters: ofValues,
            "Batches of answers that are drawn before the updates of a step begin."),
        RunOption(
            "ppo_epochs", .integer(atLeast: 1), 4, .effective, matters: ofValues,
            "How often the answers of a step are gone through."),
        RunOption(
            "ppo_score_norm", .flag, false, .effective, matters: ofValues,
            "Brings scores to mean 0 and deviation 1 by all that were given so far."),
        RunOption(
            "ppo_whiten_rewards", .flag, false, .effective, matters: ofValues,
            "Divides the rewards of a step's tokens by their deviation."),
        RunOption(
            "ppo_target", .number(.above(0)), 6.0, .effective,
            matters: ofValues.and("adap_kl_ctrl", "true"),
            "The divergence an answer that the adaptive cost of straying aims at."),
        RunOption(
            "init_kl_coef", .number(.atLeast(0)), 0.2, .effective, matters: ofValues,
            "What each nat of divergence from the reference costs at the start."),
        RunOption(
            "adap_kl_ctrl", .flag, true, .effective, matters: ofValues,
            "Whether that cost rises and falls with the divergence; false keeps it."),
        RunOption(
            "gamma", .number(.between(0, 1)), 1.0, .effective, matters: ofValues,
            "What a reward is worth one token earlier."),
        RunOption(
            "lam", .number(.between(0, 1)), 0.95, .effective, matters: ofValues,
            "How far later tokens count in an advantage."),
        RunOption(
            "cliprange", .number(.above(0)), 0.2, .effective, matters: ofValues,
            "How far the ratio of new to old probability may move from 1."),
        RunOption(
            "cliprange_value", .number(.above(0)), 0.2, .effective, matters: ofValues,
            "How far a value may move from what it was when the answer was given."),
        RunOption(
            "vf_coef", .number(.atLeast(0)), 0.1, .effective, matters: ofValues,
            "How much the loss of values counts beside the policy's."),
        RunOption(
            "num_iterations", .integer(atLeast: 1), 1, .effective, matters: ofRatios,
            "How often the answers of a step are gone through."),
        RunOption(
            "steps_per_generation", .integer(atLeast: 1), nil, .effective, matters: ofRatios,
            "Batches of questions that are answered before the updates of a step begin, each of which takes gradient_accumulation_steps of them; a multiple of that. null: as many, so that a step has one update."
        ),
        RunOption(
            "beta", .number(.atLeast(0)), nil, .effective, matters: ofRatios,
            "What straying from the reference costs: in the loss of grpo (null: 0), in the reward of rloo (null: 0.05)."
        ),
        RunOption(
            "scale_rewards", .choice(["group", "batch", "none"]), "group", .effective,
            matters: ofGroups,
            "Whose deviation the distances from a group's mean are divided by."),
        RunOption(
            "normalize_advantages", .flag, false, .effective, matters: ofLeaveOneOut,
            "Brings the advantages of a step to mean 0 and deviation 1."),
        RunOption(
            "reward_clip_range", .numbers, nil, .effective, matters: ofLeaveOneOut,
            "The least and the largest score that is learned by: what is beyond counts as they do."),
        RunOption(
            "mask_truncated_completions", .flag, false, .effective, matters: ofRollouts,
            "Does not learn from answers that were cut off."),
        RunOption(
            "drop_dead_groups", .flag, false, .effective, matters: ofGroups,
            "Leaves groups out of the loss whose answers were all given the same score."),
        RunOption(
            "teacher_model", .text, nil, .effective, matters: ofTeachers,
            "The model that is imitated; it has the policy's tokenizer."),
        RunOption(
            "teacher_model_adapters", .list, [], .effective, matters: ofTeachers,
            "Adapters that are merged into teacher_model."),
        RunOption(
            "teacher_model_quantization_bit", .integer(), nil, .effective, matters: ofTeachers,
            "Quantises teacher_model: 4 or 8."),
    ]
}
