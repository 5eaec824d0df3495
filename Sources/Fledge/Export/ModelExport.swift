internal import FledgeCore
internal import FledgeModel
internal import FledgeTokenize
internal import Foundation

/// Merges adapters into their base and writes a complete Hugging Face folder.
public struct ModelExport {
    private let configuration: RunConfiguration
    private let announce: (String) -> Void

    /// Creates an export.
    ///
    /// - Parameter announce: Receives a line for everything that is about to be done.
    public init(_ configuration: RunConfiguration, announce: @escaping (String) -> Void = { _ in })
    {
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
        try requireReplaceable(path)
        for note in configuration.notes { announce(note) }
        let text = try textSide()
        for note in text.notes { announce(note) }
        let folders = configuration.adapterFolders
        try requireMergeable(folders)
        announce(
            folders.isEmpty
                ? "No adapter is named; the base model is written as it is."
                : "Merging \(folders.joined(separator: ", ")).")
        // Merging is done in float32 and rounded once, whatever the folder is written as.
        var merging = configuration
        merging.training.usesBFloat16 = false
        merging.model.inferenceType = .float32
        let side = try ModelSide(
            inference: merging, dequantizing: configuration.model.exportsDequantized)
        for note in side.checkpoint.notes { announce(note) }
        try text.requireFits(side.model)
        let type = storedType(side.checkpoint)
        announce("Writing \(path) as \(type.configurationName).")
        let folder = try AtomicFolder(path: path)
        let head = try valueHead(of: side.model)
        var tokenizer = text.tokenizer
        if head != nil { tokenizer.padding = try classifierPadding(text) }
        try side.model.save(
            to: folder.temporary, as: type,
            shardByteCount: configuration.model.exportShardGigabytes * 1_000_000_000,
            scoring: head.map { SequenceScore($0, padding: tokenizer.padding) })
        try head?.save(to: folder.temporary)
        try tokenizer.save(to: folder.temporary)
        try Modelfile(text).write(to: folder.temporary)
        try ExportCard(configuration, head: head)?.write(to: folder.temporary)
        try folder.commit()
        announce("The model is in \(path).")
    }

    /// The value head that makes the model a reward model: where the stage trains one, and where one lies
    /// beside the weights and no stage is named.
    ///
    /// - Throws: ``FledgeError`` when the stage trains one and there is none, or it does not fit.
    private func valueHead(of model: any CausalLM) throws -> ValueHead? {
        let folder = try configuration.valueHeadFolder()
        let isMeant =
            configuration.method.makesScores
            || !configuration.values.isSet("stage") && ValueHead.isPresent(in: folder)
        guard isMeant else { return nil }
        announce("The value head of \(folder) makes the model one that classifies sequences.")
        return try ValueHead(folder: folder, channels: model.configuration.hiddenSize)
    }

    /// A token to pad with that no text ends with: classifiers score the last token that is another one.
    private func classifierPadding(_ text: TextSide) throws -> Int32? {
        let tokenizer = text.tokenizer
        let found = [tokenizer.padding, tokenizer.unknown, tokenizer.beginOfText]
            .compactMap(\.self).first {
                $0 != tokenizer.endOfText && !text.stopTokens.contains($0)
            }
        guard let found else {
            announce(
                "Warning: the tokenizer has no token to pad with but those that end a text; score one text at a time with transformers, without padding."
            )
            return nil
        }
        if found != tokenizer.padding {
            announce(
                "Padding is \(tokenizer.written(found) ?? "token \(found)") there: a classifier scores the last token that is no padding."
            )
        }
        return found
    }

    /// Tokenizer and template; the template matters for the Modelfile alone, which is left out where the
    /// model's own one cannot be said in it.
    private func textSide() throws -> TextSide {
        do { return try TextSide(configuration) } catch let error as FledgeError
            where configuration.data.template == nil
        {
            let text = try TextSide(configuration, asksOnly: true)
            announce("No Modelfile is written. \(error.message)")
            return text
        }
    }

    /// Folders hold plain weights: a quantised base is expanded on request only.
    private func requireMergeable(_ folders: [String]) throws {
        let model = configuration.model
        guard model.linearStorage != .plain, !model.exportsDequantized else { return }
        throw FledgeError(
            .configuration,
            folders.isEmpty
                ? "A folder holds plain weights, not a quantized model."
                : "Cannot merge adapters to a quantized model.",
            advice: "Set export_dequantize: true to expand the base first, or leave out "
                + (model.keepsBlocks ? "gguf_keep_quantized" : "quantization_bit")
                + " to take the weights as they are in the model's files.")
    }

    private func storedType(_ checkpoint: Checkpoint) -> SafetensorsType {
        switch configuration.model.inferenceType {
        case .float32: return .float32
        case .float16: return .float16
        case .bfloat16: return .bfloat16
        case .automatic:
            return switch checkpoint.storedType {
            case .bfloat16: .bfloat16
            case .float16: .float16
            default: .float32
            }
        }
    }

    /// The names that an exported folder, or a model folder of another program, may hold.
    private static func isPartOfModel(_ name: String) -> Bool {
        let names = [
            "config.json", "generation_config.json", "model.safetensors.index.json",
            "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
            "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model",
            "chat_template.jinja", "Modelfile", ExportCard.fileName,
            ValueHead.fileName,
        ]
        return names.contains(name) || Surroundings.files.contains(name)
            || name.hasPrefix("model") && name.hasSuffix(".safetensors")
    }

    /// A folder that holds something else than a model is not replaced, nor one that is read here.
    private func requireReplaceable(_ path: String) throws {
        let target = Self.resolved(path)
        for source in try [configuration.requiredModelPath()] + configuration.adapterFolders
        where Self.resolved(source).hasPrefix(target) {
            throw FledgeError(
                .configuration, "export_dir would replace \(source), which is read here.",
                advice: "Choose another folder.", at: .init(file: path))
        }
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue
        {
            throw FledgeError(
                .configuration, "export_dir is a file.", advice: "Choose another name.",
                at: .init(file: path))
        }
        guard Folder.exists(path),
            let first = try Folder.names(in: path, hidden: true)
                .first(where: { !Self.isPartOfModel($0) })
        else { return }
        throw FledgeError(
            .configuration, "export_dir exists and holds \(first), which is not part of a model.",
            advice: "Choose another folder or empty this one.", at: .init(file: path))
    }

    /// The path without links and detours, with a slash at its end.
    private static func resolved(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path + "/"
    }
}
