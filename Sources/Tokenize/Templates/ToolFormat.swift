import FledgeCore

/// How tools are described to a model, and how it calls them.
public struct ToolFormat: Hashable, Sendable, RawRepresentable {
    /// The name as in a configuration.
    public var rawValue: String

    /// Creates a format by name; whether it is known shows when tools are rendered.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// `Action:` and `Action Input:` lines.
    public static let `default` = ToolFormat(rawValue: "default")

    /// The formats that can be rendered.
    public static let supported = ["default", "glm4", "llama3", "mistral", "qwen"]

    /// The formats that exist.
    static let known =
        supported + [
            "gemma4", "glm4_moe", "lfm2", "ling", "minimax1", "minimax2", "qwen3_5", "seed_oss",
        ]

    /// The format of a name in a configuration.
    public static func named(_ name: String) throws -> ToolFormat {
        guard known.contains(name) else {
            throw FledgeError(
                .configuration, "The tool format \(name) does not exist.",
                advice: "Known are \(known.sorted().joined(separator: ", ")).")
        }
        return ToolFormat(rawValue: name)
    }

    private var unsupported: FledgeError {
        FledgeError(
            .unsupported, "Tools in the format \(rawValue) are not supported yet.",
            advice: "Supported are \(ToolFormat.supported.joined(separator: ", ")).")
    }

    // MARK: Describing tools

    /// The text that tells the model of some tools.
    ///
    /// - Parameter date: The day that some formats mention; `nil` for today.
    func describe(_ tools: [JSONValue], date: String? = nil) throws -> [TemplateSpan] {
        switch rawValue {
        case "default":
            let text = try tools.map(ToolFormat.plainDescription).joined()
            let names = try tools.map { try ToolFormat.name($0) }.joined(separator: ", ")
            return [
                control("You have access to the following tools:\n"), TemplateSpan(text),
                control(
                    "Use the following format if using a tool:\n```\n"
                        + "Action: tool name (one of ["), TemplateSpan(names),
                control(
                    "])\nAction Input: the input to the tool, in a JSON format representing the "
                        + "kwargs (e.g. ```{\"input\": \"hello world\", \"num_beams\": 5}```)"
                        + "\n```\n"),
            ]
        case "qwen":
            let text = tools.map { "\n" + ToolFormat.wrapped($0).serialized() }.joined()
            return [
                control(ToolPrompt.qwen.before), TemplateSpan(text), control(ToolPrompt.qwen.after),
            ]
        case "glm4":
            return try [control(ToolPrompt.glm4)]
                + tools.flatMap { tool in
                    let bare = ToolFormat.unwrapped(tool)
                    let name = try ToolFormat.name(tool)
                    let body = bare.serialized(JSONWriter.Style(indent: 4))
                    return [
                        TemplateSpan("\n\n## \(name)\n\n\(body)\n"),
                        control(ToolPrompt.glm4Tail),
                    ]
                }
        case "llama3":
            let text = tools.map {
                ToolFormat.wrapped($0).serialized(JSONWriter.Style(indent: 4)) + "\n\n"
            }
            return [
                control(ToolPrompt.llama3(date: date ?? ToolPrompt.today())),
                TemplateSpan(text.joined()),
            ]
        case "mistral":
            let text = JSONValue.array(tools.map(ToolFormat.wrapped)).serialized()
            return [
                control("[AVAILABLE_TOOLS] "), TemplateSpan(text), control("[/AVAILABLE_TOOLS]"),
            ]
        default: throw unsupported
        }
    }

    private func control(_ text: String) -> TemplateSpan { TemplateSpan(text, isControl: true) }

    private static func unwrapped(_ tool: JSONValue) -> JSONValue {
        tool["type"]?.stringValue == "function" ? tool["function"] ?? .null : tool
    }

    private static func wrapped(_ tool: JSONValue) -> JSONValue {
        tool["type"]?.stringValue == "function" ? tool : ["type": "function", "function": tool]
    }

    private static func name(_ tool: JSONValue) throws -> String {
        guard let name = unwrapped(tool)["name"]?.stringValue else {
            throw FledgeError(.data, "A tool has no name: \(tool.serialized()).")
        }
        return name
    }

    private static func plainDescription(_ tool: JSONValue) throws -> String {
        let name = try name(tool)
        let tool = unwrapped(tool)
        guard let properties = tool["parameters"]?["properties"]?.members else {
            throw FledgeError(.data, "The tool \(name) has no parameters with properties.")
        }
        let required = tool["parameters"]?["required"]?.arrayValue ?? []
        var text = "> Tool Name: \(name)\nTool Description: \(python(tool["description"]))\n"
        text += "Tool Args:\n"
        for property in properties {
            let value = property.value
            let mark = required.contains(.string(property.key)) ? ", required" : ""
            text += "  - \(property.key) (\(python(value["type"]))\(mark)): "
            text += python(value["description"])
            if let choices = value["enum"]?.arrayValue, !choices.isEmpty {
                text += ", should be one of [\(choices.map(python).joined(separator: ", "))]"
            }
            if let items = value["items"]?.members, !items.isEmpty {
                text += ", where each item should be \(python(value["items"]?["type"]))"
            }
            text += "\n"
        }
        return text + "\n"
    }

    /// A value as Python's `format` writes it, where that is the same as JSON or a plain word.
    private static func python(_ value: JSONValue?) -> String {
        switch value {
        case nil: ""
        case .string(let text): text
        case .null: "None"
        case .bool(let flag): flag ? "True" : "False"
        case let value?: value.serialized()
        }
    }

    // MARK: Writing calls

    /// The text of calls that are given as JSON: an object with name and arguments, or a list.
    func calls(_ text: String) throws -> [TemplateSpan] {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text, file: "function message")
        } catch {
            throw FledgeError(
                .data, "Invalid JSON format in function message: \(text).", cause: error)
        }
        let calls = try (value.arrayValue ?? [value]).map { call in
            guard let name = call["name"], let arguments = call["arguments"] else {
                throw FledgeError(
                    .data, "A call needs name and arguments, found \(call.serialized()).")
            }
            return (name: name, arguments: arguments)
        }
        switch rawValue {
        case "default":
            let lines = calls.map {
                let name = ToolFormat.python($0.name)
                return "Action: \(name)\nAction Input: \($0.arguments.serialized())"
            }
            return [TemplateSpan(lines.joined(separator: "\n"))]
        case "qwen":
            return calls.enumerated().flatMap { index, call in
                let text: JSONValue = ["name": call.name, "arguments": call.arguments]
                return [
                    control((index > 0 ? "\n" : "") + "<tool_call>\n"),
                    TemplateSpan(text.serialized()), control("\n</tool_call>"),
                ]
            }
        case "glm4":
            guard calls.count == 1, let call = calls.first else {
                throw FledgeError(.data, "GLM-4 does not support parallel functions.")
            }
            return [
                TemplateSpan("\(ToolFormat.python(call.name))\n\(call.arguments.serialized())")
            ]
        case "llama3":
            let list = calls.map { ["name": $0.name, "parameters": $0.arguments] as JSONValue }
            let value = list.count == 1 ? list[0] : .array(list)
            return [TemplateSpan(value.serialized())]
        case "mistral":
            let list = calls.map { ["name": $0.name, "arguments": $0.arguments] as JSONValue }
            return [TemplateSpan(JSONValue.array(list).serialized())]
        default: throw unsupported
        }
    }
}
