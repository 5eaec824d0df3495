internal import FledgeCore

/// What a data file's name says about its content.
struct RecordFormat: Hashable {
    /// The formats of rows.
    enum Kind: String, CaseIterable {
        case json, csv, tsv, text, parquet, arrow

        /// What a file of the format is, for messages.
        var words: String {
            switch self {
            case .json: "rows in JSON"
            case .csv: "comma-separated values"
            case .tsv: "tab-separated values"
            case .text: "plain text in UTF-8"
            case .parquet: "a Parquet file"
            case .arrow: "an Arrow file"
            }
        }
    }

    /// How the whole file is compressed.
    enum Compression: String {
        case gzip, zstandard
    }

    let kind: Kind
    let compression: Compression?

    private static let kinds: [String: Kind] = [
        "json": .json, "jsonl": .json, "csv": .csv, "tsv": .tsv, "txt": .text,
        "parquet": .parquet, "arrow": .arrow,
    ]

    /// The format of a path.
    ///
    /// - Throws: ``FledgeError`` when the name has an unknown extension.
    init(path: String) throws {
        var name = path
        var ending = FileSystem.fileExtension(of: name)
        let compressions: [String: Compression] = ["gz": .gzip, "zst": .zstandard]
        compression = ending.flatMap { compressions[$0] }
        if let compressed = ending, compression != nil {
            name = String(name.utf8.dropLast(compressed.utf8.count + 1)) ?? name
            ending = FileSystem.fileExtension(of: name)
        }
        guard let kind = ending.flatMap({ Self.kinds[$0] }) else {
            throw FledgeError(
                .unsupported, "A data file with the extension \(ending ?? "none") cannot be read.",
                advice: "Allowed file types: arrow, csv, json, jsonl, parquet, tsv, txt; all but "
                    + "arrow and parquet also with .gz or .zst behind.",
                at: FledgeError.Location(file: path))
        }
        self.kind = kind
        guard compression == nil || (kind != .parquet && kind != .arrow) else {
            throw FledgeError(
                .unsupported,
                "A \(kind.rawValue) file that is compressed as a whole cannot be read.",
                advice: "Expand it first; its pages can be compressed inside.",
                at: FledgeError.Location(file: path))
        }
    }
}
