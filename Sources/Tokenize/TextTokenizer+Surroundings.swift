internal import FledgeCore

extension TextTokenizer {
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
        func named(_ id: Int32?, _ isAdded: Bool) -> [(String, Int32)] {
            guard isAdded, let id, let text = written(id) else { return [] }
            return [(text, id)]
        }
        return StageValues.template(
            named(beginOfText, addsBeginOfText), named(endOfText, addsEndOfText))
    }
}
