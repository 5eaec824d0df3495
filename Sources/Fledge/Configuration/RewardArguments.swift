public import FledgeCore
public import FledgeTensor
public import FledgeTrain

/// What judges the answers of a policy.
public struct RewardArguments: Hashable, Sendable {
    /// What `reward_model` is.
    public enum Kind: String, Hashable, Sendable {
        /// A second adapter with a value head, on the policy's own weights.
        case lora
        /// A model of its own with a value head.
        case full
        /// A service that is asked by HTTP.
        case api
    }

    /// What `reward_model` is (`reward_model_type`).
    public var kind: Kind
    /// The reward model: a folder or a name in the local hub cache, or the address of a service
    /// (`reward_model`).
    public var model: String?
    /// Adapters that are merged into it (`reward_model_adapters`).
    public var adapters: [String]
    /// What its linear layers are quantised to (`reward_model_quantization_bit`); nil for nothing.
    public var quantization: QuantizedFormat?
    /// The template that answers are written in for it (`reward_template`); nil for the policy's, or for
    /// its own one where it has another tokenizer.
    public var template: String?
    /// Rules that judge answers, a list (`reward_rules`); nil for none.
    public var rules: JSONValue?
    /// Seconds that a service has for an answer (`reward_timeout`).
    public var timeout: Double
    /// How often a request is made again (`reward_retries`).
    public var retries: Int
    /// Most requests at a time (`reward_concurrency`).
    public var concurrency: Int
    /// What a service wants to know of whoever asks (`reward_model_token`); the environment's
    /// `FLEDGE_REWARD_TOKEN` stands in for it.
    public var token: String?

    init(_ values: OptionValues) {
        kind = values.word("reward_model_type")
        model = values.optionalText("reward_model")
        adapters = values.list("reward_model_adapters")
        quantization = ModelArguments.quantization("reward_model_quantization_bit", values)
        template = values.optionalText("reward_template")
        rules = values.mapping("reward_rules")
        timeout = values.number("reward_timeout")
        retries = values.integer("reward_retries")
        concurrency = values.integer("reward_concurrency")
        token = values.optionalText("reward_model_token")
    }

    /// The reward that the rules are; nil where there are none.
    ///
    /// - Throws: ``FledgeError`` that names the rule that is wrong.
    public func ruleReward() throws -> RuleReward? {
        try rules.map { try RuleReward(json: $0) }
    }

    /// The columns of rows that rules look at.
    var columns: Set<String> { (try? ruleReward())?.columns ?? [] }
}

extension RunConfiguration {
    /// Whether answers are judged by more of a row than its tokens, so that samples have to hold it.
    var judgesByRows: Bool {
        method.reads.contains(.rewards)
            && (!rewards.columns.isEmpty || (rewards.kind == .full && rewards.model != nil))
    }
}
