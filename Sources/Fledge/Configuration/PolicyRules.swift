internal import FledgeCore

/// What the keys of policies that learn from their own answers demand of each other.
struct PolicyRules {
    private let values: OptionValues
    private let method: any TrainingMethod

    init(_ values: OptionValues, _ method: any TrainingMethod) {
        (self.values, self.method) = (values, method)
    }

    /// Throws for the first rule that is broken.
    func check() throws {
        if method.reads.contains(.rollouts) { try checkSize() }
        if method.reads.contains(.ratios) { try checkGenerations() }
        if method.reads.contains(.groups) { try checkLoss() }
        if method.reads.contains(.leaveOneOut),
            let range = values.optionalNumbers("reward_clip_range")
        {
            try values.require(
                range.count == 2 && range[0] <= range[1],
                "`reward_clip_range` is \(values["reward_clip_range"]), expected two numbers, the least and the largest.",
                ["reward_clip_range"])
        }
    }

    /// Answers of a step are all there at once.
    private func checkSize() throws {
        let keys = [
            "num_generations", "num_generations_eval", "per_device_train_batch_size",
            "gradient_accumulation_steps", "steps_per_generation", "ppo_buffer_size",
        ]
        let most = 1 << 20
        let answers = keys.reduce(1.0) { $0 * Double(max(1, values.optionalInteger($1) ?? 1)) }
        try values.require(
            answers <= Double(most),
            "A step would have up to \(answers) answers; at most \(most) are known.", keys,
            advice: "Make per_device_train_batch_size or gradient_accumulation_steps smaller.")
    }

    private func checkGenerations() throws {
        guard let batches = values.optionalInteger("steps_per_generation") else { return }
        let each = values.integer("gradient_accumulation_steps")
        try values.require(
            batches.isMultiple(of: each),
            "`steps_per_generation` is \(batches), which is no multiple of gradient_accumulation_steps, \(each).",
            ["steps_per_generation", "gradient_accumulation_steps"],
            advice: "Each update takes gradient_accumulation_steps of these batches.")
    }

    private func checkLoss() throws {
        let isSequence = values.text("importance_sampling_level") == "sequence"
        let type = values.text("loss_type")
        try values.require(
            type != "luspo" || isSequence,
            "`loss_type: luspo` is the loss of whole answers, and importance_sampling_level is token.",
            ["loss_type", "importance_sampling_level"],
            advice: "Set importance_sampling_level: sequence.")
        guard values.flag("vllm_importance_sampling_correction") else { return }
        try values.require(
            type != "vespo",
            "`loss_type: vespo` weighs answers by a ratio of its own; another weight beside it is not supported.",
            ["vllm_importance_sampling_correction", "loss_type"],
            advice: "Leave vllm_importance_sampling_correction out, or take another loss_type.")
        let least = values.optionalNumber("vllm_importance_sampling_clip_min") ?? -.infinity
        let most = values.optionalNumber("vllm_importance_sampling_clip_max") ?? .infinity
        try values.require(
            least <= most,
            "`vllm_importance_sampling_clip_min` is \(least), above vllm_importance_sampling_clip_max, \(most).",
            ["vllm_importance_sampling_clip_min", "vllm_importance_sampling_clip_max"])
    }
}
