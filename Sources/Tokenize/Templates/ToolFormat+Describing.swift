import FledgeCore

extension ToolFormat {
    /// The text that tells the model of some tools.
    ///
    /// - Parameters:
    ///   - date: The day that some formats mention; `nil` for today.
    ///   - asReference: Whether calls are explained as the reference writes them.
    func describe(
        _ tools: [JSONValue], date: String? = nil, asReference: Bool = false
    ) throws -> [TemplateSpan] {
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
        case "qwen": return listed(tools, ToolPrompt.qwen)
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
        case "mistral", "ministral3":
            let text = JSONValue.array(tools.map(ToolFormat.wrapped)).serialized()
            return [
                control("[AVAILABLE_TOOLS] "), TemplateSpan(text), control("[/AVAILABLE_TOOLS]"),
            ]
        case "glm4_7" where !asReference: return listed(tools, ToolPrompt.glm47)
        case "glm4_7", "glm4_moe": return listed(tools, ToolPrompt.glm4MoE)
        case "ling":
            return listed(tools, ToolPrompt.ling) + [control("\ndetailed thinking off")]
        case "qwen3_5":
            let text = tools.map { "\n" + ToolFormat.unwrapped($0).serialized() }.joined()
            return around(text, ToolPrompt.qwen35)
        case "minimax1":
            let text = tools.map { ToolFormat.unwrapped($0).serialized() + "\n" }.joined()
            return around(text, ToolPrompt.miniMax1)
        case "minimax2":
            return [control(ToolPrompt.miniMax2.before)]
                + tools.flatMap {
                    [
                        control("<tool>"), TemplateSpan(ToolFormat.unwrapped($0).serialized()),
                        control("</tool>\n"),
                    ]
                } + [control(ToolPrompt.miniMax2.after)]
        case "seed_oss":
            return around("\n" + JSONValue.array(tools).serialized(), ToolPrompt.seed)
        case "lfm2":
            let text = JSONValue.array(tools.map(ToolFormat.unwrapped)).serialized()
            return around(text, ToolPrompt.lfm2)
        case "gemma4":
            return try tools.enumerated().flatMap { index, tool in
                (index > 0 ? [control("\n")] : []) + (try declaration(tool))
            }
        default: throw unknown
        }
    }

    private func around(_ text: String, _ prompt: ToolPrompt.Frame) -> [TemplateSpan] {
        [control(prompt.before), TemplateSpan(text), control(prompt.after)]
    }

    /// Tools as JSON, one a line.
    private func listed(_ tools: [JSONValue], _ prompt: ToolPrompt.Frame) -> [TemplateSpan] {
        around(tools.map { "\n" + ToolFormat.wrapped($0).serialized() }.joined(), prompt)
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

    /// A tool as Gemma 4 declares it.
    private func declaration(_ tool: JSONValue) throws -> [TemplateSpan] {
        let name = try ToolFormat.name(tool)
        let tool = ToolFormat.unwrapped(tool)
        var spans = [TemplateSpan("declaration:\(name){description:")]
        spans += quoted(ToolFormat.python(tool["description"]))
        if let parameters = tool["parameters"], parameters.members?.isEmpty == false {
            var parts = [[TemplateSpan]]()
            if let properties = parameters["properties"]?.members, !properties.isEmpty {
                let inner = properties.map { property in
                    [TemplateSpan(property.key + ":{")]
                        + joined(fields(property.value, ["description", "type"]))
                        + [TemplateSpan("}")]
                }
                parts.append([TemplateSpan("properties:{")] + joined(inner) + [TemplateSpan("}")])
            }
            if let required = parameters["required"]?.arrayValue, !required.isEmpty {
                parts.append(
                    [TemplateSpan("required:[")]
                        + joined(required.map { quoted(ToolFormat.python($0)) })
                        + [TemplateSpan("]")])
            }
            parts += fields(parameters, ["type"])
            spans += [TemplateSpan(",parameters:{")] + joined(parts) + [TemplateSpan("}")]
        }
        if let response = tool["response"], response.members?.isEmpty == false {
            var parts = fields(response, ["description"])
            if response["type"]?.stringValue?.uppercased() == "OBJECT" {
                parts += fields(response, ["type"])
            }
            spans += [TemplateSpan(",response:{")] + joined(parts) + [TemplateSpan("}")]
        }
        return spans + [TemplateSpan("}")]
    }

    /// Members of an object that are there and not empty, as Gemma 4 writes them.
    private func fields(_ value: JSONValue, _ keys: [String]) -> [[TemplateSpan]] {
        keys.compactMap { key in
            let text = ToolFormat.python(value[key])
            guard !text.isEmpty, value[key]?.isNull == false else { return nil }
            return [TemplateSpan(key + ":")] + quoted(key == "type" ? text.uppercased() : text)
        }
    }

    private func joined(_ parts: [[TemplateSpan]]) -> [TemplateSpan] {
        Array(parts.joined(separator: [TemplateSpan(",")]))
    }
}
