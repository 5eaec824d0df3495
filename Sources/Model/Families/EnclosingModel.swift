package import FledgeCore

/// A model that also sees or hears, as what stands around the text model inside of it.
///
/// Its config.json holds the text model's own under `text_config`; the names of weights say which are of
/// the text model. What is not is left alone, and written back as it was.
public struct EnclosingModel: Hashable, Sendable {
    /// What `model_type` says of the whole, such as `gemma3`.
    public let modelType: String
    /// What transformers' classes of the whole begin with.
    let className: String
    /// Everything that the config.json of the whole held.
    package let original: JSONValue
    /// What the paths of the text model's modules begin with, in place of `model.`.
    let prefix = "model.language_model."
    /// Whether the file says whether the head is the table.
    let statesTie: Bool

    private static let text = "text_config"

    /// Finds the text model of a config.json; nil where the file is a text model's own.
    ///
    /// - Throws: ``FledgeError`` where the text model is of no known type, or the whole is another kind of
    ///   model.
    static func around(
        _ json: JSONValue, _ file: String, _ families: [any ModelFamily]
    ) throws -> (whole: EnclosingModel, text: JSONValue)? {
        let reader = ConfigurationReader(json, file)
        guard let type = json["model_type"]?.stringValue, families.family(of: type) == nil,
            var text = json[Self.text], text.members != nil
        else { return nil }
        let inside = families.filter { $0.enclosing[type] != nil }
        let named = text["model_type"]?.stringValue
        guard let first = inside.first,
            let family = named.map({ name in inside.last { $0.modelTypes[name] != nil } }) ?? first,
            let className = family.enclosing[type]
        else {
            throw reader.unsupported(
                "The model is of the type \(type), its text model of the type \(named ?? "unknown"); "
                    + "known are \(families.modelTypes), and as parts of others "
                    + "\(families.enclosedTypes).")
        }
        if named == nil { text["model_type"] = family.modelTypes.keys.min().map { .string($0) } }
        let classes = json["architectures"]?.arrayValue?.compactMap(\.stringValue) ?? []
        guard
            classes.isEmpty || SequenceScore.isDescribed(in: json)
                || classes.contains(where: {
                    $0.hasSuffix("ForConditionalGeneration")
                        || $0.hasSuffix("Model") && !$0.contains("For")
                })
        else {
            throw reader.unsupported(
                "The model is a \(classes.joined(separator: ", ")); only …ForConditionalGeneration and "
                    + "…Model, the same without its head, are known.")
        }
        let tie = try reader.flag("tie_word_embeddings")
        return (
            EnclosingModel(
                modelType: type, className: className, original: json, statesTie: tie != nil), text
        )
    }

    /// Takes over what the whole says for its text model.
    func complete(_ configuration: inout DecoderConfiguration, _ file: String) throws {
        let reader = ConfigurationReader(original, file)
        try reader.refuseWhatChangesResults()
        // Classes of wholes are tied where nothing is said.
        configuration.tieWordEmbeddings = try reader.flag("tie_word_embeddings") ?? true
        if let ids = ConfigurationReader.ids(original["eos_token_id"]) {
            configuration.endOfTextIDs = ids
        }
        if let id = try reader.optionalInteger("bos_token_id") { configuration.beginOfTextID = id }
        let type = (original["dtype"] ?? original["torch_dtype"])?.stringValue
        configuration.declaredType = type ?? configuration.declaredType
        configuration.contradictions += reader.contradictions()
    }

    /// The config.json of the whole: what it held, but for settings of the text model that were changed.
    func json(of configuration: DecoderConfiguration, elementType: String?) -> JSONValue {
        var (json, text) = (original, original[Self.text] ?? [:])
        var before = configuration.asRead?.textJSON() ?? [:]
        var after = configuration.textJSON()
        for key in ["architectures", "tie_word_embeddings"] {
            (before[key], after[key]) = (nil, nil)
        }
        for member in after.members ?? [] where before[member.key] != member.value {
            text[member.key] = member.value
        }
        for member in before.members ?? [] where after[member.key] == nil {
            text[member.key] = nil
        }
        let key = json["torch_dtype"] != nil && json["dtype"] == nil ? "torch_dtype" : "dtype"
        if let elementType {
            json[key] = .string(elementType)
            if text[key] != nil { text[key] = .string(elementType) }
        }
        json[Self.text] = text
        SequenceScore.remove(from: &json)
        return json
    }
}

extension DecoderConfiguration {
    /// What the file says, without what was changed since.
    fileprivate var asRead: DecoderConfiguration? {
        try? DecoderConfiguration(
            json: enclosing?.original ?? original ?? [:], file: originalFile ?? "config.json",
            families: [family])
    }
}

extension [any ModelFamily] {
    /// What `model_type` says of models that have a known text model inside.
    fileprivate var enclosedTypes: String {
        Set(flatMap(\.enclosing.keys)).sorted().joined(separator: ", ")
    }
}
