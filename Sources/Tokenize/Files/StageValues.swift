internal import FledgeCore

/// Stages as `tokenizer.json` writes them, for files of other formats.
enum StageValues {
    static func byteLevel(usesPattern: Bool, addsPrefixSpace: Bool = false) -> JSONValue {
        [
            "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": true,
            "use_regex": .bool(usesPattern),
        ]
    }

    static func split(_ expression: String) -> JSONValue {
        [
            "type": "Split", "pattern": ["Regex": .string(expression)], "behavior": "Isolated",
            "invert": false,
        ]
    }

    /// Splits one after another, then bytes.
    static func byteLevel(splits: [String]) -> JSONValue {
        if splits == [SplitPatterns.gpt2] { return byteLevel(usesPattern: true) }
        return [
            "type": "Sequence",
            "pretokenizers": .array(splits.map(split) + [byteLevel(usesPattern: false)]),
        ]
    }

    static let byteLevelDecoder: JSONValue = [
        "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
    ]

    private static func replace(_ pattern: JSONValue, _ content: String) -> JSONValue {
        ["type": "Replace", "pattern": pattern, "content": .string(content)]
    }

    /// The normalizer of byte pairs from SentencePiece.
    static func sentencePiece(_ normalizer: SentencePieceNormalizer, map: [UInt8]) -> JSONValue {
        var stages: [JSONValue] = []
        if !map.isEmpty {
            stages.append([
                "type": "Precompiled", "precompiled_charsmap": .string(Base64.encode(map)),
            ])
        }
        if normalizer.removesExtraWhitespace {
            stages.append(["type": "Strip", "strip_left": true, "strip_right": true])
            stages.append(replace(["Regex": " {2,}"], " "))
        }
        if normalizer.addsDummyPrefix { stages.append(["type": "Prepend", "prepend": "▁"]) }
        stages.append(replace(["String": " "], "▁"))
        return stages.count == 1 ? stages[0] : ["type": "Sequence", "normalizers": .array(stages)]
    }

    /// The decoder of SentencePiece's models.
    static func sentencePieceDecoder(dropsFirstSpace: Bool) -> JSONValue {
        var stages: [JSONValue] = [
            replace(["String": "▁"], " "), ["type": "ByteFallback"], ["type": "Fuse"],
        ]
        if dropsFirstSpace {
            stages.append(["type": "Strip", "content": " ", "start": 1, "stop": 0])
        }
        return ["type": "Sequence", "decoders": .array(stages)]
    }

    /// A template that puts tokens before and after a text.
    static func template(_ before: [(String, Int32)], _ after: [(String, Int32)]) -> JSONValue {
        guard !before.isEmpty || !after.isEmpty else { return .null }
        func pieces(_ tokens: [(String, Int32)]) -> [JSONValue] {
            tokens.map { ["SpecialToken": ["id": .string($0.0), "type_id": 0]] }
        }
        var specials: JSONValue = [:]
        for (text, id) in before + after {
            specials[text] = [
                "id": .string(text), "ids": [.integer(Int(id))], "tokens": [.string(text)],
            ]
        }
        func around(_ sequence: String, _ type: Int) -> [JSONValue] {
            pieces(before) + [["Sequence": ["id": .string(sequence), "type_id": .integer(type)]]]
                + pieces(after)
        }
        return [
            "type": "TemplateProcessing", "single": .array(around("A", 0)),
            "pair": .array(around("A", 0) + around("B", 1)), "special_tokens": specials,
        ]
    }
}
