internal import FledgeCore

extension RunConfiguration {
    /// What stands beside the keys in the record of a run for all that is under none of them.
    static let changedKey = "set_by_program"

    /// What the parts of the configuration hold that their keys do not say, since a program has set it:
    /// each value as a text under its place, such as `training.learningRate`.
    ///
    /// Keys stay what the file said: one value may follow from several of them.
    var changed: [JSONValue.Member] {
        Self.changes("model", ModelArguments(values), model)
            + Self.changes("data", DataArguments(values), data)
            + Self.changes("finetuning", FinetuningArguments(values), finetuning)
            + Self.changes("training", TrainingArguments(values), training)
            + Self.changes("generating", GeneratingArguments(values), generating)
            + Self.changes("tokenLoss", TokenLossArguments(values), tokenLoss)
            + Self.changes("preference", PreferenceArguments(values), preference)
            + Self.changes(
                "reinforcement", ReinforcementArguments(values), reinforcement)
            + Self.changes("policyLoss", PolicyLossArguments(values), policyLoss)
            + Self.changes("rewards", RewardArguments(values), rewards)
    }

    private static func changes<Part: Equatable>(
        _ name: String, _ read: Part, _ now: Part
    ) -> [JSONValue.Member] {
        guard read != now else { return [] }
        return zip(Mirror(reflecting: read).children, Mirror(reflecting: now).children)
            .compactMap { before, after -> JSONValue.Member? in
                let shown = text(after.value)
                guard let label = after.label, text(before.value) != shown,
                    !RunOption.isSecret("_" + label)
                else { return nil }
                return .init("\(name).\(label)", .string(shown))
            }
    }

    /// A value as a text; sets in one order.
    private static func text(_ value: Any) -> String {
        if let words = value as? Set<String> { return words.sorted().joined(separator: ", ") }
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .optional {
            return mirror.children.first.map { text($0.value) } ?? "nil"
        }
        return String(describing: value)
    }
}
