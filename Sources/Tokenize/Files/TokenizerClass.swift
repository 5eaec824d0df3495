import FledgeCore

/// What the class of a tokenizer in transformers 5 decides about its stages.
enum TokenizerClass {
    /// The kinds of models whose tokenizers are of the class of Qwen 2 where no file names a class.
    private static let qwenModels: Set<String> = [
        "audioflamingo3", "colqwen2", "internvl", "lighton_ocr", "ovis2", "qianfan_ocr", "qwen2",
        "qwen2_5_omni", "qwen2_5_vl", "qwen2_audio", "qwen2_moe", "qwen2_vl", "qwen3", "qwen3_moe",
        "qwen3_next", "qwen3_omni_moe", "qwen3_vl", "qwen3_vl_moe",
    ]
    /// Classes that build the stage ByteLevel by `add_prefix_space`.
    private static let byteLevel: Set<String> = [
        "BlenderbotTokenizer", "CodeGenTokenizer", "CohereTokenizer", "DebertaTokenizer",
        "GPT2Tokenizer", "Qwen2Tokenizer", "RobertaTokenizer", "WhisperTokenizer",
    ]
    /// Classes that build the stage Metaspace by it.
    private static let metaspace: Set<String> = ["LlamaTokenizer"]

    /// The class that a model's `config.json` stands for; nil where it does not say.
    static func name(ofModel configuration: JSONValue) -> String? {
        if let name = configuration["tokenizer_class"]?.stringValue { return name }
        guard let type = configuration["model_type"]?.stringValue else { return nil }
        return qwenModels.contains(type) ? "Qwen2Tokenizer" : nil
    }

    /// The class that a `tokenizer_config.json` names, in its newer form.
    private static func name(_ configuration: JSONValue) -> String? {
        configuration["tokenizer_class"]?.stringValue.map { name in
            name.utf8.suffix(4).elementsEqual("Fast".utf8) && name != "PreTrainedTokenizerFast"
                ? String(decoding: name.utf8.dropLast(4), as: UTF8.self) : name
        }
    }

    /// Where a vocabulary of SentencePiece has spaces before texts; nil where that is left to the
    /// vocabulary.
    ///
    /// The class of Llama has one before the first text only, unless `legacy` is true. Without a class
    /// transformers has none at all, and SentencePiece one before each: the latter is followed.
    static func prefixScheme(_ configuration: JSONValue) -> PreTokenizer.PrependScheme? {
        let isNamed = name(configuration).map(metaspace.contains)
        if isNamed == false { return nil }
        if configuration["add_prefix_space"]?.boolValue == false { return .never }
        return isNamed == nil || configuration["legacy"]?.boolValue == true ? nil : .first
    }

    /// Changes the stages of a `tokenizer.json` as classes do that build them by `add_prefix_space`.
    static func applyPrefixSpace(_ configuration: JSONValue, to files: inout TokenizerFiles) {
        guard let adds = configuration["add_prefix_space"]?.boolValue,
            let name = name(configuration)
        else { return }
        if byteLevel.contains(name) {
            files.preTokenizer = files.preTokenizer.replacingStages("pretokenizers") { stage in
                guard stage["type"]?.stringValue == "ByteLevel" else { return stage }
                var stage = stage
                stage["add_prefix_space"] = .bool(adds)
                return stage
            }
        } else if metaspace.contains(name), !adds {
            files.normalizer = files.normalizer.replacingStages("normalizers") { stage in
                stage["type"]?.stringValue == "Prepend" ? nil : stage
            }
            files.preTokenizer = files.preTokenizer.replacingStages("pretokenizers") { stage in
                guard stage["type"]?.stringValue == "Metaspace" else { return stage }
                var stage = stage
                stage["add_prefix_space"] = nil
                stage["prepend_scheme"] = "never"
                return stage
            }
            files.decoder = files.decoder.replacingStages("decoders") { stage in
                stage["type"]?.stringValue == "Strip" ? nil : stage
            }
        }
    }
}

extension JSONValue {
    /// Stages, each replaced by another one or left out; those of a sequence too.
    fileprivate func replacingStages(
        _ member: String, _ replace: (JSONValue) -> JSONValue?
    ) -> JSONValue {
        guard let stages = self[member]?.arrayValue else { return replace(self) ?? .null }
        var copy = self
        copy[member] = .array(
            stages.map { $0.replacingStages(member, replace) }.filter { !$0.isNull })
        return copy
    }
}
