public import FledgeCore

/// The tokenizer of a GGUF file's metadata, in the terms of that format.
public struct GGUFVocabulary: Sendable {
    /// `tokenizer.ggml.model`: the kind of tokenizer; `gpt2` is byte-level BPE, `llama` SentencePiece's
    /// BPE, `t5` Unigram, `bert` WordPiece.
    public var model: String
    /// `tokenizer.ggml.pre`: the name of the way words are cut.
    public var preTokenizer: String
    /// `tokenizer.ggml.tokens`.
    public var tokens: [[UInt8]]
    /// `tokenizer.ggml.token_type`: 3 for control tokens, 4 for other added ones.
    public var tokenTypes: [Int]
    /// `tokenizer.ggml.scores`.
    public var scores: [Double] = []
    /// `tokenizer.ggml.merges`.
    public var merges: [[UInt8]]
    /// The ids of bos, eos, unknown and padding.
    public var beginOfText, endOfText, unknown, padding: Int?
    /// `tokenizer.chat_template`.
    public var chatTemplate: String?
    /// `tokenizer.ggml.add_bos_token` and `add_eos_token`; nil when the file does not say.
    public var addsBeginOfText, addsEndOfText: Bool?
    /// `tokenizer.ggml.add_space_prefix` and `remove_extra_whitespaces`; nil when it does not say.
    public var addsSpacePrefix, removesExtraWhitespace: Bool?
    /// `tokenizer.ggml.precompiled_charsmap`.
    public var characterMap: [UInt8] = []

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

    fileprivate var controlTokens: [AddedToken] {
        zip(tokens, tokenTypes).enumerated().compactMap { id, entry in
            guard entry.1 == 3 || entry.1 == 4, let id = TokenTable.checked(id) else { return nil }
            return AddedToken(
                String(decoding: entry.0, as: UTF8.self), id: id, isSpecial: entry.1 == 3)
        }
    }
}

extension TextTokenizer {
    /// Builds a tokenizer from the metadata of a GGUF file.
    ///
    /// - Parameter file: The path, for messages.
    public init(_ vocabulary: GGUFVocabulary, file: String) throws {
        let addsBegin: Bool
        switch vocabulary.model {
        case "gpt2", "gemma4":
            self = try Self.bytePairs(vocabulary, file)
            addsBegin = SplitPatterns.addingBeginOfText.contains(vocabulary.preTokenizer)
        case "llama", "t5":
            self = try Self.pieces(vocabulary, file)
            addsBegin = vocabulary.model == "llama"
        case "bert":
            self = try Self.wordPieces(vocabulary, file)
            addsBegin = true
        default: throw StageReader(file: file).unsupported("model", vocabulary.model)
        }
        let tokens = model.vocabulary
        func id(_ value: Int?) -> Int32? {
            value.flatMap(TokenTable.checked).flatMap { tokens.contains($0) ? $0 : nil }
        }
        beginOfText = id(vocabulary.beginOfText)
        endOfText = id(vocabulary.endOfText)
        unknown = id(vocabulary.unknown)
        padding = id(vocabulary.padding)
        chatTemplate = vocabulary.chatTemplate
        let addsEnd = vocabulary.addsEndOfText ?? (vocabulary.model == "t5")
        files.postProcessor = postProcessor(vocabulary.addsBeginOfText ?? addsBegin, addsEnd)
        if vocabulary.model == "bert",
            let first = self.id(ofSpecial: "[CLS]"), let last = self.id(ofSpecial: "[SEP]")
        {
            files.postProcessor = StageValues.template([("[CLS]", first)], [("[SEP]", last)])
        }
    }

    private static func bytePairs(_ source: GGUFVocabulary, _ file: String) throws -> TextTokenizer
    {
        let isMarked = source.model == "gemma4" || source.preTokenizer == "gemma4"
        let vocabulary = Vocabulary(isByteLevel: !isMarked, capacity: source.tokens.count)
        for (id, token) in source.tokens.enumerated() {
            guard vocabulary.insert(token, id: Int32(clamping: id)) else {
                throw corrupt("the token of id \(id) occurs twice", file)
            }
        }
        var merges = MergeReader(vocabulary, file: file)
        for merge in source.merges {
            try merge.withUnsafeBufferPointer { try merges.add(spaced: $0) }
        }
        var files = TokenizerFiles()
        // The metadata's unknown token is the model's, not that of byte pairs: those drop bytes.
        var options = BytePairModel.Options()
        if isMarked {
            options.fallsBackToBytes = true
            files.normalizer = StageValues.sentencePiece(
                SentencePieceNormalizer(addsDummyPrefix: false, removesExtraWhitespace: false),
                map: [])
            files.preTokenizer = StageValues.split(#"[^\n]+|[\n]+"#)
            files.decoder = StageValues.sentencePieceDecoder(dropsFirstSpace: false)
        } else {
            guard let splits = SplitPatterns.named(source.preTokenizer) else {
                throw StageReader(file: file).unsupported("pre-tokenizer", source.preTokenizer)
            }
            options.ignoresMerges = SplitPatterns.ignoringMerges.contains(source.preTokenizer)
            if SplitPatterns.named("qwen2") == splits, source.preTokenizer != "stablelm2" {
                files.normalizer = ["type": "NFC"]
            }
            files.preTokenizer = StageValues.byteLevel(splits: splits)
            if splits == SplitPatterns.named("smollm") {
                files.preTokenizer = [
                    "type": "Sequence",
                    "pretokenizers": [
                        ["type": "Digits", "individual_digits": true],
                        StageValues.byteLevel(usesPattern: true),
                    ],
                ]
            }
            files.decoder = StageValues.byteLevelDecoder
        }
        return try TextTokenizer(
            files: files, addedTokens: source.controlTokens, file: file, mayBeByteLevel: !isMarked
        ) { _, controls in
            options.controls = controls
            return .bytePair(
                BytePairModel(
                    vocabulary: vocabulary, merges: MergeTable(merges.pairs), options: options))
        }
    }

    private static func pieces(_ source: GGUFVocabulary, _ file: String) throws -> TextTokenizer {
        var vocabulary = PieceVocabulary(file: file)
        vocabulary.isUnigram = source.model == "t5"
        for (id, token) in source.tokens.enumerated() {
            let type = id < source.tokenTypes.count ? source.tokenTypes[id] : 1
            let score = id < source.scores.count ? Float(source.scores[id]) : 0
            guard !score.isNaN else { throw corrupt("a token's score is no number", file) }
            vocabulary.pieces.append(
                (token, score, PieceVocabulary.Kind(rawValue: type) ?? .normal))
        }
        vocabulary.normalizer.addsDummyPrefix = source.addsSpacePrefix ?? true
        vocabulary.normalizer.removesExtraWhitespace =
            source.removesExtraWhitespace ?? vocabulary.isUnigram
        vocabulary.characterMap = source.characterMap
        if !source.characterMap.isEmpty {
            guard let map = CharacterMap(source.characterMap) else {
                throw corrupt("the table of characters is damaged", file)
            }
            vocabulary.normalizer.characterMap = map
        }
        return try vocabulary.tokenizer(findsUserDefined: true)
    }

    private static func wordPieces(
        _ source: GGUFVocabulary, _ file: String
    ) throws -> TextTokenizer {
        let vocabulary = Vocabulary(isByteLevel: false, capacity: source.tokens.count)
        for (id, token) in source.tokens.enumerated() {
            // The format writes a mark before the tokens that begin a word, and nothing before those
            // that continue one.
            let mark = SentencePieceNormalizer.mark
            var written = token
            if token.starts(with: mark) {
                written.removeFirst(mark.count)
            } else if token.first != UInt8(ascii: "[") || token.last != UInt8(ascii: "]")
                || token.count < 3
            {
                written = Array("##".utf8) + token
            }
            guard vocabulary.insert(written, id: Int32(clamping: id)) else {
                throw corrupt("the token of id \(id) occurs twice", file)
            }
        }
        var files = TokenizerFiles()
        files.normalizer = [
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": nil, "lowercase": true,
        ]
        files.preTokenizer = ["type": "BertPreTokenizer"]
        files.decoder = ["type": "WordPiece", "prefix": "##", "cleanup": true]
        let unknown = source.unknown.flatMap(TokenTable.checked)
        return try TextTokenizer(
            files: files, addedTokens: source.controlTokens, file: file, mayBeByteLevel: false
        ) { _, controls in
            .wordPiece(
                WordPieceModel(
                    vocabulary: vocabulary, unknown: unknown, controls: controls,
                    continuingPrefix: Array("##".utf8),
                    maximumWordLength: 100))
        }
    }

    /// Builds a tokenizer from the metadata of a GGUF file.
    public init(_ file: GGUFFile) throws {
        try self.init(GGUFVocabulary(file), file: file.path)
    }
}

extension GGUFVocabulary {
    /// Reads the metadata of a GGUF file.
    public init(_ file: GGUFFile) throws {
        func entry<T>(
            _ name: String, _ expectation: String, _ read: (GGUFValue) -> T?
        ) throws -> T? {
            try file.optionalValue("tokenizer.ggml." + name, expectation, read)
        }
        self.init(
            model: try file.value("tokenizer.ggml.model", "a text", \.stringValue),
            preTokenizer: try entry("pre", "a text", \.stringValue) ?? "default",
            tokens: try file.value(
                "tokenizer.ggml.tokens", "a list of texts", \.stringArray),
            tokenTypes: try entry("token_type", "a list of numbers", \.intArray) ?? [],
            merges: try entry("merges", "a list of texts", \.stringArray) ?? [])
        scores = try entry("scores", "a list of numbers", \.doubleArray) ?? []
        let special = try GGUFSpecialTokens(file)
        (beginOfText, endOfText) = (special.beginOfText, special.endOfText)
        (unknown, padding) = (special.unknown, special.padding)
        chatTemplate = try file.optionalValue("tokenizer.chat_template", "a text", \.stringValue)
        addsBeginOfText = try entry("add_bos_token", "true or false", \.boolValue)
        addsEndOfText = try entry("add_eos_token", "true or false", \.boolValue)
        addsSpacePrefix = try entry("add_space_prefix", "true or false", \.boolValue)
        removesExtraWhitespace = try entry(
            "remove_extra_whitespaces", "true or false", \.boolValue)
        characterMap =
            try entry("precompiled_charsmap", "a list of bytes", \.intArray)?.map {
                UInt8(truncatingIfNeeded: $0)
            } ?? []
        try requireWhole(file.path)
    }

    /// Refuses lists that are missing or too short for the tokens: without them text would fall apart
    /// into other tokens than the model knows.
    private func requireWhole(_ path: String) throws {
        for (name, count) in [("token_type", tokenTypes.count), ("scores", scores.count)]
        where count != 0 && count != tokens.count {
            throw FledgeError(
                .fileCorrupt,
                "The metadata have \(tokens.count) tokenizer.ggml.tokens and \(count) "
                    + "tokenizer.ggml.\(name); expected one for each.",
                advice: "Convert the model again.", at: .init(file: path))
        }
        guard merges.isEmpty, model == "gpt2" || model == "gemma4" else { return }
        // A vocabulary of single bytes has nothing to merge.
        let longest = zip(tokens, tokenTypes + Array(repeating: 1, count: tokens.count))
            .first { $1 == 1 && String(decoding: $0, as: UTF8.self).unicodeScalars.count > 1 }
        guard let longest else { return }
        throw FledgeError(
            .fileCorrupt,
            "The metadata have no tokenizer.ggml.merges, expected the pairs that make tokens such as "
                + "'\(String(decoding: longest.0, as: UTF8.self))': without them text falls apart "
                + "into bytes.",
            advice:
                "Convert the model again with a converter that writes them, or take its Hugging "
                + "Face folder.", at: .init(file: path))
    }
}
