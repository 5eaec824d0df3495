internal import FledgeCore

/// Reads the keywords of a JSON Schema.
struct JSONSchemaReader {
    /// How deep schemas may lie in each other: what is checked goes as deep.
    private static let mostDepth = 64
    private var depth = 0

    /// Keywords that say nothing about a value.
    private static let annotations: Set = [
        "$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated",
        "readOnly", "writeOnly",
    ]
    private static let types = [
        "null", "boolean", "integer", "number", "string", "array", "object",
    ]
    private static let known = [
        "type", "enum", "const", "properties", "required", "additionalProperties", "items",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
        "pattern", "minItems", "maxItems", "allOf", "anyOf", "oneOf", "not",
    ]

    /// The checks of a schema at a place, such as `/properties/name`.
    mutating func checks(_ json: JSONValue, at place: String) throws -> [JSONSchema.Check] {
        if let isMet = json.boolValue { return isMet ? [] : [.nothing] }
        guard let members = json.members else {
            throw wrong(place, "is \(json.kind), expected an object, true or false")
        }
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.mostDepth else {
            throw wrong(place, "lies more than \(Self.mostDepth) schemas deep")
        }
        var checks: [JSONSchema.Check] = []
        for name in Self.known where name != "additionalProperties" {
            guard let value = json[name] else { continue }
            let place = place + "/" + name
            if let check = try limit(name, value, place) {
                checks.append(check)
            } else {
                checks.append(try self.check(name, value, beside: json, place))
            }
        }
        if json["properties"] == nil, let others = json["additionalProperties"] {
            let inside = try self.checks(others, at: place + "/additionalProperties")
            checks.append(.properties([:], others: inside))
        }
        let unknown = members.map(\.key).filter {
            !Self.known.contains($0) && !Self.annotations.contains($0)
        }
        guard let first = unknown.first else { return checks }
        throw FledgeError(
            .configuration, "The keyword \(first) of the JSON Schema is not supported\(at(place)).",
            advice: "Supported are \(Self.known.joined(separator: ", ")).")
    }

    /// A keyword whose value is a number.
    private func limit(
        _ name: String, _ value: JSONValue, _ place: String
    ) throws -> JSONSchema.Check? {
        switch name {
        case "minimum", "exclusiveMinimum":
            return .minimum(try number(value, place), isExclusive: name != "minimum")
        case "maximum", "exclusiveMaximum":
            return .maximum(try number(value, place), isExclusive: name != "maximum")
        case "minLength": return .length(try count(value, place)...Int.max)
        case "maxLength": return .length(0...(try count(value, place)))
        case "minItems": return .count(try count(value, place)...Int.max)
        case "maxItems": return .count(0...(try count(value, place)))
        default: return nil
        }
    }

    private mutating func check(
        _ name: String, _ value: JSONValue, beside schema: JSONValue, _ place: String
    ) throws -> JSONSchema.Check {
        switch name {
        case "type":
            let names = try texts(value.stringValue.map { [.string($0)] } ?? value, place)
            guard let other = names.first(where: { !Self.types.contains($0) }) else {
                return .types(Set(names))
            }
            throw wrong(place, "is \(other), expected \(Self.types.joined(separator: ", "))")
        case "enum":
            guard let values = value.arrayValue else {
                throw wrong(place, "is \(value.kind), expected an array")
            }
            return .equalsOne(of: values)
        case "const": return .equalsOne(of: [value])
        case "properties":
            guard let members = value.members else {
                throw wrong(place, "is \(value.kind), expected an object")
            }
            var named: [String: [JSONSchema.Check]] = [:]
            for member in members {
                named[member.key] = try checks(member.value, at: place + "/" + member.key)
            }
            let others = try schema["additionalProperties"].map {
                try checks($0, at: place + "/../additionalProperties")
            }
            return .properties(named, others: others)
        case "required": return .required(try texts(value, place))
        case "items": return .items(try checks(value, at: place))
        case "not": return .not(try checks(value, at: place))
        case "pattern":
            guard let text = value.stringValue else {
                throw wrong(place, "is \(value.kind), expected a text")
            }
            return .pattern(try SearchPattern(text))
        default:
            guard let schemas = value.arrayValue, !schemas.isEmpty else {
                throw wrong(place, "is \(value.kind), expected an array of schemas")
            }
            var several: [[JSONSchema.Check]] = []
            for (index, schema) in schemas.enumerated() {
                several.append(try checks(schema, at: "\(place)/\(index)"))
            }
            return name == "allOf" ? .all(several) : name == "anyOf" ? .any(several) : .one(several)
        }
    }

    private func number(_ value: JSONValue, _ place: String) throws -> Double {
        guard let number = value.doubleValue, number.isFinite else {
            throw wrong(place, "is \(value.kind), expected a number")
        }
        return number
    }

    private func count(_ value: JSONValue, _ place: String) throws -> Int {
        guard let count = value.intValue, count >= 0 else {
            throw wrong(place, "is \(value.serialized()), expected a whole number from 0 on")
        }
        return count
    }

    private func texts(_ value: JSONValue, _ place: String) throws -> [String] {
        let texts = value.arrayValue?.compactMap(\.stringValue)
        guard let texts, texts.count == value.arrayValue?.count else {
            throw wrong(place, "is \(value.kind), expected an array of texts")
        }
        return texts
    }

    private func at(_ place: String) -> String { place.isEmpty ? "" : " (at \(place))" }

    private func wrong(_ place: String, _ what: String) -> FledgeError {
        FledgeError(
            .configuration,
            "The JSON Schema \(place.isEmpty ? "itself" : "at \(place)") \(what).")
    }
}
