public import FledgeCore

/// Writes tokenised data into a folder that appears whole or not at all, see ``TokenizedFolder``.
public final class TokenizedFolderWriter {
    private let folder: AtomicFolder
    private var splits: [String] = []
    private var files: [String: Int32] = [:]

    /// Begins a folder.
    ///
    /// - Throws: ``FledgeError`` when it cannot be written.
    public init(path: String) throws { folder = try AtomicFolder(path: path) }

    /// Writes the samples of a split, in their order.
    public func write<Sample: ColumnarSample>(
        _ samples: [Sample], split: String, _ form: SampleForm
    ) throws {
        let path = folder.temporary + "/" + split
        try Folder.create(path)
        let table = "data-00000-of-00001.arrow"
        try Self.write(samples.lazy.map { $0.columns(form) }, to: path + "/" + table)
        try Self.write(
            samples.lazy.map { $0.extras + self.places($0.places) }, to: path + "/extras.arrow")
        let state: JSONValue = [
            "_data_files": [["filename": .string(table)]], "_fingerprint": "fledge",
            "_format_columns": nil, "_format_kwargs": .object([]), "_format_type": nil,
            "_output_all_columns": false, "_split": .string(split),
        ]
        try AtomicFile.write(state.serialized(.indented) + "\n", to: path + "/state.json")
        try AtomicFile.write("{}\n", to: path + "/dataset_info.json")
        splits.append(split)
    }

    /// Ends the folder with notes for whoever reads it.
    public func commit(_ notes: JSONValue) throws {
        let names: JSONValue = ["splits": .array(splits.map { .string($0) })]
        try AtomicFile.write(names.serialized() + "\n", to: folder.temporary + "/dataset_dict.json")
        let description: JSONValue = [
            "version": .integer(TokenizedFolder.version),
            "files": .array(files.sorted { $0.value < $1.value }.map { .string($0.key) }),
            "notes": notes,
        ]
        try AtomicFile.write(
            description.serialized(.indented) + "\n",
            to: folder.temporary + "/" + TokenizedFolder.description)
        try folder.commit()
    }

    private static func write(
        _ rows: some Sequence<[SampleColumn]>, to path: String
    ) throws {
        let file = try AtomicFile(path: path)
        var writer: ArrowStreamWriter?
        for row in rows {
            if writer == nil {
                writer = try ArrowStreamWriter(
                    columns: row.map { ($0.name, $0.values.kind) }, write: file.write)
            }
            try writer?.append(row.map(\.values))
        }
        if writer == nil { writer = try ArrowStreamWriter(columns: [], write: file.write) }
        try writer?.finish()
        try file.commit()
    }

    private func places(_ places: [FledgeError.Location]) -> [SampleColumn] {
        let numbers = places.map { place -> Int32 in
            let number = files[place.file] ?? Int32(files.count)
            files[place.file] = number
            return number
        }
        let columns = [
            numbers, places.map { Int32(clamping: $0.line ?? 0) },
            places.map { Int32(clamping: $0.column ?? 0) },
        ]
        return zip(TokenizedFolder.placeColumns, columns).map { SampleColumn($0, .integers($1)) }
    }
}
