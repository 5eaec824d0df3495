public import FledgeCore

extension RunOption {
    /// A JSON Schema (draft 2020-12) of a configuration file, for editors that check and complete YAML.
    public static var schema: JSONValue {
        [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "A run of Fledge", "type": "object", "additionalProperties": false,
            "properties": .object(all.map { .init($0.name, $0.schema) }),
        ]
    }

    /// The values of the key that are accepted.
    var schema: JSONValue {
        var forms = self.forms
        if acceptsNull || kind == .list { forms.append(["type": "null"]) }
        return [
            "description": .string(note), "default": defaultValue.json,
            "anyOf": .array(forms),
        ]
    }

    private var forms: [JSONValue] {
        switch kind {
        case .flag:
            return [["type": "boolean"], ["enum": ["true", "false", "yes", "no", "on", "off"]]]
        case .integer(let least):
            var whole: JSONValue = ["type": "integer"]
            if least != .min { whole["minimum"] = .integer(least) }
            return [whole, Self.numberInText]
        case .number(let bounds):
            return [Self.number(bounds), Self.numberInText]
        case .text:
            if let choices { return [["enum": .array(choices.map { .string($0) })]] }
            // What YAML reads as a flag or a number is taken as it is written.
            return [["type": ["string", "boolean", "number"]]]
        case .choice(let words), .openChoice(let words):
            // YAML reads the word no as false.
            let accepted = choices ?? words
            let no: [JSONValue] = accepted.contains("no") ? [false] : []
            return [["enum": .array(accepted.map { .string($0) } + no)]]
        case .list:
            if let choices {
                let word = choices.joined(separator: "|")
                return [
                    ["type": "string", "pattern": .string("^(\(word))(, *(\(word)))*$")],
                    ["type": "array", "items": ["enum": .array(choices.map { .string($0) })]],
                ]
            }
            return [
                ["type": ["string", "boolean", "number"]],
                ["type": "array", "items": ["type": ["string", "boolean", "number"]]],
            ]
        case .numbers:
            return [
                ["type": ["string", "number"]],
                ["type": "array", "items": ["type": ["string", "number"]]],
            ]
        case .mapping: return [["type": "object"], ["type": "string"]]
        case .anything: return [true]
        }
    }

    /// YAML 1.1 takes `1e-4` for a text.
    private static let numberInText: JSONValue = [
        "type": "string", "pattern": #"^[-+]?[0-9_]*\.?[0-9_]+([eE][-+]?[0-9]+)?$"#,
    ]

    private static func number(_ bounds: Bounds) -> JSONValue {
        var form: JSONValue = ["type": "number"]
        switch bounds {
        case .any: break
        case .atLeast(let least): form["minimum"] = .number(least)
        case .above(let least): form["exclusiveMinimum"] = .number(least)
        case .between(let least, let most):
            form["minimum"] = .number(least)
            form["maximum"] = .number(most)
        case .fraction, .probability:
            form["minimum"] = 0
            form["exclusiveMaximum"] = 1
        }
        return form
    }

    /// All that there is to know about a key, as `fledge keys KEY` prints it.
    public var explanation: String {
        let group = Self.groups.first { $0.options.contains { $0.name == name } }?.title
        let standing =
            switch self.standing {
            case .effective, .effectiveFor: "changes what a run does"
            case .neutral: "accepted without effect"
            case .refused: "not supported yet: only the default is accepted"
            case .refusedByHardware: "not for CPUs: only the default is accepted"
            }
        var lines = [
            name, "  " + help, "  values:  \(form)", "  default: \(defaultValue)",
            "  group:   \(group ?? "")", "  \(standing)",
        ]
        if let condition { lines.append("  matters \(condition.description) only") }
        if name == "lr_scheduler_kwargs" {
            for schedule in TrainingArguments.Schedule.allCases {
                let parameters = ScheduleParameters.known(schedule)
                if !parameters.isEmpty { lines.append("  of \(schedule.rawValue):") }
                lines += parameters.map {
                    "    \($0.name): \($0.form) = \($0.defaultValue). \($0.help)"
                }
            }
        }
        if isPath { lines.append("  ~ at the beginning is the home folder") }
        return lines.joined(separator: "\n")
    }
}
