internal import FledgeColumnar
public import FledgeCore

/// Tokenised data in a folder, as `datasets.load_from_disk` and the reference's `tokenized_path` read
/// it: a table for each split.
///
/// What the reference has no columns for, such as where rows were written, lies beside in tables and
/// a description of its own. A folder that the reference has written can be read too.
public struct TokenizedFolder: Sendable {
    /// The folder.
    public let path: String
    /// The names of the splits: `train`, `validation`, `validation_<data set>`.
    public let splits: [String]
    /// What the writer noted; `nil` for a folder that was not written here.
    public let notes: JSONValue?
    private let files: [String]
    /// Whether the folder is a single split, without a folder of its own.
    private let isSingle: Bool

    static let description = "fledge.json"
    static let version = 1
    static let placeColumns = ["place_files", "place_lines", "place_columns"]

    /// Whether there is something at a path, if only a file.
    public static func exists(_ path: String) -> Bool {
        FileSystem.exists(path)
            && !(FileSystem.isFolder(path) && (try? Folder.names(in: path)) == [])
    }

    /// Opens a folder.
    ///
    /// - Throws: ``FledgeError`` when it holds no data set, or one of a later version.
    public init(path: String) throws {
        self.path = path
        isSingle = FileSystem.exists(path + "/state.json")
        if isSingle {
            splits = ["train"]
        } else {
            let list = path + "/dataset_dict.json"
            guard FileSystem.exists(list) else {
                throw FledgeError(
                    .data, "The folder holds no tokenised data: it has no dataset_dict.json.",
                    advice:
                        "Name a folder that does not exist yet, or one of datasets.save_to_disk.",
                    at: FledgeError.Location(file: path))
            }
            let names = try JSONValue(contentsOf: list)["splits"]?.arrayValue ?? []
            splits = names.compactMap(\.stringValue)
        }
        let file = path + "/" + Self.description
        guard FileSystem.exists(file) else {
            (notes, files) = (nil, [])
            return
        }
        let description = try JSONValue(contentsOf: file)
        guard description["version"]?.intValue == Self.version else {
            throw FledgeError(
                .unsupported, "The tokenised data are of another version of Fledge.",
                advice: "Remove the folder, it is made anew then.",
                at: FledgeError.Location(file: file))
        }
        notes = description["notes"] ?? .null
        files = (description["files"]?.arrayValue ?? []).compactMap(\.stringValue)
    }

    /// Reads the samples of a split.
    ///
    /// - Throws: ``FledgeError`` with the row's place when one is damaged or of another kind.
    public func samples<Sample: ColumnarSample>(
        _ split: String, of type: Sample.Type, _ form: SampleForm, threads: Int = 2
    ) throws -> [Sample] {
        let folder = isSingle ? path : path + "/" + split
        let extras = notes == nil ? nil : try ArrowRecords(path: folder + "/extras.arrow")
        let tables = try Self.tables(folder).map { try ArrowRecords(path: $0) }
        let count = tables.reduce(0) { $0 + $1.count }
        if let extras, extras.count != count {
            throw FledgeError(
                .fileCorrupt,
                "The tokenised data were changed: \(count) rows, what is kept beside them is of \(extras.count).",
                advice: "Remove \(path)/\(Self.description) to take the rows as they are now.",
                at: FledgeError.Location(file: folder))
        }
        var (samples, first) = ([Sample](), 0)
        for table in tables {
            let start = first
            samples += try concurrentMap(Array(0..<table.count), threads: threads) { row in
                let places = try extras.map { try place(of: start + row, in: $0) }
                let row = SampleRow(
                    index: start + row, in: table, at: row, extras: extras, places: places,
                    vocabularyCount: form.vocabularyCount)
                return try Sample(row, form)
            }
            first += table.count
        }
        return samples
    }

    /// Number of tokens of a split's first row, with those that fill it up; `nil` when it has none.
    public func rowLength(of split: String) throws -> Int? {
        for file in try Self.tables(isSingle ? path : path + "/" + split) {
            let table = try ArrowRecords(path: file)
            if table.count > 0 { return try table.integers("input_ids", at: 0)?.count }
        }
        return nil
    }

    /// The files that hold the rows of a split; none where there is no such split.
    ///
    /// - Throws: ``FledgeError`` when its list of files cannot be read.
    package func tables(of split: String) throws -> [String] {
        guard splits.contains(split) else { return [] }
        let folder = isSingle ? path : path + "/" + split
        let extras = notes == nil ? [] : [folder + "/extras.arrow"]
        return try Self.tables(folder) + extras
    }

    private func place(of row: Int, in extras: ArrowRecords) throws -> [FledgeError.Location] {
        let parts = try Self.placeColumns.map { try extras.integers($0, at: row) ?? [] }
        guard let count = parts.map(\.count).min(), count > 0 else {
            throw extras.failure("a row without a place")
        }
        return try (0..<count).map { index in
            guard files.indices.contains(Int(parts[0][index])) else {
                throw extras.failure("a place in an unknown file")
            }
            func number(_ part: Int) -> Int? {
                parts[part][index] > 0 ? Int(parts[part][index]) : nil
            }
            return FledgeError.Location(
                file: files[Int(parts[0][index])], line: number(1), column: number(2))
        }
    }

    /// The tables of a split in their order.
    private static func tables(_ folder: String) throws -> [String] {
        let file = folder + "/state.json"
        let state = try JSONValue(contentsOf: file)
        guard (state["_indices_files"]?.arrayValue ?? []).isEmpty else {
            throw FledgeError(
                .unsupported, "The data set is a selection of rows by a table of its own.",
                advice: "Write it with flatten_indices().", at: FledgeError.Location(file: file))
        }
        let names = (state["_data_files"]?.arrayValue ?? []).compactMap {
            $0["filename"]?.stringValue
        }
        guard !names.contains(where: { $0.utf8.contains(UInt8(ascii: "/")) }) else {
            throw FledgeError(
                .data, "A table lies outside of the folder.", at: FledgeError.Location(file: file))
        }
        return names.map { folder + "/" + $0 }
    }
}
