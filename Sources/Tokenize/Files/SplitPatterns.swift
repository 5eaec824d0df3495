/// The split patterns of families of models, by which files without patterns name them.
enum SplitPatterns {
    static let gpt2 =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    private static let contractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)"#
    private static let spaces = #"|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// GPT-4's kind; families differ in how many digits make a word.
    static func gpt4(digits: String) -> String {
        contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits + #"| ?[^\s\p{L}\p{N}]+[\r\n]*"#
            + spaces
    }

    static let cl100k = gpt4(digits: #"\p{N}{1,3}"#)
    static let qwen2 = gpt4(digits: #"\p{N}"#)
    static let qwen35 =
        contractions + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"#
        + spaces

    /// Words that begin with capitals or are of small letters, then what a family adds.
    private static func cased(_ suffix: String, _ rest: String, without: String = "") -> String {
        let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}"# + without + "]"
        let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}"# + without + "]"
        let lead = #"[^\r\n\p{L}\p{N}]?"#
        return lead + upper + "*" + lower + "+" + suffix + "|" + lead + upper + "+" + lower + "*"
            + suffix + "|" + rest + spaces
    }

    static let o200k = cased(
        contractions + "?", #"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*"#)
    static let tekken = cased("", #"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*"#)
    static let kimi =
        #"[\p{Han}]+|"#
        + cased(
            contractions + "?", #"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"#,
            without: #"&&[^\p{Han}]"#)

    private static let han = #"[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+"#
    private static let punctuatedWords =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"##
    private static let kana = #"[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+"#
    private static let digitGroups = #"\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))"#

    /// The splits, one after another, of the names of `tokenizer.ggml.pre`, as llama.cpp has them.
    static func named(_ name: String) -> [String]? {
        switch name {
        case "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de",
            "a.x-4.0", "mellum", "modern-bert", "jina-v1-en", "jina-v2-code", "roberta-bpe", "mpt",
            "olmo", "jais", "trillion", "granite-docling", "exaone4":
            [gpt2]
        case "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b",
            "mellum2":
            [#"\p{N}"#, gpt2]
        case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
            "lfm2", "jina-v5-nano", "dbrx", "smaug-bpe", "chatglm-bpe", "glm4", "glm5":
            [cl100k]
        case "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan",
            "solar-open", "grok-2":
            [qwen2]
        case "qwen35": [qwen35]
        case "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2": [o200k]
        case "tekken": [tekken]
        case "kimi-k2": [kimi]
        case "tiny_aya", "cohere2moe": [#"\d{1,3}(?=(?:\d{3})*\b)"#, o200k]
        case "superbpe": [#"\p{N}+"#, #"(?=(\d{3})+(?!\d))"#]
        case "minicpm5": [#"\p{N}{1,3}"#, gpt4(digits: #"\p{N}+"#)]
        case "seed-coder":
            [
                contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+"#
                    + spaces
            ]
        case "ufakzeka":
            [#"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"# + spaces]
        case "laguna": [#"[^\n]+|[\n]+"#, qwen2]
        case "bailingmoe", "bailingmoe2", "llada-moe":
            [
                #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"#
                    + #"|\s*[\r\n]|\s+(?!\S)|\s+"#
            ]
        case "exaone-moe":
            [
                contractions + #"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}"#
                    + #"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"#
            ]
        case "jais-2":
            [
                contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"#
                    + #"|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)"#
                    + #"|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}"#
            ]
        case "deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4":
            [
                #"\p{N}{1,3}"#, kana, punctuatedWords + #" ?[\p{P}\p{S}]+[\r\n]*"# + spaces,
            ]
        case "spark2_5":
            [
                #"\p{N}{1,3}"#, kana,
                punctuatedWords + #" ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+"#, #"\p{N}"#,
            ]
        case "deepseek-coder": [#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, han, #"\p{N}"#]
        case "deepseek-llm":
            [
                #"[\r\n]"#, #"\s?"# + deepSeekLetters + "+",
                #"\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+"#, #"\s+\z"#,
                han, #"\p{N}+"#,
            ]
        case "falcon": [#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2, "[0-9][0-9][0-9]"]
        case "bloom", "poro-chat", "gpt3-finnish":
            [#" ?[^(\s|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)]+"#]
        case "viking": [#" ?[^(\s|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)]+"#, #"\p{N}"#]
        case "afmoe":
            [
                digitGroups,
                #"[\u4E00-\u9FFF\u3400-\u4DBF\u8C48-\uFAFF\u3040-\u309F\u30A0-"#
                    + #"\u30FF\uFF65-\uFF9F\u2F00-\u2FDF\u0E40-\u0E7F\u0E80-\u0EFF\u1780-\u17FF\u1000-\u109F\uAA60-\uAA7F\uA9E0-\uA9FF\uAC00-\uD7AF\u1100-\u11FF]+"#,
                punctuatedWords + #" ?[\p{P}\p{S}]+[\r\n]*"# + spaces,
            ]
        case "default":
            [#"[\p{P}\$\+<=>\^~\|]+"#, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"]
        default: nil
        }
    }

    /// The letters that DeepSeek's first models list one by one.
    private static let deepSeekLetters =
        #"[A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293"#
        + #"\u0295-\u02AF\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A"#
        + #"\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-"#
        + #"\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-"#
        + #"\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-"#
        + #"\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-"#
        + #"\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-"#
        + #"\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-"#
        + #"\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-"#
        + #"\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-"#
        + #"\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17\uFF21-"#
        + #"\uFF3A\uFF41-\uFF5A\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}"#
        + #"\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]"#

    /// Names whose words are taken whole where they are tokens.
    static let ignoringMerges: Set<String> = [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "jina-v5-nano", "minicpm5", "glm4", "glm5", "tekken",
    ]

    /// Names whose texts begin with a token when the file does not say.
    static let addingBeginOfText: Set<String> = [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "jina-v5-nano", "tekken", "chameleon",
    ]
}
