internal import FledgeCore
internal import FledgeModel

/// The `README.md` of a folder whose weights were expanded from a quantised base: they are not those
/// of the base that it names.
struct ExpandedBaseNote {
    static let fileName = "README.md"
    private let configuration: RunConfiguration

    /// Nil when the base was not quantised.
    init?(_ configuration: RunConfiguration) {
        guard configuration.model.exportsDequantized else { return nil }
        self.configuration = configuration
    }

    func write(to folder: String) throws {
        try AtomicFile.write(text, to: folder + "/" + Self.fileName)
    }

    private var text: String {
        let base = configuration.model.modelPath ?? ""
        let form =
            switch configuration.model.linearStorage {
            case .quantized(let format): format.description
            case .blocksOfFile, .plain: "the blocks of its GGUF file"
            }
        let adapters = configuration.adapterFolders
        let merged =
            adapters.isEmpty ? "" : " The adapter \(adapters.joined(separator: ", ")) is merged."
        return """
            ---
            base_model: \(base)
            tags:
            - fledge
            ---

            The linear layers were expanded from \(form), the form in which the adapter saw them: they are an approximation of the weights of \(base), not the same.\(merged)

            """
    }
}
