internal import FledgeCore
internal import FledgeTensor

/// The tensors of a text model that is a part of another, under the names of its modules.
///
/// Files of transformers 4 have `language_model.model.…` for `model.language_model.…`, and the head
/// inside too.
struct EnclosedNames: TensorSource {
    private let source: any TensorSource
    /// What the names of the text model begin with in the files, without and with the head.
    private let spelling: (text: String, head: String)
    private let prefix: String
    /// What the files hold beside the text model.
    let others: [String]

    /// The text model's part of a source.
    ///
    /// - Throws: ``FledgeError`` where there is none.
    init(_ source: any TensorSource, in whole: EnclosingModel, path: String) throws {
        let known = [
            (whole.prefix, "lm_head."), ("language_model.model.", "language_model.lm_head."),
            // Saved without the head.
            ("language_model.", "lm_head."),
        ]
        guard
            let spelling = known.first(where: {
                source.shape(of: $0.0 + "embed_tokens.weight") != nil
            })
        else {
            throw FledgeError(
                .unsupported,
                "The folder is of the type \(whole.modelType), and no weights of a text model are in it: "
                    + "\(whole.prefix)embed_tokens.weight is missing.",
                advice: "Save the model from its class …ForConditionalGeneration.",
                at: .init(file: path))
        }
        (self.source, self.spelling, prefix) = (source, spelling, whole.prefix)
        others = source.names.filter {
            !$0.hasPrefix(spelling.0) && !$0.hasPrefix(spelling.1) && $0 != SequenceScore.name
        }
    }

    /// The name in the files of a parameter.
    func storedName(of name: String) -> String {
        if name.hasPrefix(prefix) { return spelling.text + name.dropFirst(prefix.count) }
        let head = "lm_head."
        return name.hasPrefix(head) ? spelling.head + name.dropFirst(head.count) : name
    }

    private func moduleName(of stored: String) -> String {
        if stored.hasPrefix(spelling.text) {
            return prefix + stored.dropFirst(spelling.text.count)
        }
        return stored.hasPrefix(spelling.head)
            ? "lm_head." + stored.dropFirst(spelling.head.count) : stored
    }

    var names: [String] {
        let others = Set(others)
        return source.names.filter { !others.contains($0) }.map(moduleName).sorted()
    }

    func shape(of name: String) -> [Int]? { source.shape(of: storedName(of: name)) }

    func storedType(of name: String) -> SafetensorsType? {
        source.storedType(of: storedName(of: name))
    }

    func tensor(named name: String, as type: ElementType) throws -> Tensor {
        try source.tensor(named: storedName(of: name), as: type)
    }

    func storedBytes(of name: String) -> Tensor? { source.storedBytes(of: storedName(of: name)) }

    /// Whether the head is there, with other numbers than the table: then they are not tied, whatever is
    /// usual.
    func hasOwnHead() throws -> Bool {
        guard let head = storedBytes(of: "lm_head.weight") else { return false }
        guard let table = storedBytes(of: prefix + "embed_tokens.weight") else { return true }
        return !head.hasSameBytes(as: table)
    }
}
