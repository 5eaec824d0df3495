extension GGUFFile {
    /// The files of the model that a file is of: all its parts in their order, or the file alone.
    ///
    /// - Throws: ``FledgeError`` when the file cannot be read, or is no GGUF file.
    package static func paths(ofModelAt path: String) throws -> [String] {
        var parser = GGUFParser(try MappedFile(path: path), path: path)
        _ = try parser.header()
        guard let parts = try GGUFParts(parser.metadata(), path: path) else { return [path] }
        return (0..<parts.count).map(parts.path)
    }
}
