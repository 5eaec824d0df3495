public import FledgeCore
public import FledgeTokenize

/// What ``TemplateAgreement`` found, for people and for programs.
public struct TemplateVerification: Sendable {
    /// The template's name.
    public let template: String
    /// What became of each kind of dialogue.
    public let outcomes: [TemplateAgreement.Outcome]

    /// Compares the template of a configuration with the model's own one.
    ///
    /// - Throws: ``FledgeError`` when model or template cannot be read.
    public init(_ configuration: RunConfiguration) throws {
        let text = try TextSide(configuration)
        template = text.template.name
        outcomes = try TemplateAgreement(text.template, text.tokenizer, own: text.ownTemplate)
            .outcomes()
    }

    /// Whether nothing differs.
    public var agrees: Bool {
        outcomes.allSatisfy { if case .differs = $0.result { false } else { true } }
    }

    /// A line for each kind of dialogue, and lines for where they differ.
    public var lines: [String] {
        outcomes.flatMap { outcome -> [String] in
            switch outcome.result {
            case .agrees: return ["agree    \(outcome.shape)"]
            case .unknownToModel(let reason): return ["–        \(outcome.shape): \(reason)"]
            case .differs(let differences):
                return ["DIFFER   \(outcome.shape)"]
                    + differences.flatMap { difference in
                        [
                            "           \(difference.comparison.rawValue), after \(difference.place) tokens:",
                            "             \(quoted(difference.first))",
                            "             \(quoted(difference.second))",
                        ]
                    }
            }
        } + [
            agrees
                ? "The template \(template) agrees with the model's own one."
                : "The template \(template) differs from the model's own one."
        ]
    }

    private func quoted(_ text: String) -> String { JSONValue.string(text).serialized() }

    /// The same as one JSON object.
    public var json: JSONValue {
        [
            "template": .string(template), "agrees": .bool(agrees),
            "shapes": .array(
                outcomes.map { outcome in
                    var entry: JSONValue = ["shape": .string(outcome.shape)]
                    switch outcome.result {
                    case .agrees: entry["result"] = "agrees"
                    case .unknownToModel(let reason):
                        entry["result"] = "unknown to model"
                        entry["reason"] = .string(reason)
                    case .differs(let differences):
                        entry["result"] = "differs"
                        entry["differences"] = .array(
                            differences.map {
                                [
                                    "comparison": .string($0.comparison.rawValue),
                                    "equal_tokens": .integer($0.place),
                                    "first": .string($0.first), "second": .string($0.second),
                                ]
                            })
                    }
                    return entry
                }),
        ]
    }
}
