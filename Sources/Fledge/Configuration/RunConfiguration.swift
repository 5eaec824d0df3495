public import FledgeCore
public import FledgeModel
public import Foundation
internal import Logging

/// Everything that a run is told: a file of LLaMA-Factory's keys, with overrides over it.
public struct RunConfiguration: Sendable {
    /// What a configuration is read for; decides what has to be there.
    public enum Purpose: Hashable, Sendable {
        /// Training, and what belongs to it: preprocessing and planning.
        case training
        /// Chat and export.
        case inference
    }

    /// What is loaded, and in which form.
    public var model: ModelArguments
    /// What is trained on.
    public var data: DataArguments
    /// The method of fine-tuning.
    public var finetuning: FinetuningArguments
    /// The course of training and its outputs.
    public var training: TrainingArguments
    /// How text is generated.
    public var generating: GeneratingArguments
    /// The loss of single tokens.
    public var tokenLoss: TokenLossArguments
    /// Preferences and what they are measured against.
    public var preference: PreferenceArguments
    /// How a policy learns from its own answers.
    public var reinforcement: ReinforcementArguments
    /// The loss of answers that are compared with others.
    public var policyLoss: PolicyLossArguments
    /// What judges answers.
    public var rewards: RewardArguments
    /// What the user should hear: keys that change nothing here, keys that are ignored.
    public var notes: [String]
    /// The values under their keys, and which of them were set.
    public let values: OptionValues
    /// The method of training that `stage` names.
    public var method: any TrainingMethod
    /// The kinds of models that are known; one's own may be appended.
    public var families: [any ModelFamily] = .standard
    /// All keys: the standard ones, and those of methods that were handed over.
    public let options: [RunOption]

    /// The defaults, for a program that fills in what it needs.
    public init(method: any TrainingMethod = SupervisedFineTuning()) {
        let options = RunOption.all + method.keys
        var values = OptionValues(of: options)
        values.fill("stage", .text(method.name))
        self.init(values, options, method, notes: [])
    }

    private init(
        _ values: OptionValues, _ options: [RunOption], _ method: any TrainingMethod,
        notes: [String]
    ) {
        (self.options, self.method) = (options, method)
        self.values = values
        self.notes = notes
        model = ModelArguments(values)
        data = DataArguments(values)
        finetuning = FinetuningArguments(values)
        training = TrainingArguments(values)
        generating = GeneratingArguments(values)
        tokenLoss = TokenLossArguments(values)
        preference = PreferenceArguments(values)
        reinforcement = ReinforcementArguments(values)
        policyLoss = PolicyLossArguments(values)
        rewards = RewardArguments(values)
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: A YAML or JSON file; nil for overrides alone.
    ///   - overrides: `key=value` or `--key value` words, which replace the file's keys.
    ///   - purpose: What the configuration is for.
    ///   - methods: What `stage` can name.
    ///   - environment: Where `ALLOW_EXTRA_ARGS` is looked up.
    /// - Throws: ``FledgeError`` when the file is none, or a model; for keys and values that are not
    ///   known or do not go together.
    public init(
        path: String?, overrides: [String] = [], purpose: Purpose = .training,
        methods: [any TrainingMethod] = .standard,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        guard let path else {
            try self.init(
                yaml: "", file: "command line", overrides: overrides, purpose: purpose,
                methods: methods, environment: environment)
            return
        }
        if let model = MisplacedModel(path: path) { throw model.error }
        let file = try MappedFile(path: path)
        guard let text = String(validating: file.bytes, as: UTF8.self) else {
            var error = FledgeError(
                .configuration, "The file is not UTF-8 text.",
                advice: "Save it as UTF-8.", at: .init(file: path))
            if let found = ForeignContent(file.bytes.prefix(512)) {
                error.message = "The file is \(found.name), expected YAML in UTF-8."
                error.advice = found.advice
            }
            throw error
        }
        try self.init(
            yaml: text, file: path, overrides: overrides, purpose: purpose,
            methods: methods, environment: environment)
    }

    /// Reads a text.
    public init(
        yaml: String, file: String, overrides: [String] = [], purpose: Purpose = .training,
        methods: [any TrainingMethod] = .standard,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        var text = try ConfigurationText(yaml: yaml, file: file)
        try text.apply(overrides: overrides)
        let allowsExtra = ["true", "y", "1"].contains(
            environment["ALLOW_EXTRA_ARGS"]?.lowercased() ?? "")
        let options = RunOption.all + methods.flatMap(\.keys)
        let named = Dictionary(
            options.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var values = OptionValues(of: options)
        var ignored = [String]()
        for entry in text.entries {
            guard let option = named[entry.key] else {
                guard allowsExtra else { throw Self.unknown(entry) }
                ignored.append(entry.key)
                continue
            }
            let value = try option.value(of: entry.node, at: entry.location)
            try option.refuse(value, at: entry.location)
            values.set(option.name, value, at: entry.location)
            // What is said names the key alone: values may be secrets.
            Logger.fledge.trace(
                "key read", metadata: ["key": "\(option.name)", "at": "\(entry.location)"])
        }
        let stage = values.text("stage")
        guard let method = methods.first(where: { $0.name == stage }) else {
            throw FledgeError(
                .configuration, "stage is \(stage); it should be \(methods.map(\.name).listed).",
                at: values.locations["stage"])
        }
        try ConfigurationRules(values, method, options).check(purpose)
        self.init(values, options, method, notes: Self.notes(values, options, method, ignored))
    }

    /// What keys are called here that TRL's users know.
    private static let foreignNames = [
        "max_completion_length": "max_new_tokens", "max_prompt_length": "cutoff_len",
        "shuffle_dataset": "disable_shuffling", "response_length": "max_new_tokens",
        "kl_coef": "init_kl_coef", "num_ppo_epochs": "ppo_epochs",
        "reward_model_path": "reward_model",
    ]

    private static func unknown(_ entry: ConfigurationText.Entry) -> FledgeError {
        let advice =
            (foreignNames[entry.key] ?? RunOption.nearest(to: entry.key)).map {
                "Did you mean \($0)?"
            }
            ?? "`fledge keys` lists all keys."
        return FledgeError(
            .configuration, "\(entry.key) is no known key.", advice: advice, at: entry.location)
    }

    private static func notes(
        _ values: OptionValues, _ options: [RunOption], _ method: any TrainingMethod,
        _ ignored: [String]
    ) -> [String] {
        let run = values.context(method)
        let set = options.filter {
            values.isSet($0.name) && values[$0.name] != $0.defaultValue
        }
        /// The key with what it would matter with; nil where that is there.
        func elsewhere(_ option: RunOption) -> String? {
            guard let condition = option.condition, !condition.isMet(run) else { return nil }
            return "\(option.name) (matters \(condition.description))"
        }
        var notes = [String]()
        let idle =
            set.filter { $0.standing == .neutral }.map { elsewhere($0) ?? $0.name }
            + set.filter(\.isEffective).compactMap(elsewhere)
        if !idle.isEmpty {
            notes.append("Without effect here: " + idle.joined(separator: ", ") + ".")
        }
        if !ignored.isEmpty {
            notes.append(
                "Unknown keys, ignored as ALLOW_EXTRA_ARGS asks: "
                    + ignored.joined(separator: ", ") + ".")
        }
        return notes
    }

    /// All arguments under their keys, with credentials masked; what a program has set in the
    /// configuration's parts stands beside them, under `set_by_program`.
    public var json: JSONValue {
        let arguments = options.map { option -> JSONValue.Member in
            let value = values[option.name]
            return .init(option.name, option.isSecret && value != .null ? "***" : value.json)
        }
        let more = changed
        guard !more.isEmpty else { return .object(arguments) }
        return .object(arguments + [.init(Self.changedKey, .object(more))])
    }
}

extension RunOption {
    /// Throws when the value asks for what is not there.
    func refuse(_ value: OptionValue, at location: FledgeError.Location) throws {
        switch standing {
        case .effective, .neutral:
            return
        case .effectiveFor(let supported):
            let words: [String]
            switch value {
            case .text(let word): words = [word]
            case .list(let list): words = list
            default: return
            }
            for word in words where !supported.contains(word) {
                throw FledgeError(
                    .unsupported, "\(name): \(word) is not supported yet.",
                    advice: "Supported: \(supported.joined(separator: ", ")).", at: location)
            }
        case .refused, .refusedByHardware:
            guard value != defaultValue, value != .null else { return }
            let reason = standing == .refused ? "is not supported yet" : "is not for CPUs"
            throw FledgeError(
                .unsupported, "\(name): \(value) \(reason). \(help)",
                advice: "Only \(name): \(defaultValue) is accepted.", at: location)
        }
    }
}
