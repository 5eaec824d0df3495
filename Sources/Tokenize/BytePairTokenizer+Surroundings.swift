internal import FledgeCore

extension BytePairTokenizer {
    /// The ids that the model's files put before and after a text
    /// (`add_special_tokens=True` of the `tokenizers` library).
    ///
    /// Chat templates bring their own; this is for plain text.
    public var addedAroundText: (prefix: [Int32], suffix: [Int32]) {
        Self.surroundings(files.postProcessor)
    }

    private static func surroundings(_ processor: JSONValue) -> (prefix: [Int32], suffix: [Int32]) {
        func id(_ value: JSONValue?) -> Int32? { value?.intValue.flatMap(Int32.init(exactly:)) }
        switch processor["type"]?.stringValue {
        case "Sequence":
            // Later processors surround what earlier ones made.
            return (processor["processors"]?.arrayValue ?? []).reduce(([], [])) { inner, value in
                let outer = surroundings(value)
                return (outer.prefix + inner.0, inner.1 + outer.suffix)
            }
        case "TemplateProcessing":
            var (prefix, suffix, isAfter) = ([Int32](), [Int32](), false)
            for piece in processor["single"]?.arrayValue ?? [] {
                guard let name = piece["SpecialToken"]?["id"]?.stringValue else {
                    isAfter = true
                    continue
                }
                let ids = processor["special_tokens"]?[name]?["ids"]?.arrayValue ?? []
                if isAfter { suffix += ids.compactMap(id) } else { prefix += ids.compactMap(id) }
            }
            return (prefix, suffix)
        case "BertProcessing", "RobertaProcessing":
            return (
                [id(processor["cls"]?[1])].compactMap { $0 },
                [id(processor["sep"]?[1])].compactMap { $0 }
            )
        default:
            return ([], [])
        }
    }

    /// A post-processor that adds the tokens that begin and end a text.
    func postProcessor(_ addsBeginOfText: Bool, _ addsEndOfText: Bool) -> JSONValue {
        var pieces: [JSONValue] = [["Sequence": ["id": "A", "type_id": 0]]]
        var specials: JSONValue = [:]
        func special(_ id: Int32) -> JSONValue? {
            guard let text = written(id) else { return nil }
            specials[text] = [
                "id": .string(text), "ids": [.integer(Int(id))], "tokens": [.string(text)],
            ]
            return ["SpecialToken": ["id": .string(text), "type_id": 0]]
        }
        if addsBeginOfText, let piece = beginOfText.flatMap(special) { pieces.insert(piece, at: 0) }
        if addsEndOfText, let piece = endOfText.flatMap(special) { pieces.append(piece) }
        guard pieces.count > 1 else { return .null }
        // The second of two texts is treated as the first.
        let pair = pieces.map { piece -> JSONValue in
            guard piece["Sequence"] != nil else { return piece }
            return ["Sequence": ["id": "B", "type_id": 1]]
        }
        return [
            "type": "TemplateProcessing", "single": .array(pieces), "pair": .array(pieces + pair),
            "special_tokens": specials,
        ]
    }
}
