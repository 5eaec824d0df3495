internal import FledgeCore
public import FledgeTensor

/// A model on disk: a Hugging Face folder or a GGUF file.
public struct Checkpoint {
    /// The path as the user wrote it.
    public let path: String
    /// Sizes and constants.
    public let configuration: DecoderConfiguration
    /// The weights, under Hugging Face names.
    public let weights: any TensorSource
    /// What stands there twice or is passed over, a sentence each.
    public let notes: [String]

    /// Opens a Hugging Face folder or a GGUF file, whatever its name; weights are mapped, not read.
    ///
    /// Of a GGUF model in several files any one is named.
    ///
    /// - Parameters:
    ///   - families: The kinds of models that are known.
    ///   - stretch: How rotary positions are stretched beyond what the file says.
    /// - Throws: ``FledgeError`` when there is no such model, when its architecture is not supported,
    ///   or when a file is damaged.
    public init(
        path: String, families: [any ModelFamily] = .standard, stretch: ContextStretch? = nil
    ) throws {
        self.path = path
        var configuration: DecoderConfiguration
        var notes: [String]
        if GGUFFile.isThere(at: path) {
            let file = try GGUFFile(path: path)
            configuration = try DecoderConfiguration(gguf: file, families: families)
            weights = try GGUFTensorSource(file, families: families)
            notes = try GGUFSpecialTokens(file).notes + Self.cuttingNotes(file)
        } else {
            let folder = try ModelFolder(path)
            configuration = try DecoderConfiguration(folder: path, families: families)
            let single = try folder.weights(configuration)
            if configuration.enclosing?.statesTie == false, let names = single as? EnclosedNames,
                try names.hasOwnHead()
            {
                configuration.tieWordEmbeddings = false
            }
            let stacked = try StackedTensors(single, configuration.family.stacks, path: path)
            configuration.stacks = stacked?.stacks ?? []
            weights = stacked ?? single
            notes =
                configuration.contradictions.map { "\(path)/config.json: \($0)" }
                + UnreadSettings.notes(configuration.unreadSettings, path: path) + folder.notes
        }
        if let stretch { notes.append(try configuration.stretch(stretch)) }
        (self.configuration, self.notes) = (configuration, notes)
    }

    /// What llama.cpp warns of too: a vocabulary of byte pairs that does not say how words are cut.
    private static func cuttingNotes(_ file: GGUFFile) -> [String] {
        guard file.metadata["tokenizer.ggml.model"]?.stringValue == "gpt2",
            file.metadata["tokenizer.ggml.pre"] == nil
        else { return [] }
        return [
            "\(file.path): tokenizer.ggml.pre is missing, which names the way words are cut: llama.cpp's "
                + "'default' counts. If the model was made with another way, its text becomes other "
                + "tokens than it knows, and answers get worse; convert the model again."
        ]
    }

    /// The element type that weights are stored in: what the configuration declares, else that of the
    /// first matrix, as in transformers; nil where matrices are in blocks.
    public var storedType: SafetensorsType? {
        switch configuration.declaredType {
        case "bfloat16": return .bfloat16
        case "float16": return .float16
        case "float32": return .float32
        default:
            let matrices = weights.names.lazy.filter { weights.shape(of: $0)?.count == 2 }
            return matrices.compactMap(weights.storedType).first
        }
    }

    /// Loads the model with all weights frozen.
    ///
    /// - Parameters:
    ///   - type: The element type that matrices are stored in, and computed with; norms and biases
    ///     are float32.
    ///   - storage: What becomes of the linear layers' weights; the head and the embedding table
    ///     are plain in any case.
    /// - Throws: ``FledgeError`` when a tensor is missing, has another shape, belongs to no part of
    ///   the model, or holds a number that is not finite; when blocks are to be kept and the model is
    ///   no GGUF file.
    public func causalLM(
        storing type: ElementType = .float32, linears storage: LinearStorage = .plain
    ) throws -> DecoderLM {
        try DecoderLM(configuration, weights, storing: type, linears: storage, path: path)
    }
}

/// What becomes of the weights of linear layers when a model is loaded.
public enum LinearStorage: Hashable, Sendable {
    /// They are stored as the other matrices.
    case plain
    /// Each is quantised as soon as it has been read.
    case quantized(QuantizedFormat)
    /// Those that the file holds in blocks stay so.
    case blocksOfFile
}
