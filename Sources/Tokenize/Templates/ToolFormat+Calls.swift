import FledgeCore

extension ToolFormat {
    /// The text of calls that are given as JSON: an object with name and arguments, or a list.
    package func calls(_ text: String) throws -> [TemplateSpan] {
        try calls(FunctionCall.list(text))
    }

    /// The text of calls.
    func calls(_ calls: [FunctionCall]) throws -> [TemplateSpan] {
        switch rawValue {
        case "default":
            let lines = calls.map {
                "Action: \($0.name)\nAction Input: \($0.arguments.serialized())"
            }
            return [TemplateSpan(lines.joined(separator: "\n"))]
        case "qwen", "ling": return taggedCalls(calls)
        case "glm4":
            // The model's own template writes each call as an answer of its own.
            return calls.map {
                [TemplateSpan("\($0.name)\n\($0.arguments.serialized())")]
            }.joined(separator: [control("<|assistant|>")]).map { $0 }
        case "llama3":
            let list = calls.map {
                ["name": .string($0.name), "parameters": $0.arguments] as JSONValue
            }
            let value = list.count == 1 ? list[0] : .array(list)
            return [TemplateSpan(value.serialized())]
        case "mistral":
            return [TemplateSpan(JSONValue.array(calls.map(\.json)).serialized())]
        case "qwen3_5":
            return parameterized(
                calls, name: ("<tool_call>\n<function=", ">"), key: ("\n<parameter=", ">"),
                value: ("\n", "\n</parameter>"), end: "\n</function>\n</tool_call>")
        case "glm4_moe":
            return parameterized(
                calls, name: ("\n<tool_call>", ""), key: ("\n<arg_key>", "</arg_key>"),
                value: ("\n<arg_value>", "</arg_value>"), end: "")
        case "minimax1":
            let lines = calls.map { $0.json.serialized() }.joined(separator: "\n")
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
                return "\(call.name)(\(arguments.joined(separator: ", ")))"
            }
            return [
                control("<|tool_call_start|>"), TemplateSpan("[\(texts.joined(separator: ", "))]"),
                control("<|tool_call_end|>"),
            ]
        case "gemma4":
            return calls.flatMap { call in
                let inner: [TemplateSpan] =
                    switch call.arguments {
                    case .object:
                        Array(gemma(call.arguments.withUniqueMembers).dropFirst().dropLast())
                    case .string(let text): [TemplateSpan(text)]
                    default: gemma(call.arguments.withUniqueMembers)
                    }
                return [
                    control("<|tool_call>"), TemplateSpan("call:\(call.name){"),
                ] + inner + [TemplateSpan("}"), control("<tool_call|>")]
            }
        default: throw unknown
        }
    }

    /// Each call as JSON inside of tags.
    private func taggedCalls(_ calls: [FunctionCall]) -> [TemplateSpan] {
        calls.enumerated().flatMap { index, call in
            [
                control((index > 0 ? "\n" : "") + "<tool_call>\n"),
                TemplateSpan(call.json.serialized()), control("\n</tool_call>"),
            ]
        }
    }

    /// Each call with its arguments one by one, texts as they are and other values as JSON.
    private func parameterized(
        _ calls: [FunctionCall], name: (String, String), key: (String, String),
        value: (String, String),
        end: String
    ) -> [TemplateSpan] {
        calls.enumerated().flatMap { index, call in
            var spans = [
                control((index > 0 ? "\n" : "") + name.0),
                TemplateSpan(call.name), control(name.1),
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
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
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
