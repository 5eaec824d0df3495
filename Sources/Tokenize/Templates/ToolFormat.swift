import FledgeCore

/// How tools are described to a model, and how it calls them.
public struct ToolFormat: Hashable, Sendable, RawRepresentable {
    /// The name as in a configuration.
    public var rawValue: String

    /// Creates a format by name; whether it is known shows when tools are rendered.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// `Action:` and `Action Input:` lines.
    public static let `default` = ToolFormat(rawValue: "default")

    /// The names of the formats.
    public static let known = [
        "default", "gemma4", "glm4", "glm4_7", "glm4_moe", "lfm2", "ling", "llama3", "minimax1",
        "minimax2",
        "ministral3", "mistral", "qwen", "qwen3_5", "seed_oss",
    ]

    /// The format of a name in a configuration.
    public static func named(_ name: String) throws -> ToolFormat {
        let format = ToolFormat(rawValue: name)
        guard known.contains(name) else { throw format.unknown }
        return format
    }

    /// What is thrown for a name that is none of ``known``.
    var unknown: FledgeError {
        FledgeError(
            .configuration, "The tool format \(rawValue) does not exist.",
            advice: "Known are \(ToolFormat.known.joined(separator: ", ")).")
    }

    func control(_ text: String) -> TemplateSpan { TemplateSpan(text, isControl: true) }

    static func unwrapped(_ tool: JSONValue) -> JSONValue {
        tool["type"]?.stringValue == "function" ? tool["function"] ?? .null : tool
    }

    static func wrapped(_ tool: JSONValue) -> JSONValue {
        tool["type"]?.stringValue == "function" ? tool : ["type": "function", "function": tool]
    }

    static func name(_ tool: JSONValue) throws -> String {
        guard let name = unwrapped(tool)["name"]?.stringValue else {
            throw FledgeError(.data, "A tool has no name: \(tool.serialized()).")
        }
        return name
    }

    /// A value as Python's `format` writes it, where that is the same as JSON or a plain word.
    static func python(_ value: JSONValue?) -> String {
        switch value {
        case nil: ""
        case .string(let text): text
        case .null: "None"
        case .bool(let flag): flag ? "True" : "False"
        case let value?: value.serialized()
        }
    }
}
