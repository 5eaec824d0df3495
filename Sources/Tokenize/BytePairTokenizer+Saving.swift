public import FledgeCore

extension BytePairTokenizer {
    /// The content of `tokenizer.json`.
    public var json: JSONValue {
        func text(_ id: Int32) -> JSONValue {
            .string(model.tokens.withBytes(of: id) { String(decoding: $0, as: UTF8.self) })
        }
        let vocabulary = (0..<Int32(model.tokens.endID)).lazy.filter(model.tokens.contains).map {
            id in
            JSONValue.Member(
                model.tokens.withBytes(of: id) { String(decoding: $0, as: UTF8.self) },
                .integer(Int(id)))
        }
        return [
            "version": "1.0", "truncation": nil, "padding": nil,
            "added_tokens": .array(addedTokens.sorted { $0.id < $1.id }.map(\.json)),
            "normalizer": files.normalizer, "pre_tokenizer": files.preTokenizer,
            "post_processor": files.postProcessor, "decoder": files.decoder,
            "model": [
                "type": "BPE", "dropout": nil,
                "unk_token": model.unknown.map(text) ?? .null,
                "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
                "fuse_unk": .bool(model.fusesUnknown), "byte_fallback": false,
                "ignore_merges": .bool(model.ignoresMerges),
                "vocab": .object(Array(vocabulary)),
                "merges": .array(
                    model.merges.pairs.map { .array([text($0.left), text($0.right)]) }),
            ],
        ]
    }

    /// The content of `tokenizer_config.json`, without the chat template.
    public var configuration: JSONValue {
        var value = files.configuration
        for (key, id) in [
            ("bos_token", beginOfText), ("eos_token", endOfText), ("unk_token", unknown),
            ("pad_token", padding),
        ] {
            // A text stays a text; what was written with all its flags is kept while it is true.
            guard let text = id.flatMap(written) else {
                if value[key] != nil { value[key] = .null }
                continue
            }
            if value[key]?["content"]?.stringValue != text { value[key] = .string(text) }
        }
        // The older of the two names: newer versions of transformers read it too.
        value["extra_special_tokens"] = nil
        value["additional_special_tokens"] =
            extraSpecials.isEmpty ? nil : .array(extraSpecials.map { .string($0) })
        value["chat_template"] = nil
        var decoder: JSONValue = [:]
        for token in addedTokens.sorted(by: { $0.id < $1.id }) {
            var entry = token.json
            entry["id"] = nil
            decoder[String(token.id)] = entry
        }
        value["added_tokens_decoder"] = decoder
        if value["clean_up_tokenization_spaces"] == nil {
            value["clean_up_tokenization_spaces"] = false
        }
        // Classes named after a family replace the stages of tokenizer.json by their own.
        value["tokenizer_class"] = "PreTrainedTokenizerFast"
        return value
    }

    /// Writes `tokenizer.json`, `tokenizer_config.json` and, if there is one, `chat_template.jinja`.
    ///
    /// - Parameter folder: A folder that exists.
    public func save(to folder: String) throws {
        try AtomicFile.write(JSONWriter.bytes(of: json, .indented), to: folder + "/tokenizer.json")
        try AtomicFile.write(
            configuration.serialized(.indented) + "\n", to: folder + "/tokenizer_config.json")
        if let chatTemplate {
            try AtomicFile.write(chatTemplate, to: folder + "/chat_template.jinja")
        }
    }
}
