/// How a format writes the text beside calls, as models' own templates do.
struct TextBesideCalls {
    /// Around the text, where there is one.
    var words = ChatTemplate.Words(open: "", close: "\n")
    /// Whether white space at its ends is dropped.
    var isTrimmed = false
    /// Whether it stands behind the calls.
    var isBehind = false

    /// The way of a format. Formats whose models write no text beside calls have it in a line of its own.
    init(_ format: ToolFormat) {
        switch format.rawValue {
        case "glm4_moe":
            words = ChatTemplate.Words(open: "\n", close: "")
            isTrimmed = true
        case "glm4_7":
            words.close = ""
            isTrimmed = true
        case "qwen3_5", "seed_oss":
            words.close = "\n\n"
            isTrimmed = true
        case "minimax2", "ministral3", "lfm2": words.close = ""
        case "gemma4":
            words.close = ""
            (isTrimmed, isBehind) = (true, true)
        default: break
        }
    }
}
