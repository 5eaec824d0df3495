public import FledgeCore

extension BytePairTokenizer {
    /// Builds a tokenizer from the content of `tokenizer.json` and `tokenizer_config.json`.
    ///
    /// - Parameters:
    ///   - configuration: The content of `tokenizer_config.json`; `null` when there is none.
    ///   - file: The path of `tokenizer.json`, for messages.
    public init(json: JSONValue, configuration: JSONValue = .null, file: String) throws {
        let stages = TokenizerStages(file: file)
        guard let model = json["model"] else {
            throw FledgeError(
                .fileCorrupt, "There is no model in this tokenizer.",
                at: FledgeError.Location(file: file))
        }
        let normalizerValue = json["normalizer"] ?? .null
        let preTokenizerValue = json["pre_tokenizer"] ?? .null
        let preTokenizers = try stages.preTokenizers(preTokenizerValue)
        try BytePairTokenizer.check(model, preTokenizers, stages)
        self.init(
            model: try BytePairModel(json: model, file: file),
            normalizer: try stages.normalizer(normalizerValue), preTokenizers: preTokenizers,
            addedTokens: (json["added_tokens"]?.arrayValue ?? []).compactMap { value in
                value["id"]?.intValue.flatMap(TokenTable.checked).map {
                    AddedToken(value, id: $0)
                }
            })
        files.normalizer = normalizerValue
        files.preTokenizer = preTokenizerValue
        files.postProcessor = json["post_processor"] ?? .null
        files.decoder = json["decoder"] ?? .null
        if configuration.members != nil { try configure(configuration) }
    }

    /// Refuses what would give other ids than the `tokenizers` library.
    private static func check(
        _ model: JSONValue, _ preTokenizers: [PreTokenizer], _ stages: TokenizerStages
    ) throws {
        // Old files leave the type out.
        let type = model["type"]?.stringValue ?? (model["merges"] == nil ? nil : "BPE")
        guard type == "BPE" else { throw stages.unsupported("model", type) }
        let isByteLevel = preTokenizers.contains { stage in
            if case .byteLevel = stage { true } else { false }
        }
        guard isByteLevel, model["byte_fallback"]?.boolValue != true else {
            throw stages.unsupported("model", "BPE without byte-level words")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"]
        where !(model[key]?.stringValue ?? "").isEmpty {
            throw stages.unsupported("model's", key)
        }
        if let dropout = model["dropout"]?.doubleValue, dropout > 0 {
            throw stages.unsupported("model's", "dropout")
        }
    }

    /// Takes the special tokens and the chat template from `tokenizer_config.json`.
    private mutating func configure(_ configuration: JSONValue) throws {
        files.configuration = configuration
        for (id, value) in configuration["added_tokens_decoder"]?.members.map({
            $0.map { ($0.key, $0.value) }
        }) ?? [] {
            guard let id = Int(id).flatMap(TokenTable.checked),
                let content = value["content"]?.stringValue, self.id(ofSpecial: content) == nil
            else { continue }
            append(AddedToken(value, id: id))
        }
        func content(_ value: JSONValue?) -> String? {
            value?.stringValue ?? value?["content"]?.stringValue
        }
        func special(_ name: String) -> Int32? {
            guard let text = content(configuration[name]), !text.isEmpty else { return nil }
            addSpecial(text)
            return id(ofSpecial: text)
        }
        beginOfText = special("bos_token")
        endOfText = special("eos_token")
        unknown = special("unk_token")
        padding = special("pad_token")
        let extra =
            configuration["extra_special_tokens"] ?? configuration["additional_special_tokens"]
        extraSpecials = (extra?.arrayValue ?? []).compactMap { content($0) }
        for text in extraSpecials { addSpecial(text) }
        chatTemplate =
            configuration["chat_template"]?.stringValue
            ?? configuration["chat_template"]?.arrayValue?
            .first { $0["name"]?.stringValue == "default" }?["template"]?.stringValue
    }
}

extension AddedToken {
    /// An entry of `added_tokens` or of `added_tokens_decoder`.
    fileprivate init(_ value: JSONValue, id: Int32) {
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

extension BytePairModel {
    /// The `model` of a `tokenizer.json`.
    fileprivate convenience init(json: JSONValue, file: String) throws {
        let entries = json["vocab"]?.members ?? []
        var tokens = TokenTable(capacity: entries.count)
        for entry in entries {
            var token = entry.key
            let id = entry.value.intValue.flatMap(Int32.init(exactly:)) ?? -1
            guard token.withUTF8({ tokens.insert($0, id: id) }) else {
                throw corrupt("the token \(entry.key) has no id of its own", file)
            }
        }
        let merges = try BytePairModel.merges(json["merges"]?.arrayValue ?? [], tokens, file)
        let unknown = try json["unk_token"]?.stringValue.map { text in
            guard let id = tokens.id(of: Array(text.utf8)) else {
                throw corrupt("the unknown token \(text) is not in the vocabulary", file)
            }
            return id
        }
        self.init(
            tokens: tokens, merges: merges, unknown: unknown,
            fusesUnknown: json["fuse_unk"]?.boolValue ?? false,
            ignoresMerges: json["ignore_merges"]?.boolValue ?? false)
    }

    private static func merges(
        _ values: [JSONValue], _ tokens: TokenTable, _ file: String
    ) throws -> MergeTable {
        var merges = MergeTable(capacity: values.count)
        for value in values {
            if var text = value.stringValue {
                try text.withUTF8 { try merges.append(spaced: $0, tokens, file) }
            } else if let left = value[0]?.stringValue, let right = value[1]?.stringValue {
                try merges.append(Array(left.utf8), Array(right.utf8), tokens, file)
            } else {
                throw corrupt("a merge is neither a text nor two", file)
            }
        }
        return merges
    }
}

extension MergeTable {
    /// Adds a merge that is written as two tokens with a space between.
    mutating func append(
        spaced text: UnsafeBufferPointer<UInt8>, _ tokens: TokenTable, _ file: String
    ) throws {
        guard let space = text.firstIndex(of: 0x20) else {
            throw corrupt("the merge \(String(decoding: text, as: UTF8.self)) has one part", file)
        }
        try append(Array(text[..<space]), Array(text[(space + 1)...]), tokens, file)
    }

    /// Adds a merge of two written tokens.
    mutating func append(
        _ left: [UInt8], _ right: [UInt8], _ tokens: TokenTable, _ file: String
    ) throws {
        guard let a = tokens.id(of: left), let b = tokens.id(of: right),
            let both = tokens.id(of: left + right)
        else {
            let text = String(decoding: left + [0x20] + right, as: UTF8.self)
            throw corrupt("the merge \(text) uses a token that is not in the vocabulary", file)
        }
        append(a, b, becomes: both)
    }
}

/// The error of a tokenizer file that contradicts itself.
func corrupt(_ what: String, _ file: String) -> FledgeError {
    FledgeError(
        .fileCorrupt, "The tokenizer cannot be read: \(what).", at: FledgeError.Location(file: file)
    )
}
