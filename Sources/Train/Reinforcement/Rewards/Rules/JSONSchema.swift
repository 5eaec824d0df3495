public import FledgeCore

/// A JSON Schema: the part of draft 2020-12 that describes values by themselves.
///
/// Known are `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`,
/// `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `minLength`, `maxLength`, `pattern`,
/// `minItems`, `maxItems`, `allOf`, `anyOf`, `oneOf`, `not`, and annotations (`title`, `description`,
/// `default`, `examples`, …). Any other keyword is an error: it would promise what nothing checks.
public struct JSONSchema {
    /// What a value has to meet.
    indirect enum Check {
        case nothing
        case types(Set<String>)
        case equalsOne(of: [JSONValue])
        case properties([String: [Check]], others: [Check]?)
        case required([String])
        case items([Check])
        case minimum(Double, isExclusive: Bool)
        case maximum(Double, isExclusive: Bool)
        case length(ClosedRange<Int>)
        case count(ClosedRange<Int>)
        case pattern(SearchPattern)
        case all([[Check]])
        case any([[Check]])
        case one([[Check]])
        case not([Check])
    }

    let checks: [Check]

    /// Reads a schema.
    ///
    /// - Throws: `FledgeError` that names the keyword that is wrong or not known, and its place.
    public init(_ json: JSONValue) throws {
        var reader = JSONSchemaReader()
        checks = try reader.checks(json, at: "")
    }

    /// Whether the schema describes a value.
    ///
    /// - Throws: `FledgeError` when a pattern takes too many steps on a text.
    public func describes(_ value: JSONValue) throws -> Bool { try Self.meets(value, checks) }

    /// The names of types that a value has.
    private static func hasType(_ value: JSONValue, _ name: String) -> Bool {
        switch value {
        case .null: name == "null"
        case .bool: name == "boolean"
        case .integer, .largeInteger: name == "integer" || name == "number"
        // 1.0 is a whole number.
        case .number(let number):
            name == "number"
                || (name == "integer" && number.isFinite && number.rounded() == number)
        case .string: name == "string"
        case .array: name == "array"
        case .object: name == "object"
        }
    }

    private static func meets(_ value: JSONValue, _ checks: [Check]) throws -> Bool {
        for check in checks where try !meets(value, check) { return false }
        return true
    }

    private static func meets(_ value: JSONValue, _ check: Check) throws -> Bool {
        switch check {
        case .nothing: return false
        case .types(let names): return names.contains { hasType(value, $0) }
        case .equalsOne(let values): return values.contains { areEqual($0, value) }
        case .properties(let named, let others):
            for member in value.members ?? [] {
                guard let checks = named[member.key] ?? others else { continue }
                guard try meets(member.value, checks) else { return false }
            }
            return true
        case .required(let names):
            guard let members = value.members else { return true }
            let found = Set(members.map(\.key))
            return names.allSatisfy(found.contains)
        case .items(let checks):
            return try (value.arrayValue ?? []).allSatisfy { try meets($0, checks) }
        case .minimum(let least, let isExclusive):
            guard let number = value.doubleValue else { return true }
            return isExclusive ? number > least : number >= least
        case .maximum(let most, let isExclusive):
            guard let number = value.doubleValue else { return true }
            return isExclusive ? number < most : number <= most
        case .length(let range):
            return value.stringValue.map { range.contains($0.unicodeScalars.count) } ?? true
        case .count(let range): return value.arrayValue.map { range.contains($0.count) } ?? true
        case .pattern(let pattern):
            return try value.stringValue.map { try pattern.isFound(in: $0) } ?? true
        case .all(let several): return try several.allSatisfy { try meets(value, $0) }
        case .any(let several): return try several.contains { try meets(value, $0) }
        case .one(let several):
            var count = 0
            for checks in several where try meets(value, checks) {
                count += 1
                if count > 1 { return false }
            }
            return count == 1
        case .not(let checks): return try !meets(value, checks)
        }
    }

    /// Whether two values are equal as JSON Schema has it: numbers by value, members in any order.
    static func areEqual(_ first: JSONValue, _ second: JSONValue) -> Bool {
        switch (first, second) {
        case (.array(let a), .array(let b)):
            return a.count == b.count && zip(a, b).allSatisfy { areEqual($0, $1) }
        case (.object(let a), .object(let b)):
            let others = Dictionary(b.map { ($0.key, $0.value) }) { $1 }
            let own = Dictionary(a.map { ($0.key, $0.value) }) { $1 }
            return own.count == others.count
                && own.allSatisfy { key, value in others[key].map { areEqual(value, $0) } ?? false }
        default:
            if first == second { return true }
            guard let a = first.doubleValue, let b = second.doubleValue else { return false }
            return a == b
        }
    }
}
