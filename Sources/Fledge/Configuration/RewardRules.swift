internal import FledgeCore
internal import FledgeData
internal import FledgeTokenize
internal import FledgeTrain

/// What the keys of rewards demand, of runs whose answers are judged.
struct RewardRules {
    private let values: OptionValues
    private let method: any TrainingMethod

    init(_ values: OptionValues, _ method: any TrainingMethod) {
        (self.values, self.method) = (values, method)
    }

    private func require(
        _ condition: Bool, _ message: @autoclosure () -> String, _ keys: [String],
        advice: String = ""
    ) throws {
        try values.require(condition, message(), keys, advice: advice)
    }

    /// Throws for the first rule that is broken.
    func check() throws {
        try checkRules()
        guard method.reads.contains(.rewards) else { return }
        let bits = values.optionalInteger("reward_model_quantization_bit")
        try require(
            bits == nil || bits == 4 || bits == 8, "`reward_model_quantization_bit` is 4 or 8.",
            ["reward_model_quantization_bit"])
        guard let model = values.optionalText("reward_model") else { return }
        let type = values.text("reward_model_type")
        let isAddress = model.hasPrefix("http://") || model.hasPrefix("https://")
        switch type {
        case "api":
            try require(
                isAddress, "`reward_model` is \(model), expected an address that begins with http.",
                ["reward_model"],
                advice:
                    "Name the service, such as http://127.0.0.1:8000/v1/score/evaluation (fledge score-server), or another reward_model_type."
            )
        default:
            try require(
                !isAddress, "`reward_model` is an address, but reward_model_type is \(type).",
                ["reward_model_type", "reward_model"], advice: "Set reward_model_type: api.")
        }
        try require(
            type != "lora" || values.text("finetuning_type") == "lora",
            "`reward_model_type` cannot be lora for full or freeze training.",
            ["reward_model_type", "reward_model"],
            advice: "A model of its own is reward_model_type: full.")
        if let name = values.optionalText("reward_template"), name != TextSide.modelTemplate {
            do { _ = try TemplateCatalog.named(name) } catch var error as FledgeError {
                error.message = "reward_template: \(error.message)"
                error.location = values.locations["reward_template"]
                throw error
            }
        }
    }

    /// Rules are read in every run, so that a file is right before it is used.
    private func checkRules() throws {
        guard let json = values.mapping("reward_rules") else { return }
        let reward: RuleReward
        do { reward = try RuleReward(json: json) } catch var error as FledgeError {
            error.location = values.locations["reward_rules"]
            throw error
        }
        let columns = reward.columns.sorted()
        try require(
            columns.isEmpty || values.optionalText("tokenized_path") == nil
                || !method.reads.contains(.rewards),
            "`reward_rules` compares answers with columns (\(columns.listed)), which `tokenized_path` does not have.",
            ["reward_rules"], advice: "Leave tokenized_path out.")
    }
}
