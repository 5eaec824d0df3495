extension RunOption {
    private static let judged = Condition.read(.rewards)
    private static let ofModel = judged.and("reward_model")
    private static let ofOwnModel = ofModel.and("reward_model_type", "full")
    private static let ofService = ofModel.and("reward_model_type", "api")

    /// What judges answers.
    static let rewards: [RunOption] = [
        RunOption(
            "reward_model", .text, nil, .effective, matters: judged,
            "What scores answers: with reward_model_type lora an adapter's folder, with full a model's, both with a value head; with api the address of a service."
        ),
        RunOption(
            "reward_model_type", .choice(["lora", "full", "api"]), "lora", .effective,
            matters: ofModel,
            "What reward_model is: lora, a second adapter on the policy's own weights; full, a model of its own; api, a service that is asked by HTTP."
        ),
        RunOption(
            "reward_model_adapters", .list, [], .effective, matters: ofOwnModel,
            "Adapters that are merged into reward_model; the value head is that of the last one."),
        RunOption(
            "reward_model_quantization_bit", .integer(), nil, .effective, matters: ofOwnModel,
            "Quantises reward_model: 4 or 8."),
        RunOption(
            "reward_template", .text, nil, .effective, matters: ofOwnModel,
            "The template that questions and answers are written in for reward_model. Unset: it sees the policy's tokens, or, where it has another tokenizer, what its own template writes."
        ),
        RunOption(
            "reward_rules", .anything, nil, .effective, matters: judged,
            "Rules that judge answers, a list: {type: regex|equals|length|json_schema, weight: 1, …}; see Docs/Rewards.md. Beside a reward_model both scores are added."
        ),
        RunOption(
            "reward_timeout", .number(.above(0)), 60.0, .effective, matters: ofService,
            "Seconds that the service has for an answer to one request."),
        RunOption(
            "reward_retries", .integer(atLeast: 0), 5, .effective, matters: ofService,
            "How often a request is made again when the service cannot be reached, does not answer in time, or says that it cannot answer now (429, 5xx); the waits double from half a second on."
        ),
        RunOption(
            "reward_concurrency", .integer(atLeast: 1), 4, .effective, matters: ofService,
            "Most requests that are under way at a time; each has per_device_train_batch_size answers."
        ),
        RunOption(
            "reward_model_token", .text, nil, .effective, matters: ofService,
            "Sent to the service as Authorization: Bearer; better kept in the environment, as FLEDGE_REWARD_TOKEN. Never printed or saved."
        ),
    ]
}
