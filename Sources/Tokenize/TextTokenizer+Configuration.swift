public import FledgeCore

extension TextTokenizer {
    /// Takes tokens and the chat template from the files beside a vocabulary, as transformers does.
    mutating func configure(_ files: TokenizerSideFiles) {
        let configuration = files.configuration
        if configuration.members != nil { self.files.configuration = configuration }
        add(files.tokensToAdd(beside: addedTokens))
        func special(_ name: String, _ present: Int32?) -> Int32? {
            guard let value = files.named.first(where: { $0.name == name }) else {
                // A null says that there is none; silence leaves what the file itself says.
                return configuration[name] == nil ? present : nil
            }
            return id(ofSpecial: value.token.content)
        }
        beginOfText = special("bos_token", beginOfText)
        endOfText = special("eos_token", endOfText)
        unknown = special("unk_token", unknown)
        padding = special("pad_token", padding)
        extraSpecials = files.extra.map(\.content)
        let template = configuration["chat_template"]
        chatTemplate =
            template?.stringValue
            ?? template?.arrayValue?.first { $0["name"]?.stringValue == "default" }?["template"]?
            .stringValue ?? chatTemplate
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
        let named = value["extra_special_tokens"]?.members
        if named.map({ $0.compactMap { $0.value.stringValue } == extraSpecials }) != true {
            // The older of the two names: newer versions of transformers read it too.
            value["extra_special_tokens"] = nil
            value["additional_special_tokens"] =
                extraSpecials.isEmpty ? nil : .array(extraSpecials.map { .string($0) })
        }
        value["chat_template"] = nil
        var decoder: JSONValue = [:]
        for token in listedTokens {
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

    /// All added tokens as a saved file lists them.
    var listedTokens: [AddedToken] {
        let known = Set(addedTokens.map(\.id))
        return (addedTokens + files.listedTokens.filter { !known.contains($0.id) })
            .sorted { $0.id < $1.id }
    }
}
