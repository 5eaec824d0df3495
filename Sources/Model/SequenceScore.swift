internal import FledgeCore
internal import FledgeTensor

/// What makes a language model's folder one that transformers reads as a classifier of sequences with one
/// logit: the weight of a value head, whose bias that class has no place for.
public struct SequenceScore {
    /// The head.
    public let head: ValueHead
    /// The token that short rows are filled up with; the last one that is another is scored.
    public let padding: Int32?

    /// The weight's name in files.
    static let name = "score.weight"
    /// What the classes' names end with.
    static let classEnding = "ForSequenceClassification"
    /// The key of config.json that holds the head's bias.
    public static let biasKey = "fledge_score_bias"

    /// Creates a score.
    public init(_ head: ValueHead, padding: Int32?) { (self.head, self.padding) = (head, padding) }

    /// Says in a config.json what the model is.
    func describe(in json: inout JSONValue, of configuration: DecoderConfiguration) {
        if let name = configuration.className {
            json["architectures"] = [.string(name + Self.classEnding)]
        }
        json["num_labels"] = 1
        json["id2label"] = ["0": "LABEL_0"]
        json["label2id"] = ["LABEL_0": 0]
        json["pad_token_id"] = padding.map { JSONValue.integer(Int($0)) } ?? JSONValue.null
        json[Self.biasKey] = .number(head.bias.value.scalar)
    }

    /// Takes out what ``describe(in:of:)`` put in, for a folder without the score.
    static func remove(from json: inout JSONValue) {
        guard json[biasKey] != nil else { return }
        for key in [biasKey, "num_labels", "id2label", "label2id"] { json[key] = nil }
    }

    /// Whether a config.json is one of a classifier with all of the language model, its head too.
    static func isDescribed(in json: JSONValue) -> Bool {
        let classes = json["architectures"]?.arrayValue ?? []
        return json[biasKey] != nil
            && classes.contains { $0.stringValue?.hasSuffix(classEnding) == true }
    }

    /// Whether a tensor of a model is the score of a classifier.
    static func isPart(_ name: String, of configuration: DecoderConfiguration) -> Bool {
        name == Self.name
            && (configuration.enclosing?.original ?? configuration.original).map {
                isDescribed(in: $0)
            } == true
    }
}
