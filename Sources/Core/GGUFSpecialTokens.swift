/// The special tokens that a GGUF file's metadata name; where they name none that is there, those of
/// llama.cpp.
package struct GGUFSpecialTokens: Sendable {
    /// The ids of the tokens that begin and end a text, stand for unknown text, and fill rows.
    package private(set) var beginOfText, endOfText, unknown, padding: Int?
    /// What the metadata do not say, or say wrongly, a sentence each.
    package private(set) var notes: [String] = []

    /// Reads the ids.
    ///
    /// - Throws: ``FledgeError`` when one of them is no number.
    package init(_ file: GGUFFile) throws {
        beginOfText = try id("bos", file)
        endOfText = try id("eos", file)
        unknown = try id("unknown", file)
        padding = try id("padding", file)
    }

    private mutating func id(_ role: String, _ file: GGUFFile) throws -> Int? {
        let key = "tokenizer.ggml.\(role)_token_id"
        let stated = try file.optionalValue(key, "the number of a token", \.intValue)
        guard let tokens = file.metadata["tokenizer.ggml.tokens"], let count = tokens.count else {
            return stated.flatMap { $0 >= 0 ? $0 : nil }
        }
        if let stated, (0..<count).contains(stated) { return stated }
        // A file that was made without the token says so by leaving it out, or by -1.
        let isForeign = stated != nil && stated != -1 && stated != Int(UInt32.max)
        guard isForeign || role == "eos" || role == "bos" else { return nil }
        let usual = Self.usual(role, file, count)
        guard isForeign || role == "eos" || usual != nil else { return nil }
        let found = stated.map { "is \($0), which is none of the \(count) tokens" } ?? "is missing"
        let token = usual.flatMap { tokens.stringArray?[$0] }
            .map { String(decoding: $0, as: UTF8.self) }
        let effect =
            usual.map { "\($0) (\(token ?? "")) counts, as in llama.cpp." }
            ?? (role == "eos"
                ? "no token ends a text but those of the template." : "it is ignored.")
        notes.append("\(file.path): \(key) \(found): \(effect)")
        return usual
    }

    /// What llama.cpp takes for a role that the metadata do not fill.
    private static func usual(_ role: String, _ file: GGUFFile, _ count: Int) -> Int? {
        let id: Int? =
            switch (file.metadata["tokenizer.ggml.model"]?.stringValue, role) {
            case ("llama", "bos"): 1
            case ("llama", "eos"): 2
            case ("t5", "eos"): 1
            // The end of text of Falcon, the first of the kind; of other models it is a letter.
            case ("gpt2", "bos"), ("gpt2", "eos"): isControl(11, file) ? 11 : nil
            default: nil
            }
        return id.flatMap { $0 < count ? $0 : nil }
    }

    private static func isControl(_ id: Int, _ file: GGUFFile) -> Bool {
        let types = file.metadata["tokenizer.ggml.token_type"]?.intArray ?? []
        return id < types.count && types[id] == 3
    }
}

extension GGUFFile {
    /// What `read` finds in the entry of a key; nil when there is no such entry.
    ///
    /// - Throws: ``FledgeError`` when the entry is of another kind.
    package func optionalValue<T>(
        _ key: String, _ expectation: String, _ read: (GGUFValue) -> T?
    ) throws -> T? {
        metadata[key] == nil ? nil : try value(key, expectation, read)
    }
}
