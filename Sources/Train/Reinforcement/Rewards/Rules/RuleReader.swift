public import FledgeCore

extension RuleReward {
    /// Reads a list of rules as `reward_rules` has them.
    ///
    /// - Throws: `FledgeError` that names the rule, by its number and type, and what is wrong in it.
    public init(json: JSONValue) throws {
        guard let rules = json.arrayValue, !rules.isEmpty else {
            throw FledgeError(
                .configuration,
                "reward_rules is \(json.arrayValue == nil ? json.kind : "empty"), expected a list of rules.",
                advice: RuleReader.example)
        }
        try self.init(
            rules.enumerated().map { index, rule in
                try RuleReader(rule, number: index + 1).entry()
            })
    }
}

/// Reads one rule.
struct RuleReader {
    static let example =
        "Write a rule as - {type: equals, column: answer, pattern: '#### (.+)', weight: 1}; types are regex, equals, length and json_schema."

    private let json: JSONValue
    private let type: String
    private let title: String

    init(_ json: JSONValue, number: Int) throws {
        self.json = json
        guard json.members != nil, let type = json["type"]?.stringValue else {
            throw FledgeError(
                .configuration, "reward_rules, rule \(number): there is no type.",
                advice: Self.example)
        }
        self.type = type
        title = "reward_rules, rule \(number) (\(type))"
    }

    /// The rule with its name and weight.
    func entry() throws -> RuleReward.Entry {
        do {
            let rule = try rule()
            return RuleReward.Entry(
                try text("name") ?? type, weight: try number("weight") ?? 1, rule)
        } catch var error as FledgeError {
            if !error.message.hasPrefix("reward_rules") {
                error.message = "\(title): \(error.message)"
            }
            throw error
        }
    }

    private func rule() throws -> any RewardRule {
        switch type {
        case "regex":
            try requireKnown(["pattern", "group", "column", "ignore_case"])
            let column = try text("column")
            guard column != nil || json["group"] == nil else {
                throw wrong("group means nothing without a column to compare it with")
            }
            guard let pattern = try text("pattern") else { throw wrong("there is no pattern") }
            let first = try SearchPattern(pattern).groupCount > 0 ? "1" : "0"
            return try PatternRule(
                pattern, group: try group() ?? first, column: column,
                ignoresCase: try flag("ignore_case"))
        case "equals":
            try requireKnown(["column", "pattern", "group", "ignore_case"])
            guard let column = try text("column") else { throw wrong("there is no column") }
            guard json["pattern"] != nil || json["group"] == nil else {
                throw wrong("group means nothing without a pattern")
            }
            return try EqualityRule(
                column: column, pattern: try text("pattern"), group: try group(),
                ignoresCase: try flag("ignore_case"))
        case "length": return try length()
        case "json_schema":
            try requireKnown(["schema"])
            guard let schema = json["schema"] else { throw wrong("there is no schema") }
            return SchemaRule(try JSONSchema(try Self.parsed(schema)))
        default:
            throw wrong("there is no such type; it should be regex, equals, length or json_schema")
        }
    }

    /// A schema may be written as JSON in a text.
    private static func parsed(_ schema: JSONValue) throws -> JSONValue {
        guard let text = schema.stringValue else { return schema }
        do { return try JSONValue(parsing: text) } catch let error as FledgeError {
            throw FledgeError(.configuration, "schema is no JSON: \(error.message)")
        }
    }

    private func length() throws -> LengthRule {
        try requireKnown(["min", "max", "target", "unit"])
        let word = try text("unit") ?? LengthRule.Unit.tokens.rawValue
        guard let unit = LengthRule.Unit(rawValue: word) else {
            throw wrong("unit is \(word); it should be tokens or characters")
        }
        let (least, most, target) = (try count("min"), try count("max"), try count("target"))
        if let target {
            guard least == nil, most == nil else {
                throw wrong("target stands for both min and max: leave these out")
            }
            guard target > 0 else { throw wrong("target is 0; it should be above 0") }
            return LengthRule(target, target, unit: unit)
        }
        guard least != nil || most != nil else { throw wrong("there is no min, max or target") }
        if let most {
            guard most > 0 else { throw wrong("max is 0; it should be above 0") }
            guard most >= least ?? 0 else {
                throw wrong("max is \(most), below min, which is \(least ?? 0)")
            }
        }
        return LengthRule(least ?? 0, most, unit: unit)
    }

    private func requireKnown(_ keys: [String]) throws {
        let known = ["type", "name", "weight"] + keys
        guard let other = json.members?.first(where: { !known.contains($0.key) }) else { return }
        throw FledgeError(
            .configuration, "\(title): \(other.key) means nothing here.",
            advice: "Known are \(known.joined(separator: ", ")).")
    }

    private func wrong(_ what: String) -> FledgeError {
        FledgeError(.configuration, "\(title): \(what).")
    }

    private func text(_ key: String) throws -> String? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let text = value.stringValue, !text.isEmpty else {
            throw wrong(
                "\(key) is \(value.stringValue == nil ? value.kind : "empty"), expected a text")
        }
        return text
    }

    /// A group by its number or name.
    private func group() throws -> String? {
        try json["group"]?.intValue.map(String.init) ?? text("group")
    }

    private func number(_ key: String) throws -> Double? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let number = value.doubleValue, abs(number) <= 1e9 else {
            throw wrong("\(key) is \(value.kind), expected a number up to 1e9")
        }
        return number
    }

    private func count(_ key: String) throws -> Int? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let count = value.intValue, (0...Int(Int32.max)).contains(count) else {
            throw wrong("\(key) is \(value.serialized()), expected a whole number from 0 on")
        }
        return count
    }

    private func flag(_ key: String) throws -> Bool {
        guard let value = json[key], !value.isNull else { return false }
        guard let flag = value.boolValue else {
            throw wrong("\(key) is \(value.kind), expected true or false")
        }
        return flag
    }
}
