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

    private static let han = #"[一-龥\u0800-一가-\ud7ff]+"#
    private static let punctuatedWords =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"##
    private static let kana = #"[一-龥\u3040-ゟ゠-ヿ]+"#
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
                #"\s?[!-/:-~！-／：-～‘-‟\u3000-。]+"#, #"\s+\z"#, han, #"\p{N}+"#,
            ]
        case "falcon": [#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2, "[0-9][0-9][0-9]"]
        case "bloom", "poro-chat", "gpt3-finnish": [#" ?[^(\s|.,!?…。，、।۔،)]+"#]
        case "viking": [#" ?[^(\s|.,!?…。，、।۔،)]+"#, #"\p{N}"#]
        case "afmoe":
            [
                digitGroups,
                "[一-鿿㐀-䶿豈-\u{FAFF}\u{3040}-ゟ゠-ヿ･-ﾟ⼀-\u{2FDF}เ-\u{0E7F}\u{0E80}-\u{0EFF}ក-\u{17FF}က-႟ꩠ-ꩿꧠ-\u{A9FF}가-\u{D7AF}ᄀ-ᇿ]+",
                punctuatedWords + #" ?[\p{P}\p{S}]+[\r\n]*"# + spaces,
            ]
        case "default":
            [#"[\p{P}\$\+<=>\^~\|]+"#, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"]
        default: nil
        }
    }

    /// The letters that DeepSeek's first models list one by one.
    private static let deepSeekLetters =
        "[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅ"
        + "ὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼ\u{1FBE}ῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u{2126}ℨ\u{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳ"
        + "Ꙁ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]"

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
