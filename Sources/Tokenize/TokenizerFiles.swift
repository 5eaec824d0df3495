import FledgeCore

/// The parts of a tokenizer's files that are kept for saving, as they were read.
struct TokenizerFiles: Sendable {
    var normalizer = JSONValue.null
    var preTokenizer = JSONValue.null
    var postProcessor = JSONValue.null
    var decoder: JSONValue = [
        "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
    ]
    /// The members of `tokenizer_config.json`.
    var configuration: JSONValue = [:]
}

/// Reads the stages of a `tokenizer.json`, naming the one that is not supported.
struct TokenizerStages {
    let file: String

    func normalizer(_ value: JSONValue) throws -> Normalizer {
        switch value["type"]?.stringValue {
        case nil where value.isNull: return .none
        case "NFC": return .composed
        case "Sequence":
            let stages = try (value["normalizers"]?.arrayValue ?? []).map(normalizer)
            return stages.contains(.composed) ? .composed : .none
        case let type: throw unsupported("normalizer", type)
        }
    }

    func preTokenizers(_ value: JSONValue) throws -> [PreTokenizer] {
        switch value["type"]?.stringValue {
        case nil where value.isNull: return []
        case "Sequence":
            return try (value["pretokenizers"]?.arrayValue ?? []).flatMap(preTokenizers)
        case "Digits":
            return [.digits(individual: value["individual_digits"]?.boolValue ?? false)]
        case "ByteLevel":
            return [
                .byteLevel(
                    addsPrefixSpace: value["add_prefix_space"]?.boolValue ?? true,
                    usesPattern: value["use_regex"]?.boolValue ?? true)
            ]
        case "Split": return [.split(try pattern(value))]
        case let type: throw unsupported("pre-tokenizer", type)
        }
    }

    private func pattern(_ value: JSONValue) throws -> SplitPattern {
        let expression = value["pattern"]?["Regex"]?.stringValue
        let inverts = value["invert"]?.boolValue ?? false
        // Where the pattern matches everything, removing what it does not match is isolating.
        let isolates =
            value["behavior"]?.stringValue == "Isolated" && !inverts
            || value["behavior"]?.stringValue == "Removed" && inverts
        guard let expression, isolates, let pattern = SplitPattern(expression: expression) else {
            throw unsupported("pre-tokenizer", "Split(\(value["pattern"]?.serialized() ?? "?"))")
        }
        return pattern
    }

    func unsupported(_ stage: String, _ name: String?) -> FledgeError {
        FledgeError(
            .unsupported, "The tokenizer's \(stage) \(name ?? "without a type") is not supported.",
            advice: "Supported are byte-level BPE tokenizers as those of GPT-2, SmolLM, Llama 3 "
                + "and Qwen.", at: FledgeError.Location(file: file))
    }
}
