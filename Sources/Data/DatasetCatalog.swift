public import FledgeCore

/// The data sets that a folder describes in its `dataset_info.json`.
public struct DatasetCatalog: Sendable {
    private let folder: String
    private let file: String
    private let entries: JSONValue
    /// Why there are no entries.
    private let missing: FledgeError?

    /// Reads `dataset_info.json` of a folder.
    ///
    /// - Throws: ``FledgeError`` when there is none, or it is damaged.
    public init(folder: String) throws {
        try self.init(folder: folder, allowingPathsAlone: false)
    }

    /// Takes entries from memory.
    ///
    /// - Parameter folder: The folder that file names are relative to; empty for the working folder.
    public init(entries: JSONValue, folder: String = "") throws {
        guard entries.members != nil else {
            throw FledgeError(
                .configuration,
                "The description of data sets is \(entries.kind), expected an object.")
        }
        self.folder = Self.withSlash(folder)
        (file, self.entries, missing) = ("dataset_dir", entries, nil)
    }

    /// - Parameter allowingPathsAlone: Whether a folder without `dataset_info.json` is a catalog of
    ///   nothing, so that data sets can still be named by their paths.
    init(folder: String, allowingPathsAlone: Bool) throws {
        for word in ["ONLINE", "REMOTE:"] where folder.utf8.starts(with: word.utf8) {
            throw FledgeError(
                .unsupported, "dataset_dir: \(folder) means data sets of a hub.",
                advice: "Fetch them (hf download --repo-type dataset …) and name their files, with "
                    + "dataset_info.json beside them in a folder that dataset_dir names.")
        }
        self.folder = Self.withSlash(folder)
        file = self.folder + "dataset_info.json"
        var missing: FledgeError?
        do {
            entries = try JSONValue(contentsOf: file)
        } catch let error as FledgeError where error.code == .fileNotFound {
            let location = FledgeError.Location(file: file)
            missing = FledgeError(
                .fileNotFound, "There is no dataset_info.json.",
                advice: "It says where each data set's rows are and what their columns mean.",
                at: location, cause: error)
            guard allowingPathsAlone else { throw missing ?? error }
            entries = [:]
        }
        self.missing = missing
        guard entries.members != nil else {
            throw FledgeError(
                .configuration, "The file holds \(entries.kind), expected an object.",
                at: FledgeError.Location(file: file))
        }
    }

    private static func withSlash(_ folder: String) -> String {
        folder.isEmpty || folder.utf8.last == UInt8(ascii: "/") ? folder : folder + "/"
    }

    /// The names of all data sets.
    public var names: [String] { entries.members?.map(\.key) ?? [] }

    /// The description of a data set, or of a file that is named by its path.
    ///
    /// What a file's rows are is then judged by the first of them (``DatasetFit``).
    ///
    /// - Parameters:
    ///   - purpose: What the rows of a file that is not described are for.
    ///   - cacheFolder: Where the places of a large file's rows are kept.
    ///   - quirks: Where to be as wrong as the reference.
    public func description(
        named name: String, for purpose: DatasetFit.Purpose = DatasetFit.Purpose(),
        cacheFolder: String? = nil, quirks: ReferenceQuirks = []
    ) throws -> DatasetDescription {
        if let entry = entries[name] {
            return try DatasetDescription(
                name: name, json: entry, folder: folder, file: file, quirks: quirks)
        }
        for path in [name, folder + name] where FileSystem.exists(path) {
            return try DatasetDescription(fitting: path, for: purpose, cacheFolder: cacheFolder)
        }
        // Names of data sets have no slash and no ending of a file.
        if name.contains("/") || (try? RecordFormat(path: name)) != nil {
            throw FledgeError(
                .fileNotFound,
                "There is no file \(name)\(folder.isEmpty ? "" : ", nor \(folder)\(name)"), and no data set of that name.",
                advice: "Name a file by its path"
                    + (names.isEmpty ? "." : ", or one of \(names.listed)."))
        }
        if let missing { throw missing }
        throw FledgeError(
            .configuration, "Undefined dataset \(name) in dataset_info.json.",
            advice: names.isEmpty ? "" : "Defined are \(names.listed).",
            at: FledgeError.Location(file: file))
    }
}
