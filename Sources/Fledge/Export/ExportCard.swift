internal import FledgeCore
internal import FledgeModel
internal import FledgeTensor

/// The `README.md` of an exported folder that is not simply the merged model: its weights were expanded
/// from a quantised base, or it is a reward model.
struct ExportCard {
    static let fileName = "README.md"
    private let configuration: RunConfiguration
    private let scoreBias: Double?

    /// Nil when there is nothing to say.
    ///
    /// - Parameter head: The value head of a reward model.
    init?(_ configuration: RunConfiguration, head: ValueHead?) {
        guard configuration.model.exportsDequantized || head != nil else { return nil }
        (self.configuration, scoreBias) = (configuration, head?.bias.value.scalar)
    }

    func write(to folder: String) throws {
        try AtomicFile.write(text, to: folder + "/" + Self.fileName)
    }

    private var base: String { configuration.model.modelPath ?? "" }

    private var text: String {
        let kind = scoreBias == nil ? "" : "pipeline_tag: text-classification\n"
        let paragraphs = [expansion, scoreBias.map(score)].compactMap(\.self)
        return """
            ---
            base_model: \(base)
            \(kind)tags:
            - fledge\(scoreBias == nil ? "" : "\n- reward-model")
            ---

            \(paragraphs.joined(separator: "\n\n"))

            """
    }

    private var expansion: String? {
        guard configuration.model.exportsDequantized else { return nil }
        let form =
            switch configuration.model.linearStorage {
            case .quantized(let format): format.description
            case .blocksOfFile, .plain: "the blocks of its GGUF file"
            }
        let adapters = configuration.adapterFolders
        let merged =
            adapters.isEmpty ? "" : " The adapter \(adapters.joined(separator: ", ")) is merged."
        return
            "The linear layers were expanded from \(form), the form in which the adapter saw them: they are an approximation of the weights of \(base), not the same.\(merged)"
    }

    private func score(_ bias: Double) -> String {
        """
        This is a reward model. `AutoModelForSequenceClassification` reads it: its one logit is the score of a dialogue, less a bias of \(bias) (`fledge_score_bias` in config.json), which that class has no place for and which changes no comparison of scores. `value_head.safetensors` holds the same head with its bias, for Fledge and LLaMA-Factory.

        The score is that of a text's last token, so the text has to end as the chat template ends an answer.
        """
    }
}
