#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The texts around descriptions of tools; they must be exactly these (see NOTICE).
enum ToolPrompt {
    /// Texts before and after the tools.
    typealias Frame = (before: String, after: String)

    static let qwen: Frame = (
        before: "\n\n# Tools\n\nYou may call one or more functions to assist with the user query."
            + "\n\nYou are provided with function signatures within <tools></tools> XML tags:"
            + "\n<tools>",
        after: "\n</tools>\n\nFor each function call, return a json object with function name and "
            + "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": "
            + "<function-name>, \"arguments\": <args-json-object>}\n</tool_call>"
    )

    static let glm4MoE: Frame = (
        before: "\n\n# Tools\n\nYou may call one or more functions to assist with the user "
            + "query.\n\nYou are provided with function signatures within <tools></tools> "
            + "XML tags:\n<tools>",
        after: "\n</tools>\n\nFor each function call, output the function name and arguments "
            + "within the following XML format:\n<tool_call>{function-name}\n<arg_key>"
            + "{arg-key-1}</arg_key>\n"
            + "<arg_value>{arg-value-1}</arg_value>\n<arg_key>{arg-key-2}</arg_key>\n<arg_value>"
            + "{arg-value-2}</arg_value>\n"
            + "...\n</tool_call>\n"
    )

    static let glm47: Frame = (
        before: glm4MoE.before,
        after: "\n</tools>\n\nFor each function call, output the function name and arguments "
            + "within the following XML format:\n<tool_call>{function-name}<arg_key>{arg-key-1}"
            + "</arg_key><arg_value>{arg-value-1}</arg_value><arg_key>{arg-key-2}</arg_key>"
            + "<arg_value>{arg-value-2}</arg_value>...</tool_call>"
    )

    static let ling: Frame = (
        before: "# Tools\n\nYou may call one or more functions to assist with the user query.\n"
            + "\nYou are provided with function signatures within <tools></tools> XML tags:\n"
            + "<tools>",
        after: "\n</tools>\n\nFor each function call, return a json object with function name "
            + "and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": "
            + "<function-name>, \"arguments\": <args-json-object>}\n</tool_call>"
    )

    static let qwen35: Frame = (
        before: "\n\n# Tools\n\nYou have access to the following functions:\n\n<tools>",
        after: "\n</tools>\n\nIf you choose to call a function ONLY reply in the following "
            + "format with NO suffix:\n\n<tool_call>\n<function=example_function_name>\n"
            + "<parameter=example_parameter_1>\n"
            + "value_1\n</parameter>\n<parameter=example_parameter_2>\nThis is the value "
            + "for the second parameter\nthat can span\nmultiple lines\n</parameter>\n</function>\n"
            + "</tool_call>\n\n<IMPORTANT>\nReminder:\n- Function calls MUST follow the specified "
            + "format: an inner <function=...></function> block must be nested within <tool_call>"
            + "</tool_call> "
            + "XML tags\n- Required parameters MUST be specified\n- You may provide optional "
            + "reasoning for your function call in natural language BEFORE the function call, "
            + "but NOT after\n- If there is no function call available, answer the question "
            + "like normal with your current knowledge and do not tell the user about function "
            + "calls\n</IMPORTANT>"
    )

    static let miniMax1: Frame = (
        before: "You are provided with these tools:\n<tools>\n",
        after: "</tools>\n\nIf you need to call tools, please respond with <tool_calls>"
            + "</tool_calls> "
            + "XML tags, and provide tool-name and json-object of arguments, following the "
            + "format below:\n<tool_calls>\n{\"name\": <tool-name-1>, \"arguments\": "
            + "<args-json-object-1>}\n"
            + "...\n</tool_calls>"
    )

    static let miniMax2: Frame = (
        before: "\n\n# Tools\n\nYou may call one or more tools to assist with the user query.\n"
            + "Here are the tools available in JSONSchema format:\n\n<tools>\n",
        after: "</tools>\n\nWhen making tool calls, use XML format to invoke tools and pass "
            + "parameters:\n\n<minimax:tool_call>\n<invoke name=\"tool-name-1\">\n<parameter "
            + "name=\"param-key-1\">param-value-1</parameter>\n<parameter name=\"param-key-2\">"
            + "param-value-2</parameter>\n"
            + "...\n</invoke>\n</minimax:tool_call>"
    )

    static let seed: Frame = (
        before: "system\nYou are Doubao, a helpful AI assistant. You may call one or more "
            + "functions "
            + "to assist with the user query.Tool List:\nYou are authorized to use the following "
            + "tools (described in JSON Schema format). Before performing any task, you must "
            + "decide how to call them based on the descriptions and parameters of these "
            + "tools.",
        after: "\n工具调用请遵循如下格式:\n<seed:tool_call>\n<function=example_function_name>\n"
            + "<parameter=example_parameter_1>value_1</parameter>\n"
            + "<parameter=example_parameter_2>This is the value for the second parameter\n"
            + "that can span\nmultiple lines</parameter>\n</function>\n</seed:tool_call>\n"
    )

    static let lfm2: Frame = (
        before: "List of tools: <|tool_list_start|>",
        after: "<|tool_list_end|>"
    )

    static let glm4 =
        "你是一个名为 ChatGLM 的人工智能助手。你是基于智谱 AI 公司训练的语言模型 GLM-4 模型开发的，"
        + "你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具"

    static let glm4Tail = "在调用上述函数时，请使用 Json 格式表示调用的参数。"

    static func llama3(date: String) -> String {
        "Cutting Knowledge Date: December 2023\nToday Date: \(date)\n\nYou have access to the "
            + "following functions. To call a function, please respond with JSON for a function "
            + "call. Respond in the format {\"name\": function name, \"parameters\": dictionary of "
            + "argument name and its value}. Do not use variables.\n\n"
    }

    /// The day as `02 Jan 2025`.
    static func today() -> String {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let day = parts.tm_mday < 10 ? "0\(parts.tm_mday)" : "\(parts.tm_mday)"
        return "\(day) \(months[Int(parts.tm_mon) % 12]) \(1900 + Int(parts.tm_year))"
    }
}
