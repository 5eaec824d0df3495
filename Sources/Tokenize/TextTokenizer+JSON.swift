public import FledgeCore

extension TextTokenizer {
    /// Builds a tokenizer from the content of `tokenizer.json` and `tokenizer_config.json`.
    ///
    /// - Parameters:
    ///   - configuration: The content of `tokenizer_config.json`; `null` when there is none.
    ///   - specialTokens: The content of `special_tokens_map.json`; `null` when there is none.
    ///   - addedTokens: The content of `added_tokens.json`; `null` when there is none.
    ///   - file: The path of `tokenizer.json`, for messages.
    public init(
        json: JSONValue, configuration: JSONValue = .null, specialTokens: JSONValue = .null,
        addedTokens: JSONValue = .null, file: String
    ) throws {
        self = try JSONWriter.bytes(of: json, .dense).withUnsafeBytes {
            try TextTokenizer(parsing: $0, configuration, file: file)
        }
        configure(
            TokenizerSideFiles(
                configuration, specialTokens: specialTokens, addedTokens: addedTokens))
    }

    /// Reads the bytes of a `tokenizer.json`.
    ///
    /// - Parameter configuration: The content of `tokenizer_config.json`; `null` when there is none.
    init(
        parsing bytes: UnsafeRawBufferPointer, _ configuration: JSONValue = .null, file: String
    ) throws {
        var parser = JSONParser(bytes, file: file)
        var parts: [String: JSONValue] = [:]
        var model: ModelReader?
        try parser.parseMembers { parser, key in
            if key == "model", parser.peek() == UInt8(ascii: "{") {
                model = try ModelReader(
                    &parser, byteCount: bytes.count,
                    expectsBytes: TextTokenizer.endsInBytes(parts["pre_tokenizer"]), file: file)
            } else {
                parts[key] = try parser.parseValue()
            }
        }
        guard parser.atEnd() else { throw parser.unexpected("nothing after the tokenizer") }
        guard let model else {
            throw FledgeError(
                .fileCorrupt,
                "The file is no tokenizer.json: it has no member model, found "
                    + "\(parts.isEmpty ? "nothing" : parts.keys.sorted().listed).",
                advice: "Name the model's folder, or download its tokenizer.json again.",
                at: FledgeError.Location(file: file))
        }
        var files = TokenizerFiles()
        files.normalizer = parts["normalizer"] ?? .null
        files.preTokenizer = parts["pre_tokenizer"] ?? .null
        files.postProcessor = parts["post_processor"] ?? .null
        files.decoder = parts["decoder"] ?? .null
        TokenizerClass.applyPrefixSpace(configuration, to: &files)
        try self.init(
            files: files,
            addedTokens: (parts["added_tokens"]?.arrayValue ?? []).compactMap { value in
                value["id"]?.intValue.flatMap(TokenTable.checked).map {
                    AddedToken(value, id: $0)
                }
            }, file: file, mayBeByteLevel: model.mayBeByteLevel, model: model.model)
    }

    /// Whether the last stage that cuts words is ByteLevel.
    private static func endsInBytes(_ value: JSONValue?) -> Bool {
        if let last = value?["pretokenizers"]?.arrayValue?.last { return endsInBytes(last) }
        return value?["type"]?.stringValue == "ByteLevel"
    }

    /// Builds a tokenizer of stages that are written as in `tokenizer.json`.
    ///
    /// - Parameters:
    ///   - mayBeByteLevel: Whether the model can take bytes where the last stage makes characters of
    ///     them.
    ///   - model: Gets whether it is to take bytes, and the control tokens, which no text may become.
    init(
        files: TokenizerFiles, addedTokens: [AddedToken], file: String, mayBeByteLevel: Bool,
        model: (Bool, Set<Int32>) throws -> TokenModel
    ) throws {
        let stages = StageReader(file: file)
        let normalizer = try stages.normalizer(files.normalizer)
        var preTokenizers = try stages.preTokenizers(files.preTokenizer)
        var isByteLevel = false
        if mayBeByteLevel, case .byteLevel(let space, let pattern, _)? = preTokenizers.last {
            isByteLevel = true
            preTokenizers[preTokenizers.count - 1] = .byteLevel(
                addsPrefixSpace: space, pattern: pattern, writesBytes: false)
        }
        let model = try model(
            isByteLevel, Set(addedTokens.lazy.filter(\.isSpecial).map(\.id)))
        if !isByteLevel, case .bytePair(let bytePairs) = model,
            let borders = WordBorders(of: bytePairs)
        {
            preTokenizers.append(.words(borders))
        }
        self.init(
            model: model, normalizer: normalizer, preTokenizers: preTokenizers,
            decoder: try stages.decoder(files.decoder), addedTokens: addedTokens)
        self.files = files
        unknown = model.unknown
    }
}

extension AddedToken {
    /// An entry of `added_tokens` or of `added_tokens_decoder`.
    init(_ value: JSONValue, id: Int32) {
        func flag(_ key: String) -> Bool { value[key]?.boolValue ?? false }
        self.init(
            value["content"]?.stringValue ?? "", id: id, isSpecial: flag("special"),
            isSingleWord: flag("single_word"), stripsLeft: flag("lstrip"),
            stripsRight: flag("rstrip"), isNormalized: flag("normalized"))
    }

    /// The entry of `added_tokens`.
    var json: JSONValue {
        [
            "id": .integer(Int(id)), "content": .string(content),
            "single_word": .bool(isSingleWord),
            "lstrip": .bool(stripsLeft), "rstrip": .bool(stripsRight),
            "normalized": .bool(isNormalized), "special": .bool(isSpecial),
        ]
    }
}
