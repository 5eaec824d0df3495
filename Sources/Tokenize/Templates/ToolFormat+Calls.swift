import FledgeCore

extension ToolFormat {
    /// A call of a tool.
    private struct Call {
        let name: JSONValue
        let arguments: JSONValue
    }

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
            return Call(name: name, arguments: arguments)
        }
        switch rawValue {
        case "default":
            let lines = calls.map {
                let name = ToolFormat.python($0.name)
                return "Action: \(name)\nAction Input: \($0.arguments.serialized())"
            }
            return [TemplateSpan(lines.joined(separator: "\n"))]
        case "qwen", "ling": return taggedCalls(calls)
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
            return [TemplateSpan(JSONValue.array(calls.map(callObject)).serialized())]
        case "qwen3_5":
            return parameterized(
                calls, name: ("<tool_call>\n<function=", ">"), key: ("\n<parameter=", ">"),
                value: ("\n", "\n</parameter>"), end: "\n</function>\n</tool_call>")
        case "glm4_moe":
            return parameterized(
                calls, name: ("\n<tool_call>", ""), key: ("\n<arg_key>", "</arg_key>"),
                value: ("\n<arg_value>", "</arg_value>"), end: "")
        case "minimax1":
            let lines = calls.map { callObject($0).serialized() }.joined(separator: "\n")
            return [
                control("<tool_calls>\n"), TemplateSpan(lines), control("\n</tool_calls>"),
            ]
        case "minimax2":
            return parameterized(
                calls, name: ("<invoke name=\"", "\">"), key: ("\n<parameter name=\"", "\">"),
                value: ("", "</parameter>"), end: "\n</invoke>")
        case "seed_oss":
            return parameterized(
                calls, name: ("\n<seed:tool_call>\n<function=", ""), key: ("\n<parameter=", ">"),
                value: ("", "</parameter>"), end: "\n</function>\n</seed:tool_call>")
        case "lfm2":
            let texts = calls.map { call in
                let arguments = (call.arguments.members ?? []).map { argument in
                    argument.value.stringValue.map { "\(argument.key)=\"\($0)\"" }
                        ?? "\(argument.key)=\(argument.value.serialized())"
                }
                return "\(ToolFormat.python(call.name))(\(arguments.joined(separator: ", ")))"
            }
            return [
                control("<|tool_call_start|>"), TemplateSpan("[\(texts.joined(separator: ", "))]"),
                control("<|tool_call_end|>"),
            ]
        case "gemma4":
            return calls.flatMap { call in
                let inner: [TemplateSpan] =
                    switch call.arguments {
                    case .object: Array(gemma(call.arguments).dropFirst().dropLast())
                    case .string(let text): [TemplateSpan(text)]
                    default: gemma(call.arguments)
                    }
                return [
                    control("<|tool_call>"), TemplateSpan("call:\(ToolFormat.python(call.name)){"),
                ] + inner + [TemplateSpan("}"), control("<tool_call|>")]
            }
        default: throw unknown
        }
    }

    private func callObject(_ call: Call) -> JSONValue {
        ["name": call.name, "arguments": call.arguments]
    }

    /// Each call as JSON inside of tags.
    private func taggedCalls(_ calls: [Call]) -> [TemplateSpan] {
        calls.enumerated().flatMap { index, call in
            [
                control((index > 0 ? "\n" : "") + "<tool_call>\n"),
                TemplateSpan(callObject(call).serialized()), control("\n</tool_call>"),
            ]
        }
    }

    /// Each call with its arguments one by one, texts as they are and other values as JSON.
    private func parameterized(
        _ calls: [Call], name: (String, String), key: (String, String), value: (String, String),
        end: String
    ) -> [TemplateSpan] {
        calls.enumerated().flatMap { index, call in
            var spans = [
                control((index > 0 ? "\n" : "") + name.0),
                TemplateSpan(ToolFormat.python(call.name)), control(name.1),
            ]
            for argument in call.arguments.members ?? [] {
                let text = argument.value.stringValue ?? argument.value.serialized()
                spans += [
                    control(key.0), TemplateSpan(argument.key), control(key.1 + value.0),
                    TemplateSpan(text), control(value.1),
                ]
            }
            return spans + [control(end)]
        }
    }

    /// A value as Gemma 4 writes it: members sorted, texts between marks.
    private func gemma(_ value: JSONValue) -> [TemplateSpan] {
        switch value {
        case .string(let text): return quoted(text)
        case .array(let items):
            return [TemplateSpan("[")] + items.map(gemma).joined(separator: [TemplateSpan(",")])
                + [TemplateSpan("]")]
        case .object(let members):
            // Of members with the same name the last one counts.
            let unique = members.reversed().reduce(into: [JSONValue.Member]()) { found, member in
                if !found.contains(where: { $0.key.utf8.elementsEqual(member.key.utf8) }) {
                    found.append(member)
                }
            }
            let sorted = unique.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            return [TemplateSpan("{")]
                + sorted.map { [TemplateSpan($0.key + ":")] + gemma($0.value) }
                .joined(separator: [TemplateSpan(",")]) + [TemplateSpan("}")]
        default: return [TemplateSpan(value.serialized())]
        }
    }

    /// A text between Gemma 4's marks.
    func quoted(_ text: String) -> [TemplateSpan] {
        [control("<|\"|>"), TemplateSpan(text), control("<|\"|>")]
    }
}
