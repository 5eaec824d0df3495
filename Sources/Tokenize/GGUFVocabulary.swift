public import FledgeCore

/// The tokenizer of a GGUF file's metadata, in the terms of that format.
public struct GGUFVocabulary: Sendable {
    /// `tokenizer.ggml.model`: the kind of tokenizer; `gpt2` is byte-level BPE.
    public var model: String
    /// `tokenizer.ggml.pre`: the name of the way words are cut.
    public var preTokenizer: String
    /// `tokenizer.ggml.tokens`.
    public var tokens: [[UInt8]]
    /// `tokenizer.ggml.token_type`: 3 for control tokens, 4 for other added ones.
    public var tokenTypes: [Int]
    /// `tokenizer.ggml.merges`.
    public var merges: [[UInt8]]
    /// The ids of bos, eos, unknown and padding.
    public var beginOfText, endOfText, unknown, padding: Int?
    /// `tokenizer.chat_template`.
    public var chatTemplate: String?
    /// `tokenizer.ggml.add_bos_token` and `add_eos_token`; nil when the file does not say.
    public var addsBeginOfText, addsEndOfText: Bool?

    /// Creates a vocabulary.
    public init(
        model: String, preTokenizer: String, tokens: [[UInt8]], tokenTypes: [Int] = [],
        merges: [[UInt8]]
    ) {
        self.model = model
        self.preTokenizer = preTokenizer
        self.tokens = tokens
        self.tokenTypes = tokenTypes
        self.merges = merges
    }
}

extension BytePairTokenizer {
    /// Builds a tokenizer from the metadata of a GGUF file.
    ///
    /// - Parameter file: The path, for messages.
    public init(_ vocabulary: GGUFVocabulary, file: String) throws {
        let stages = TokenizerStages(file: file)
        guard vocabulary.model == "gpt2" else {
            throw stages.unsupported("model", vocabulary.model)
        }
        guard let style = GGUFStyle.named[vocabulary.preTokenizer] else {
            throw stages.unsupported("pre-tokenizer", vocabulary.preTokenizer)
        }
        var tokens = TokenTable(capacity: vocabulary.tokens.count)
        for (id, token) in vocabulary.tokens.enumerated() {
            guard token.withUnsafeBufferPointer({ tokens.insert($0, id: Int32(id)) }) else {
                throw corrupt("the token of id \(id) occurs twice", file)
            }
        }
        var merges = MergeTable(capacity: vocabulary.merges.count)
        for merge in vocabulary.merges {
            try merge.withUnsafeBufferPointer { try merges.append(spaced: $0, tokens, file) }
        }
        // The metadata's unknown token is the model's, not that of byte pairs: those drop bytes.
        self.init(
            model: BytePairModel(
                tokens: tokens, merges: merges, ignoresMerges: style.ignoresMerges),
            normalizer: try stages.normalizer(style.normalizer),
            preTokenizers: try stages.preTokenizers(style.preTokenizer),
            addedTokens: zip(vocabulary.tokens, vocabulary.tokenTypes).enumerated().compactMap {
                id, entry in
                guard entry.1 == 3 || entry.1 == 4 else { return nil }
                return AddedToken(
                    String(decoding: entry.0, as: UTF8.self), id: Int32(id),
                    isSpecial: entry.1 == 3)
            })
        files.normalizer = style.normalizer
        files.preTokenizer = style.preTokenizer
        func id(_ value: Int?) -> Int32? {
            value.flatMap(Int32.init(exactly:)).flatMap { tokens.contains($0) ? $0 : nil }
        }
        beginOfText = id(vocabulary.beginOfText)
        endOfText = id(vocabulary.endOfText)
        unknown = id(vocabulary.unknown)
        padding = id(vocabulary.padding)
        chatTemplate = vocabulary.chatTemplate
        files.postProcessor = postProcessor(
            vocabulary.addsBeginOfText ?? style.addsBeginOfText, vocabulary.addsEndOfText ?? false)
    }
}

/// How the names of `tokenizer.ggml.pre` cut words, written as in `tokenizer.json`.
private struct GGUFStyle {
    var normalizer = JSONValue.null
    var preTokenizer: JSONValue
    var ignoresMerges = false
    /// What llama.cpp does for this name when the file does not say.
    var addsBeginOfText = false

    static let named: [String: GGUFStyle] = [
        "gpt-2": GGUFStyle(preTokenizer: byteLevel(usesPattern: true)),
        "smollm": GGUFStyle(preTokenizer: digitsThenByteLevel),
        "starcoder": GGUFStyle(preTokenizer: digitsThenByteLevel),
        "refact": GGUFStyle(preTokenizer: digitsThenByteLevel),
        "llama-bpe": GGUFStyle(
            preTokenizer: modern(#"\p{N}{1,3}"#), ignoresMerges: true, addsBeginOfText: true),
        "qwen2": GGUFStyle(normalizer: ["type": "NFC"], preTokenizer: modern(#"\p{N}"#)),
    ]

    private static func byteLevel(usesPattern: Bool) -> JSONValue {
        [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": .bool(usesPattern),
        ]
    }

    private static let digitsThenByteLevel: JSONValue = [
        "type": "Sequence",
        "pretokenizers": [
            ["type": "Digits", "individual_digits": true], byteLevel(usesPattern: true),
        ],
    ]

    private static func modern(_ digits: String) -> JSONValue {
        let expression =
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        return [
            "type": "Sequence",
            "pretokenizers": [
                [
                    "type": "Split", "pattern": ["Regex": .string(expression)],
                    "behavior": "Isolated", "invert": false,
                ], byteLevel(usesPattern: false),
            ],
        ]
    }
}

extension GGUFVocabulary {
    /// Reads the metadata of a GGUF file.
    public init(_ file: GGUFFile) throws {
        func key(_ name: String) -> String { "tokenizer.ggml." + name }
        self.init(
            model: try file.value(key("model"), "a text", \.stringValue),
            preTokenizer: file.metadata[key("pre")]?.stringValue ?? "default",
            tokens: try file.value(key("tokens"), "a list of texts", \.stringArray),
            tokenTypes: file.metadata[key("token_type")]?.intArray ?? [],
            merges: file.metadata[key("merges")]?.stringArray ?? [])
        func id(_ name: String) -> Int? { file.metadata[key(name + "_token_id")]?.intValue }
        beginOfText = id("bos")
        endOfText = id("eos")
        unknown = id("unknown")
        padding = id("padding")
        chatTemplate = file.metadata["tokenizer.chat_template"]?.stringValue
        addsBeginOfText = file.metadata[key("add_bos_token")]?.boolValue
        addsEndOfText = file.metadata[key("add_eos_token")]?.boolValue
    }
}

extension BytePairTokenizer {
    /// Builds a tokenizer from the metadata of a GGUF file.
    public init(_ file: GGUFFile) throws {
        try self.init(GGUFVocabulary(file), file: file.path)
    }
}
