public import FledgeCore

/// A call of a tool by a model.
public struct FunctionCall: Hashable, Sendable {
    /// The tool's name.
    public var name: String
    /// The arguments: an object, where the model kept to its format.
    public var arguments: JSONValue

    /// Creates a call.
    public init(_ name: String, _ arguments: JSONValue) {
        (self.name, self.arguments) = (name, arguments)
    }

    /// Reads an object with a name and, under a key, the arguments; `nil` for anything else.
    init?(_ value: JSONValue, key: String = "arguments") {
        guard let name = value["name"]?.stringValue, let arguments = value[key] else { return nil }
        self.init(name, arguments)
    }

    /// Reads calls that are given as JSON: an object with name and arguments, or a list of them.
    ///
    /// - Throws: ``FledgeError`` for anything else.
    static func list(_ text: String) throws -> [FunctionCall] {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text, file: "function message")
        } catch {
            throw FledgeError(
                .data,
                "Invalid JSON format in function message: found \(Self.shown(text)), expected an "
                    + "object with name and arguments, or a list of them.",
                advice: advice, cause: error)
        }
        return try (value.arrayValue ?? [value]).map { call in
            guard let call = FunctionCall(call) else {
                throw FledgeError(
                    .data,
                    "A call needs name and arguments, found \(Self.shown(call.serialized())).",
                    advice: advice)
            }
            return call
        }
    }

    private static let advice =
        "Write calls as {\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}; text beside them "
        + "stands outside of <tool_call> and </tool_call>."

    /// The beginning of a text, in quotes.
    private static func shown(_ text: String) -> String {
        let beginning = String(text.unicodeScalars.prefix(60))
        let isWhole = beginning.utf8.count == text.utf8.count
        return JSONValue.string(beginning).serialized() + (isWhole ? "" : " and so on")
    }

    /// The call as the messages of role `function` hold it.
    public var json: JSONValue { ["name": .string(name), "arguments": arguments] }
}

extension JSONValue {
    /// The value with every member once: where a name is written twice the last value counts, in the
    /// place of the first, as in Python's dictionaries.
    var withUniqueMembers: JSONValue {
        switch self {
        case .array(let items): return .array(items.map(\.withUniqueMembers))
        case .object(let members):
            var (places, unique) = ([[UInt8]: Int](), [Member]())
            for member in members {
                let value = member.value.withUniqueMembers
                if let place = places[Array(member.key.utf8)] {
                    unique[place].value = value
                } else {
                    places[Array(member.key.utf8)] = unique.count
                    unique.append(Member(member.key, value))
                }
            }
            return .object(unique)
        default: return self
        }
    }
}
