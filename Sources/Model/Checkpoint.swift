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

    /// Opens a Hugging Face folder or a `.gguf` file; weights are mapped, not read.
    ///
    /// - Throws: ``FledgeError`` when there is no such model, when its architecture is not supported,
    ///   or when a file is damaged.
    public init(path: String) throws {
        self.path = path
        if path.hasSuffix(".gguf") {
            let file = try GGUFFile(path: path)
            configuration = try DecoderConfiguration(gguf: file)
            weights = try GGUFTensorSource(file)
        } else {
            configuration = try DecoderConfiguration(folder: path)
            weights = try Self.safetensors(folder: path)
        }
    }

    private static func safetensors(folder: String) throws -> any TensorSource {
        let single = folder + "/model.safetensors"
        let files = Folder.names(in: folder)
        if files.contains(ShardedSafetensors.indexName) {
            return try ShardedSafetensors(folder: folder)
        }
        guard files.contains("model.safetensors") else {
            let isPickled = files.contains { $0.hasSuffix(".bin") || $0.hasSuffix(".pth") }
            throw FledgeError(
                isPickled ? .unsupported : .fileNotFound, "The folder holds no model.safetensors.",
                advice: isPickled
                    ? "Pickled weights can run code when they are opened; convert them to safetensors."
                    : "Download the model's weights into the folder.", at: .init(file: folder))
        }
        return try SafetensorsFile(path: single)
    }

    /// Loads the model with all weights frozen.
    ///
    /// - Parameters:
    ///   - type: The element type that matrices are stored in, and computed with; norms and biases
    ///     are float32.
    ///   - storage: What becomes of the linear layers' weights; the head and the embedding table
    ///     are plain in any case.
    /// - Throws: ``FledgeError`` when a tensor is missing, has another shape, or belongs to no part
    ///   of the model; when blocks are to be kept and the model is no GGUF file.
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
