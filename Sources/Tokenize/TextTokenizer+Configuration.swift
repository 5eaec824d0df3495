public import FledgeCore

extension TextTokenizer {
    /// Takes special tokens and the chat template from `tokenizer_config.json`, and what is missing
    /// there from `special_tokens_map.json`.
    mutating func configure(_ configuration: JSONValue, _ specialTokens: JSONValue) {
        if configuration.members != nil { files.configuration = configuration }
        let listed = (configuration["added_tokens_decoder"]?.members ?? []).compactMap { entry in
            Int(entry.key).flatMap(TokenTable.checked).map { AddedToken(entry.value, id: $0) }
        }
        append(
            listed.filter { token in
                !token.content.isEmpty && id(ofSpecial: token.content) == nil
                    && written(token.id) == nil
            })
        func content(_ value: JSONValue?) -> String? {
            value?.stringValue ?? value?["content"]?.stringValue
        }
        func special(_ name: String, _ present: Int32?) -> Int32? {
            let value = configuration[name] ?? specialTokens[name]
            guard let text = content(value), !text.isEmpty else {
                // A null says that there is none; silence leaves what the file itself says.
                return value == nil ? present : nil
            }
            addSpecial(text)
            return id(ofSpecial: text)
        }
        beginOfText = special("bos_token", beginOfText)
        endOfText = special("eos_token", endOfText)
        unknown = special("unk_token", unknown)
        padding = special("pad_token", padding)
        // Newer files give names to further tokens, older ones a list.
        let extra =
            configuration["extra_special_tokens"] ?? configuration["additional_special_tokens"]
            ?? specialTokens["additional_special_tokens"]
        extraSpecials =
            extra?.members?.compactMap { content($0.value) }
            ?? (extra?.arrayValue ?? []).compactMap { content($0) }
        for name in ["cls_token", "sep_token", "mask_token"] {
            if let text = content(configuration[name] ?? specialTokens[name]) { addSpecial(text) }
        }
        for text in extraSpecials { addSpecial(text) }
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
