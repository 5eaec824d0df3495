import FledgeCore
internal import FledgeJinja

extension ToolFormat {
    /// The text of calls that are given as JSON: an object with name and arguments, or a list.
    ///
    /// - Parameter asReference: Whether they are written as the reference does, where models' own
    ///   templates write something else.
    package func calls(_ text: String, asReference: Bool = false) throws -> [TemplateSpan] {
        try calls(FunctionCall.list(text), asReference: asReference)
    }

    /// The text of calls.
    func calls(_ calls: [FunctionCall], asReference: Bool = false) throws -> [TemplateSpan] {
        if let elements = CallElements.of(self, asReference: asReference) {
            let spans = try elements.spans(calls)
            guard rawValue == "minimax2", !asReference else { return spans }
            return [control("\n<minimax:tool_call>\n")] + spans
                + [control("\n</minimax:tool_call>")]
        }
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
        case "ministral3" where !asReference:
            return calls.flatMap { call in
                [
                    control("[TOOL_CALLS]"), TemplateSpan(call.name), control("[ARGS]"),
                    TemplateSpan(call.arguments.serialized()),
                ]
            }
        case "mistral", "ministral3":
            return [TemplateSpan(JSONValue.array(calls.map(\.json)).serialized())]
        case "minimax1":
            let lines = calls.map { $0.json.serialized() }.joined(separator: "\n")
            return [
                control("<tool_calls>\n"), TemplateSpan(lines), control("\n</tool_calls>"),
            ]
        case "lfm2":
            let values = asReference ? CallElements.Values.json : .pythonWords
            let texts = try calls.map { call in
                let arguments = try (call.arguments.members ?? []).map { argument in
                    try argument.value.stringValue.map { "\(argument.key)=\"\($0)\"" }
                        ?? "\(argument.key)=\(values.text(argument.value))"
                }
                return "\(call.name)(\(arguments.joined(separator: ", ")))"
            }
            return [
                control("<|tool_call_start|>"), TemplateSpan("[\(texts.joined(separator: ", "))]"),
                control("<|tool_call_end|>"),
            ]
        case "gemma4":
            return try calls.flatMap { call in
                let value = call.arguments.withUniqueMembers
                let inner: [TemplateSpan] =
                    switch value {
                    case .object: Array(try gemma(value, asReference).dropFirst().dropLast())
                    case .string(let text): [TemplateSpan(text)]
                    default: try gemma(value, asReference)
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

    /// A value as Gemma 4 writes it: members sorted, texts between marks.
    private func gemma(_ value: JSONValue, _ asReference: Bool) throws -> [TemplateSpan] {
        let comma = [TemplateSpan(",")]
        switch value {
        case .string(let text): return quoted(text)
        case .array(let items):
            return [TemplateSpan("[")]
                + (try items.map { try gemma($0, asReference) }).joined(separator: comma)
                + [TemplateSpan("]")]
        case .object(let members):
            // Jinja sorts without regard to case; of equal names the first stays the first.
            let names = members.map { asReference ? $0.key : JinjaText.lowercase($0.key) }
            let sorted = members.indices.sorted {
                if names[$0] == names[$1] { return $0 < $1 }
                return names[$0].utf8.lexicographicallyPrecedes(names[$1].utf8)
            }
            let parts = try sorted.map {
                [TemplateSpan(members[$0].key + ":")]
                    + (try gemma(members[$0].value, asReference))
            }
            return [TemplateSpan("{")] + parts.joined(separator: comma) + [TemplateSpan("}")]
        case .null where !asReference: return [TemplateSpan("None")]
        default: return [TemplateSpan(value.serialized())]
        }
    }

    /// A text between Gemma 4's marks.
    func quoted(_ text: String) -> [TemplateSpan] {
        [control("<|\"|>"), TemplateSpan(text), control("<|\"|>")]
    }
}
