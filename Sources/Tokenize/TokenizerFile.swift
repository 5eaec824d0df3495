import FledgeCore

/// Finds and reads the files that a tokenizer comes in.
public enum TokenizerFile {
    /// Reads the tokenizer of a model folder, a `tokenizer.json` or a `.gguf` file.
    public static func load(_ path: String) throws -> BytePairTokenizer {
        if FileSystem.isFolder(path) { return try load(folder: path + "/", path) }
        switch FileSystem.fileExtension(of: path) {
        case "gguf": return try BytePairTokenizer(GGUFFile(path: path))
        case "json": return try load(file: path, folder: FileSystem.folder(of: path))
        default:
            guard FileSystem.exists(path) else {
                throw FledgeError(
                    .fileNotFound, "There is no such file or folder.",
                    at: FledgeError.Location(file: path))
            }
            throw unsupported("Not a file that holds a known kind of tokenizer.", path)
        }
    }

    private static func load(folder: String, _ path: String) throws -> BytePairTokenizer {
        let file = folder + "tokenizer.json"
        guard FileSystem.exists(file) else {
            throw unsupported("There is no tokenizer.json in this folder.", path)
        }
        return try load(file: file, folder: folder)
    }

    private static func load(file: String, folder: String) throws -> BytePairTokenizer {
        let side = folder + "tokenizer_config.json"
        var tokenizer = try BytePairTokenizer(
            json: JSONValue(contentsOf: file),
            configuration: FileSystem.exists(side) ? JSONValue(contentsOf: side) : .null,
            file: file)
        let template = folder + "chat_template.jinja"
        if FileSystem.exists(template) {
            let mapped = try MappedFile(path: template)
            tokenizer.chatTemplate = withExtendedLifetime(mapped) {
                String(decoding: mapped.bytes, as: UTF8.self)
            }
        }
        return tokenizer
    }

    private static func unsupported(_ message: String, _ path: String) -> FledgeError {
        FledgeError(
            .unsupported, message,
            advice: "Supported are folders with a tokenizer.json, such files, and .gguf files.",
            at: FledgeError.Location(file: path))
    }
}
