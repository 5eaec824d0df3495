import FledgeCore
internal import FledgeJinja

/// The words of formats that write the arguments of a call one by one.
struct CallElements {
    /// How values that are no texts are written.
    enum Values {
        /// As JSON.
        case json
        /// `True`, `False` and `None`, as Python writes them, and all else as JSON.
        case pythonWords
        /// All as Python's `str` writes them.
        case python
    }

    /// Around the name.
    var name: ChatTemplate.Words
    /// Around the name of an argument.
    var key: ChatTemplate.Words
    /// Around its value.
    var value: ChatTemplate.Words
    /// Behind the arguments.
    var end: String
    /// Between two calls.
    var separator = "\n"
    /// How values that are no texts are written.
    var values = Values.json

    /// The text of calls.
    ///
    /// - Throws: ``FledgeError`` for values that are nested too deeply.
    func spans(_ calls: [FunctionCall]) throws -> [TemplateSpan] {
        func control(_ text: String) -> TemplateSpan { TemplateSpan(text, isControl: true) }
        return try calls.enumerated().flatMap { index, call in
            var spans = [
                control((index > 0 ? separator : "") + name.open),
                TemplateSpan(call.name), control(name.close),
            ]
            for argument in call.arguments.withUniqueMembers.members ?? [] {
                spans += [
                    control(key.open), TemplateSpan(argument.key), control(key.close + value.open),
                    TemplateSpan(try values.text(argument.value)), control(value.close),
                ]
            }
            return spans + [control(end)]
        }
    }
}

extension CallElements.Values {
    /// The text of a value.
    func text(_ value: JSONValue) throws -> String {
        switch (self, value) {
        case (_, .string(let text)): text
        case (.pythonWords, .null), (.pythonWords, .bool), (.python, _):
            try JinjaText.python(value)
        default: value.serialized()
        }
    }
}

extension CallElements {
    /// The words of a format; nil for one that does not write arguments one by one.
    ///
    /// - Parameter asReference: Whether the words are the reference's, which some models do not know.
    static func of(_ format: ToolFormat, asReference: Bool) -> CallElements? {
        func words(_ open: String, _ close: String) -> ChatTemplate.Words {
            ChatTemplate.Words(open: open, close: close)
        }
        switch (format.rawValue, asReference) {
        case ("qwen3_5", _):
            return CallElements(
                name: words("<tool_call>\n<function=", ">"), key: words("\n<parameter=", ">"),
                value: words("\n", "\n</parameter>"), end: "\n</function>\n</tool_call>",
                values: asReference ? .json : .pythonWords)
        case ("glm4_moe", _), ("glm4_7", true):
            return CallElements(
                name: words("\n<tool_call>", ""), key: words("\n<arg_key>", "</arg_key>"),
                value: words("\n<arg_value>", "</arg_value>"),
                end: asReference ? "" : "\n</tool_call>", separator: asReference ? "\n" : "")
        case ("glm4_7", false):
            return CallElements(
                name: words("<tool_call>", ""), key: words("<arg_key>", "</arg_key>"),
                value: words("<arg_value>", "</arg_value>"), end: "</tool_call>", separator: "")
        case ("minimax2", _):
            return CallElements(
                name: words("<invoke name=\"", "\">"), key: words("\n<parameter name=\"", "\">"),
                value: words("", "</parameter>"), end: "\n</invoke>")
        case ("seed_oss", true):
            return CallElements(
                name: words("\n<seed:tool_call>\n<function=", ""), key: words("\n<parameter=", ">"),
                value: words("", "</parameter>"), end: "\n</function>\n</seed:tool_call>")
        case ("seed_oss", false):
            return CallElements(
                name: words("<seed:tool_call>\n<function=", ">"), key: words("\n<parameter=", ">"),
                value: words("", "</parameter>"), end: "\n</function>\n</seed:tool_call>",
                values: .python)
        default: return nil
        }
    }
}
