internal import Foundation
internal import FledgeCore
internal import FledgeModel

/// Merges adapters into their base and writes a complete Hugging Face folder.
public struct ModelExport {
    private let configuration: RunConfiguration
    private let announce: (String) -> Void

    /// Creates an export.
    ///
    /// - Parameter announce: Receives a line for everything that is about to be done.
    public init(_ configuration: RunConfiguration, announce: @escaping (String) -> Void = { _ in }) {
        (self.configuration, self.announce) = (configuration, announce)
    }

    /// Writes `export_dir`: configuration, weights, tokenizer and template; whole or not at all.
    ///
    /// - Throws: ``FledgeError`` when `export_dir` is missing, something does not fit, or a file
    ///   cannot be written.
    public func run() throws {
        guard let path = configuration.model.exportFolder else {
            throw FledgeError(
                .configuration, "Please specify `export_dir` to save model.",
                advice: "For example export_dir: models/merged.")
        }
        for note in configuration.notes { announce(note) }
        let text = try TextSide(configuration)
        for note in text.notes { announce(note) }
        let folders = configuration.adapterFolders
        announce(
            folders.isEmpty
                ? "No adapter is named; the base model is written as it is."
                : "Merging \(folders.joined(separator: ", ")).")
        // Merging is done in float32 and rounded once, whatever the folder is written as.
        var merging = configuration
        merging.training.usesBFloat16 = false
        merging.model.inferenceType = .float32
        let side = try ModelSide(inference: merging)
        let type = storedType(side.checkpoint)
        announce("Writing \(path) as \(type.configurationName).")
        let folder = try AtomicFolder(path: path)
        try side.model.save(
            to: folder.temporary, as: type,
            shardByteCount: configuration.model.exportShardGigabytes * 1_000_000_000)
        try text.tokenizer.save(to: folder.temporary)
        try Modelfile(text).write(to: folder.temporary)
        try replaceOnlyOwnFiles(path)
        try folder.commit()
        announce("The model is in \(path).")
    }

    private func storedType(_ checkpoint: Checkpoint) -> SafetensorsType {
        switch configuration.model.inferenceType {
        case .float32: return .float32
        case .float16: return .float16
        case .bfloat16: return .bfloat16
        case .automatic:
            switch checkpoint.configuration.declaredType {
            case "bfloat16": return .bfloat16
            case "float16": return .float16
            default: return .float32
            }
        }
    }

    /// A folder that holds something else than a model is not replaced.
    private func replaceOnlyOwnFiles(_ path: String) throws {
        let known = [
            ".json", ".safetensors", ".jinja", ".txt", ".md", ".model", "Modelfile",
        ]
        let foreign = Folder.names(in: path).filter { name in !known.contains { name.hasSuffix($0) } }
        guard let first = foreign.first else { return }
        throw FledgeError(
            .configuration, "export_dir exists and holds \(first), which is not part of a model.",
            advice: "Choose another folder or empty this one.", at: .init(file: path))
    }
}
