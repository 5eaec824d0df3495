internal import FledgeCore

/// One key of a run configuration: its form, its default and what becomes of it.
public struct RunOption: Sendable {
    /// The forms that values have.
    public enum Kind: Hashable, Sendable {
        /// True or false.
        case flag
        /// A whole number.
        case integer(atLeast: Int = .min)
        /// A number.
        case number(Bounds = .any)
        /// A text.
        case text
        /// One of some words.
        case choice([String])
        /// One of some words, or one that a program adds to them.
        case openChoice([String])
        /// Texts, separated by commas or as a YAML list.
        case list
        /// Numbers, separated by commas or as a YAML list.
        case numbers
        /// A YAML mapping, or JSON in a string.
        case mapping
        /// Whatever YAML holds.
        case anything
    }

    /// The numbers that make sense.
    public enum Bounds: Hashable, Sendable {
        /// All.
        case any
        /// From a number on.
        case atLeast(Double)
        /// Above a number.
        case above(Double)
        /// From a number to another one.
        case between(Double, Double)
        /// From 0 on and below 1.
        case fraction
        /// From 0 on and below 1 also in single precision, in which masks are drawn.
        case probability
    }

    /// What becomes of a key.
    public enum Standing: Hashable, Sendable {
        /// It changes what the run does.
        case effective
        /// Some of its values change what the run does, the others are refused.
        case effectiveFor([String])
        /// It is accepted, and cannot change any result here.
        case neutral
        /// Any value but its default is refused, since nothing here does what it asks for yet.
        case refused
        /// Any value but its default is refused, since it asks for other hardware.
        case refusedByHardware
    }

    /// The key.
    public let name: String
    /// The form of its values.
    public let kind: Kind
    /// The value when the key is not there.
    public let defaultValue: OptionValue
    /// What becomes of it.
    public let standing: Standing
    /// Whether it may be null though its default is not.
    public let acceptsNull: Bool
    /// A sentence on what it does.
    public let help: String
    /// With which other key it matters; nil where it always does.
    public let condition: Condition?

    /// Creates a key, for a method that brings its own.
    public init(
        _ name: String, _ kind: Kind, _ defaultValue: OptionValue, _ standing: Standing,
        acceptsNull: Bool = false, matters condition: Condition? = nil, _ help: String
    ) {
        self.condition = condition
        self.name = name
        self.kind = kind
        self.defaultValue = defaultValue
        self.standing = standing
        self.acceptsNull = acceptsNull || defaultValue == .null
        self.help = help
    }

    /// Whether values of the key change what a run does.
    public var isEffective: Bool {
        switch standing {
        case .effective, .effectiveFor: true
        case .neutral, .refused, .refusedByHardware: false
        }
    }

    /// Whether its values are paths, in which `~` is the home folder.
    public var isPath: Bool { Self.pathNames.contains(name) }

    /// Whether its values are credentials, which are neither printed nor saved.
    var isSecret: Bool { Self.isSecret(name) }

    /// Whether values of a key of this name are credentials.
    static func isSecret(_ name: String) -> Bool {
        ["_token", "_api_key", "_secret"].contains(where: name.hasSuffix)
    }

    private static let pathNames: Set = [
        "model_name_or_path", "adapter_name_or_path", "cache_dir", "export_dir", "output_dir",
        "dataset_dir", "dataset", "eval_dataset", "media_dir", "tokenized_path", "logging_dir",
        "resume_from_checkpoint", "offload_folder", "ref_model", "ref_model_adapters",
        "reward_model", "reward_model_adapters", "teacher_model", "teacher_model_adapters",
        "new_special_tokens_config",
    ]

    /// The words that are accepted; nil for keys that take other values.
    public var choices: [String]? {
        if case .effectiveFor(let supported) = standing { return supported }
        switch kind {
        case .choice(let words), .openChoice(let words): return words
        default: return nil
        }
    }
}

extension RunOption {
    /// The keys in groups, in the order of help texts.
    public static let groups: [(title: String, options: [RunOption])] = [
        ("Model", model), ("Data", data), ("Fine-tuning", finetuning),
        ("Losses of tokens", tokenLosses), ("Preferences", preference),
        ("Learning from own answers", reinforcement + policyLosses + foreignPolicies),
        ("Rewards", rewards),
        ("Optimizers", optimizers),
        ("Training", training + system),
        ("Generation", generating),
    ]

    /// All keys.
    public static let all: [RunOption] = groups.flatMap(\.options)

    private static let byName = Dictionary(
        all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// The option of a key.
    public static func named(_ name: String) -> RunOption? { byName[name] }

    /// The known key that is nearest to a wrong one, if any is near.
    public static func nearest(
        to name: String, among options: [RunOption] = RunOption.all
    ) -> String? {
        options.map(\.name).nearest(to: name)
    }

    /// The list of keys that `fledge keys` prints.
    public static var listing: String {
        groups.map { title, options in
            title + "\n" + options.map { "  \($0.description)\n" }.joined()
        }.joined(separator: "\n")
    }

    var note: String {
        let text = condition.map { "\(help) Matters \($0.description) only." } ?? help
        return switch standing {
        case .effective, .effectiveFor: text
        case .neutral: "Accepted without effect: " + text
        case .refused: "Not supported yet: " + text
        case .refusedByHardware: "Not supported: " + text
        }
    }

    private static func plain(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? "\(number)"
    }

    /// The form of the values in words.
    public var form: String {
        let words =
            switch kind {
            case .flag: "true or false"
            case .integer(let least):
                least == .min ? "a whole number" : "a whole number from \(least) on"
            case .number(.any): "a number"
            case .number(.atLeast(let least)): "a number from \(Self.plain(least)) on"
            case .number(.above(let least)): "a number above \(Self.plain(least))"
            case .number(.between(let least, let most)):
                "a number from \(Self.plain(least)) to \(Self.plain(most))"
            case .number(.fraction): "a number from 0 to below 1"
            case .number(.probability): "a number from 0 to below 1 (at most 0.9999999)"
            case .text: choices?.joined(separator: ", ") ?? "a text"
            case .choice(let words), .openChoice(let words):
                (choices ?? words).joined(separator: ", ")
            case .list: "a list, separated by commas"
            case .numbers: "numbers, separated by commas"
            case .mapping: "a mapping"
            case .anything: "anything"
            }
        return acceptsNull ? words + " or null" : words
    }
}

extension RunOption: CustomStringConvertible {
    /// Two lines: key, form and default; what the key does.
    public var description: String { "\(name): \(form) = \(defaultValue)\n      \(note)" }
}
