#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The texts around descriptions of tools; they must be exactly these (see NOTICE).
enum ToolPrompt {
    static let qwen = (
        before: "\n\n# Tools\n\nYou may call one or more functions to assist with the user query."
            + "\n\nYou are provided with function signatures within <tools></tools> XML tags:"
            + "\n<tools>",
        after: "\n</tools>\n\nFor each function call, return a json object with function name and "
            + "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": "
            + "<function-name>, \"arguments\": <args-json-object>}\n</tool_call>"
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
