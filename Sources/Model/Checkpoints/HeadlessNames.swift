internal import FledgeCore
internal import FledgeTensor

/// The tensors of a model that was saved without its head, or behind a prefix, under the usual names.
///
/// A model that was saved from its base class has `layers.0.…` for `model.layers.0.…`; transformers
/// loads it with a tied head all the same.
struct HeadlessNames: TensorSource {
    private let source: any TensorSource

    /// The source itself, or one that restores its names.
    ///
    /// - Throws: ``FledgeError`` that names a prefix that no model has.
    static func restoring(
        _ source: any TensorSource, _ configuration: DecoderConfiguration, path: String
    ) throws -> any TensorSource {
        let key = "embed_tokens.weight"
        guard source.shape(of: "model." + key) == nil else { return source }
        if source.shape(of: key) != nil {
            guard configuration.tieWordEmbeddings || source.shape(of: "lm_head.weight") != nil
            else {
                throw FledgeError(
                    .unsupported,
                    "The weights are those of a model without its head: their names lack the prefix "
                        + "'model.', and there is no lm_head.weight.",
                    advice:
                        "Save the model from its class …ForCausalLM; if its head is the embedding "
                        + "table, set \"tie_word_embeddings\": true in config.json.",
                    at: .init(file: path))
            }
            return HeadlessNames(source: source)
        }
        let ending = "model." + key
        if let name = source.names.first(where: { $0.hasSuffix("." + ending) }) {
            let prefix = name.dropLast(ending.count)
            throw FledgeError(
                .unsupported,
                "The names of the weights begin with '\(prefix)' (\(name)), expected 'model.'.",
                advice:
                    "They were saved from inside of something else; save the language model itself, "
                    + "or rename them.", at: .init(file: path))
        }
        return source
    }

    private static func inner(_ name: String) -> String {
        name.hasPrefix("model.") ? String(name.dropFirst("model.".count)) : name
    }

    var names: [String] {
        source.names.map { $0.hasPrefix("lm_head.") ? $0 : "model." + $0 }.sorted()
    }

    func shape(of name: String) -> [Int]? { source.shape(of: Self.inner(name)) }

    func storedType(of name: String) -> SafetensorsType? {
        source.storedType(of: Self.inner(name))
    }

    func storedName(of name: String) -> String { Self.inner(name) }

    func tensor(named name: String, as type: ElementType) throws -> Tensor {
        try source.tensor(named: Self.inner(name), as: type)
    }

    func tensor(named name: String, slice index: Int, as type: ElementType) throws -> Tensor {
        try source.tensor(named: Self.inner(name), slice: index, as: type)
    }
}
