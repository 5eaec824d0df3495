import FledgeCore

/// What lies beside a tokenizer.
public enum TokenizerFolder {
    /// Files that are read where they are there.
    private static let read: Set<String> = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "tokenizer.model", "tekken.json", "qwen.tiktoken", "vocab.json", "merges.txt",
        "chat_template.jinja", "chat_template.json", "additional_chat_templates",
    ]

    /// Files that may be left unread, each with the reason.
    private static let harmless: [String: String] = [
        "vocab.txt": "the vocabulary of tokenizer.json in its older form",
        "spiece.model": "the vocabulary of tokenizer.json in its older form",
        "sentencepiece.bpe.model": "the vocabulary of tokenizer.json in its older form",
        "normalizer.json": "spelling for measuring speech recognition",
        "token_classification.json": "labels of another task",
        "tokenizer.model.v3": "the vocabulary of tokenizer.json, numbered for other software",
        "tokenizer.model.v7": "the vocabulary of tokenizer.json, numbered for other software",
    ]

    /// Parts of names by which files belong to a tokenizer.
    private static let telling = [
        "token", "vocab", "merges", "spiece", "sentencepiece", "chat_template", "tiktoken",
    ]

    /// The names of files in a model's folder that belong to the tokenizer by their names, and that
    /// nothing reads; none for a path that is no folder.
    ///
    /// - Throws: ``FledgeError`` when the folder cannot be read.
    public static func unreadFiles(in path: String) throws -> [String] {
        guard FileSystem.isFolder(path) else { return [] }
        let hasWhole = FileSystem.exists(path + "/tokenizer.json")
        return try Folder.names(in: path).sorted().filter { name in
            guard telling.contains(where: { name.holds($0) }), !read.contains(name) else {
                return false
            }
            // Code of a model's own is never run; the vocabulary says what it would do.
            if hasWhole, FileSystem.fileExtension(of: name) == "py" { return false }
            return !(hasWhole && harmless[name] != nil)
        }
    }
}
