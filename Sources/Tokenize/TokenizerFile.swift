internal import FledgeCore

/// Finds and reads the files that a tokenizer comes in.
public enum TokenizerFile {
    /// Reads the tokenizer of a model folder, or a file: `tokenizer.json`, SentencePiece's
    /// `tokenizer.model`, tiktoken's and tekken's files, `vocab.json` (with `merges.txt` beside it)
    /// and `.gguf`.
    ///
    /// Files of the same name may be of different kinds; their content decides.
    public static func load(_ path: String) throws -> TextTokenizer {
        if FileSystem.isFolder(path) { return try load(folder: path + "/", path) }
        return try load(file: path, .null)
    }

    /// - Parameter configuration: What is said about a vocabulary that says nothing itself.
    private static func load(
        file path: String, _ configuration: JSONValue
    ) throws -> TextTokenizer {
        guard FileSystem.exists(path) else {
            throw FledgeError(
                .fileNotFound, "There is no such file or folder.",
                at: FledgeError.Location(file: path))
        }
        if GGUFFile.isThere(at: path) {
            return try TextTokenizer(GGUFFile(path: path))
        }
        let folder = FileSystem.folder(of: path)
        let name = path.utf8.dropFirst(folder.utf8.count)
        if name.elementsEqual("merges.txt".utf8) || name.elementsEqual("vocab.json".utf8) {
            return try load(merges: folder, path)
        }
        for ending in [".safetensors", "config.json"] where path.hasSuffix(ending) {
            throw FledgeError(
                .unsupported, "The file is a part of a model, expected its folder.",
                advice: "Name the folder: \(folder.isEmpty ? "." : folder)",
                at: FledgeError.Location(file: path))
        }
        let mapped = try MappedFile(path: path)
        let tokenizer: TextTokenizer
        try withExtendedLifetime(mapped) {
            try ForeignContent.refuse(
                mapped.bytes, expected: "a tokenizer", at: FledgeError.Location(file: path))
        }
        if mapped.bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") {
            return try load(json: mapped, folder)
        } else if TiktokenFile.matches(mapped.bytes) {
            tokenizer = try withExtendedLifetime(mapped) {
                try TiktokenFile.tokenizer(mapped.bytes, file: path)
            }
        } else if mapped.bytes.first == 0x0A {
            // The first field of SentencePiece's protocol buffer: a piece.
            tokenizer = try withExtendedLifetime(mapped) {
                try SentencePieceFile.tokenizer(mapped.bytes, configuration, file: path)
            }
        } else {
            throw unsupported("Not a file that holds a known kind of tokenizer.", path)
        }
        return tokenizer
    }

    private static func load(folder: String, _ path: String) throws -> TextTokenizer {
        if FileSystem.exists(folder + "tokenizer.json") {
            return try load(folder + "tokenizer.json")
        }
        for name in ["tokenizer.model", "tekken.json", "qwen.tiktoken"]
        where FileSystem.exists(folder + name) {
            let configuration = try side(folder, "tokenizer_config.json")
            var tokenizer = try load(file: folder + name, configuration)
            try surround(&tokenizer, folder)
            return tokenizer
        }
        if FileSystem.exists(folder + "merges.txt") { return try load(merges: folder, path) }
        throw noTokenizer(folder, path)
    }

    private static func noTokenizer(_ folder: String, _ path: String) -> FledgeError {
        let names = (try? Folder.names(in: path)) ?? []
        let models = names.filter {
            FileSystem.exists(folder + $0 + "/tokenizer.json")
                || FileSystem.exists(folder + $0 + "/config.json")
        }
        return FledgeError(
            .unsupported,
            "There is no tokenizer in this folder: found "
                + "\(names.isEmpty ? "nothing" : names.listed), expected tokenizer.json, "
                + "tokenizer.model, or vocab.json with merges.txt.",
            advice: models.first.map { "Name a folder inside of it, for example \(folder)\($0)." }
                ?? "Download all files of the model into the folder.",
            at: FledgeError.Location(file: path))
    }

    private static func load(json mapped: MappedFile, _ folder: String) throws -> TextTokenizer {
        try withExtendedLifetime(mapped) {
            if TekkenFile.matches(mapped.bytes) {
                return try TekkenFile.tokenizer(mapped.bytes, file: mapped.path)
            }
            let sides = try sides(folder)
            var tokenizer = try TextTokenizer(
                parsing: mapped.bytes, sides.configuration, file: mapped.path)
            tokenizer.configure(sides)
            try addTemplate(&tokenizer, folder)
            return tokenizer
        }
    }

    private static func load(merges folder: String, _ path: String) throws -> TextTokenizer {
        for name in ["vocab.json", "merges.txt"] where !FileSystem.exists(folder + name) {
            throw unsupported("There is no \(name), which belongs to this kind of tokenizer.", path)
        }
        var configuration = try side(folder, "tokenizer_config.json")
        if configuration["tokenizer_class"]?.stringValue == nil {
            let model = try side(folder, "config.json")
            if let name = TokenizerClass.name(ofModel: model) {
                configuration = configuration.members == nil ? [:] : configuration
                configuration["tokenizer_class"] = .string(name)
            }
        }
        var tokenizer = try MergesFile.tokenizer(
            vocabulary: folder + "vocab.json", merges: folder + "merges.txt",
            configuration: configuration)
        try surround(&tokenizer, folder)
        if MergesFile.isQwen(configuration) {
            // This class adds its special tokens once more, without the flags that files give them.
            let sides = try sides(folder)
            let names = sides.named.map(\.token.content) + sides.extra.map(\.content)
            tokenizer.add(names.map { TokenizerSideFiles.Token($0) })
        }
        return tokenizer
    }

    /// Takes what the files beside a vocabulary say about it.
    private static func surround(_ tokenizer: inout TextTokenizer, _ folder: String) throws {
        let configuration = try side(folder, "tokenizer_config.json")
        tokenizer.configure(try sides(folder))
        let begin = configuration["add_bos_token"]?.boolValue
        let end = configuration["add_eos_token"]?.boolValue
        if begin != nil || end != nil {
            let present = tokenizer.addedAroundText
            tokenizer.files.postProcessor = tokenizer.postProcessor(
                begin ?? !present.prefix.isEmpty, end ?? !present.suffix.isEmpty)
        }
        try addTemplate(&tokenizer, folder)
    }

    private static func addTemplate(_ tokenizer: inout TextTokenizer, _ folder: String) throws {
        let template = folder + "chat_template.jinja"
        guard FileSystem.exists(template) else { return }
        let mapped = try MappedFile(path: template)
        // What is no template is not saved as one; whoever loads it is told what it is.
        if withExtendedLifetime(mapped, { ForeignContent(mapped.bytes.prefix(512)) }) != nil {
            return
        }
        tokenizer.chatTemplate = withExtendedLifetime(mapped) {
            String(decoding: mapped.bytes, as: UTF8.self)
        }
    }

    private static func sides(_ folder: String) throws -> TokenizerSideFiles {
        TokenizerSideFiles(
            try side(folder, "tokenizer_config.json"),
            specialTokens: try side(folder, "special_tokens_map.json"),
            addedTokens: try side(folder, "added_tokens.json"))
    }

    private static func side(_ folder: String, _ name: String) throws -> JSONValue {
        FileSystem.exists(folder + name) ? try JSONValue(contentsOf: folder + name) : .null
    }

    private static func unsupported(_ message: String, _ path: String) -> FledgeError {
        FledgeError(
            .unsupported, message,
            advice: "Supported are tokenizer.json, tokenizer.model of SentencePiece, tiktoken and "
                + "tekken files, vocab.json with merges.txt, and .gguf files.",
            at: FledgeError.Location(file: path))
    }
}
