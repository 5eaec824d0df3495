internal import FledgeCore

/// The weights of a Hugging Face folder, chosen among its files as transformers does.
struct ModelFolder {
    private static let single = "model.safetensors"

    private let path: String
    private let files: [String]

    /// Looks at a folder.
    ///
    /// - Throws: ``FledgeError`` when it is none, or holds an adapter in place of a model.
    init(_ path: String) throws {
        self.path = path
        guard FileSystem.isFolder(path) else {
            let content = FileSystem.exists(path) ? try MappedFile(path: path) : nil
            if let content {
                try ForeignContent.refuse(
                    content.bytes, expected: "a GGUF file or a model's folder",
                    at: .init(file: path))
            }
            throw FledgeError(
                content == nil ? .fileNotFound : .unsupported,
                content == nil ? "There is no such model." : "The file is no GGUF file.",
                advice: "Name a Hugging Face folder or a GGUF file.", at: .init(file: path))
        }
        files = try Folder.names(in: path)
        guard files.contains("config.json") || !files.contains("adapter_config.json") else {
            let base = try? JSONValue(contentsOf: path + "/adapter_config.json")[
                "base_model_name_or_path"]?.stringValue
            throw FledgeError(
                .configuration, "The folder holds an adapter, expected a model.",
                advice: "Set adapter_name_or_path to it, and model_name_or_path to its model"
                    + (base.map { ", \($0)." } ?? "."), at: .init(file: path))
        }
    }

    private var listed: Bool { files.contains(ShardedSafetensors.indexName) }

    /// Files of weights that are passed over, since others come first.
    var notes: [String] {
        guard files.contains(Self.single) else { return [] }
        let parts = files.filter { $0.hasPrefix("model-") && $0.hasSuffix(".safetensors") }
        let others = parts + (listed ? [ShardedSafetensors.indexName] : [])
        guard let first = others.first else { return [] }
        let rest = others.count > 1 ? " and \(others.count - 1) more" : ""
        return [
            "\(path): the weights are those of \(Self.single); \(first)\(rest) beside it are not read, "
                + "as in transformers."
        ]
    }

    /// The weights under the names of a model with a head.
    ///
    /// - Throws: ``FledgeError`` when there are none that can be read, or a file is damaged.
    func weights(_ configuration: DecoderConfiguration) throws -> any TensorSource {
        let source: any TensorSource
        if files.contains(Self.single) {
            source = try SafetensorsFile(path: path + "/" + Self.single)
        } else if listed {
            source = try ShardedSafetensors(folder: path)
        } else {
            throw missing
        }
        if let whole = configuration.enclosing {
            return try EnclosedNames(source, in: whole, path: path)
        }
        return try HeadlessNames.restoring(source, configuration, path: path)
    }

    private var missing: FledgeError {
        let pickled = files.first {
            $0.hasSuffix(".bin") || $0.hasSuffix(".pth") || $0.hasSuffix(".pt")
        }
        let other = files.first { $0.hasSuffix(".safetensors") }
        if let pickled, other == nil {
            return FledgeError(
                .unsupported,
                "The folder holds no \(Self.single); its weights are pickled (\(pickled)).",
                advice:
                    "Pickled weights can run code when they are opened; convert them to safetensors.",
                at: .init(file: path))
        }
        return FledgeError(
            .fileNotFound,
            "The folder holds no \(Self.single)"
                + (other.map { ", and no \(ShardedSafetensors.indexName) that lists \($0)." } ?? "."),
            advice: other == nil
                ? "Download the model's weights into the folder."
                : "Download the index too, or name the file \(Self.single) if it is the only one.",
            at: .init(file: path))
    }
}
