internal import FledgeCore

/// Reads Mistral's tekken files.
enum TekkenFile {
    /// Whether a JSON file's first members are those of such a file.
    static func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let head = String(decoding: bytes.prefix(4096), as: UTF8.self)
        return head.contains("\"config\"") && head.contains("default_num_special_tokens")
    }

    /// The names of control tokens in files that list none.
    private static let standardSpecials = [
        "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
        "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]",
        "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]",
        "[TOOL_CONTENT]",
    ]

    static func tokenizer(_ bytes: UnsafeRawBufferPointer, file: String) throws -> TextTokenizer {
        var parser = JSONParser(bytes, file: file)
        var parts: [String: JSONValue] = [:]
        var tokens = [[UInt8]]()
        try parser.parseMembers { parser, key in
            guard key == "vocab" else { return parts[key] = try parser.parseValue() }
            try parser.parseElements { value, _ in
                guard let rank = value["rank"]?.intValue, rank == tokens.count,
                    let token = value["token_bytes"]?.stringValue.flatMap(Base64.decode),
                    rank <= Int(TokenTable.maximumID)
                else { throw corrupt("the token of rank \(tokens.count) is damaged", file) }
                tokens.append(token)
            }
        }
        guard let pattern = parts["config"]?["pattern"]?.stringValue,
            let size = parts["config"]?["default_vocab_size"]?.intValue,
            let specialCount = parts["config"]?["default_num_special_tokens"]?.intValue,
            TokenTable.checked(size) != nil, (0...size).contains(specialCount),
            size - specialCount <= tokens.count
        else { throw corrupt("its config does not fit its vocabulary", file) }
        var vocabulary = RankedVocabulary(file: file)
        vocabulary.tokens = Array(tokens[..<(size - specialCount)])
        vocabulary.firstID = Int32(clamping: specialCount)
        vocabulary.splits = [pattern]
        vocabulary.dialect = .fancy
        var names = [String?](repeating: nil, count: specialCount)
        if let listed = parts["special_tokens"]?.arrayValue {
            for entry in listed {
                guard let rank = entry["rank"]?.intValue, names.indices.contains(rank) else {
                    throw corrupt("a control token has no rank of its own", file)
                }
                names[rank] = entry["token_str"]?.stringValue
            }
        } else {
            for (rank, name) in standardSpecials.prefix(specialCount).enumerated() {
                names[rank] = name
            }
        }
        vocabulary.specials = names.enumerated().map { rank, name in
            AddedToken(name ?? "<SPECIAL_\(rank)>", id: Int32(rank))
        }
        var tokenizer = try vocabulary.tokenizer()
        tokenizer.unknown = tokenizer.id(ofSpecial: "<unk>")
        tokenizer.beginOfText = tokenizer.id(ofSpecial: "<s>")
        tokenizer.endOfText = tokenizer.id(ofSpecial: "</s>")
        tokenizer.padding = tokenizer.id(ofSpecial: "<pad>")
        tokenizer.files.postProcessor = tokenizer.postProcessor(true, false)
        return tokenizer
    }
}
