internal import FledgeCore
internal import FledgeModel
internal import FledgeTensor

/// The `README.md` beside an adapter or a model: what it is, what it was made with, how it went.
struct ModelCard {
    private let configuration: RunConfiguration
    private let results: [String: Double]

    init(_ configuration: RunConfiguration, _ results: [String: Double]) {
        (self.configuration, self.results) = (configuration, results)
    }

    func write(to folder: String) throws {
        try AtomicFile.write(text, to: folder + "/README.md")
    }

    private var text: String {
        let base = configuration.model.modelPath ?? ""
        let training = configuration.training
        let name = training.outputFolder.split(separator: "/").last.map(String.init) ?? "adapter"
        let settings: [(String, String)] =
            [
                ("learning_rate", "\(training.learningRate)"),
                ("train_batch_size", "\(training.trainBatchSize)"),
                ("gradient_accumulation_steps", "\(training.gradientAccumulationSteps)"),
                ("seed", "\(training.seed)"), ("lr_scheduler_type", training.schedule.rawValue),
            ] + methodSettings + quantizationSettings
        let numbers = results.sorted { $0.key < $1.key }.map { "| \($0.key) | \($0.value) |" }
        return """
            ---
            library_name: \(isAdapter ? "peft" : "transformers")
            license: other
            base_model: \(base)
            tags:
            - fledge
            - llama-factory
            - \(configuration.finetuning.method.rawValue)
            ---

            # \(name)

            \(subject) on \(configuration.data.datasets.joined(separator: ", ")) with Fledge.

            ## Settings

            \(settings.map { "- \($0.0): \($0.1)" }.joined(separator: "\n"))

            ## Results

            | metric | value |
            |---|---|
            \(numbers.joined(separator: "\n"))

            """ + (isAdapter ? export : "")
    }

    private var subject: String {
        let base = configuration.model.modelPath ?? ""
        switch configuration.finetuning.method {
        case .lora, .oft: return "A LoRA adapter of \(base), trained"
        case .freeze: return "\(base), some layers of which were trained"
        case .full: return "\(base), fine-tuned in full"
        }
    }

    private var isAdapter: Bool { configuration.finetuning.method == .lora }

    /// The settings that belong to the method.
    private var methodSettings: [(String, String)] {
        let options = configuration.finetuning
        switch options.method {
        case .lora, .oft:
            return [("lora_rank", "\(options.loraRank)"), ("lora_alpha", "\(options.loraAlpha)")]
        case .freeze:
            return [
                ("freeze_trainable_layers", "\(options.freezing.layerCount)"),
                ("freeze_trainable_modules", options.freezing.modules.joined(separator: ", ")),
            ]
        case .full: return []
        }
    }

    private var export: String {
        let base = configuration.model.modelPath ?? ""
        let folder = configuration.training.outputFolder
        return """

            ## A plain model folder

            The adapter needs its base model\(quantizationSettings.isEmpty ? "" : ", quantised as in training"). `fledge export` merges both into a folder that needs neither:

            ```
            fledge export model_name_or_path=\(base) adapter_name_or_path=\(folder) \\
                template=\(configuration.data.template ?? "empty") export_dir=\(folder)-merged\(exportSettings)
            ```

            """
    }

    /// The keys that make the base what it was in training.
    private var quantizationSettings: [(String, String)] {
        switch configuration.model.linearStorage {
        case .plain: []
        case .blocksOfFile: [("gguf_keep_quantized", "true")]
        case .quantized(.fourBit(let code, let hasNestedScales)):
            [
                ("quantization_bit", "4"), ("quantization_type", code.rawValue),
                ("double_quantization", "\(hasNestedScales)"),
            ]
        case .quantized: [("quantization_bit", "8")]
        }
    }

    private var exportSettings: String {
        guard !quantizationSettings.isEmpty else { return "" }
        return (quantizationSettings + [("export_dequantize", "true")])
            .map { " \\\n    \($0.0)=\($0.1)" }.joined()
    }
}
