import FledgeCore

/// The data sets that a folder describes in its `dataset_info.json`.
public struct DatasetCatalog: Sendable {
    private let folder: String
    private let file: String
    private let entries: JSONValue

    /// Reads `dataset_info.json` of a folder.
    public init(folder: String) throws {
        self.folder =
            folder.isEmpty || folder.utf8.last == UInt8(ascii: "/") ? folder : folder + "/"
        file = self.folder + "dataset_info.json"
        do {
            entries = try JSONValue(contentsOf: file)
        } catch let error as FledgeError where error.code == .fileNotFound {
            throw FledgeError(
                .fileNotFound, "There is no dataset_info.json.",
                advice: "It says where each data set's rows are and what their columns mean.",
                at: FledgeError.Location(file: file), cause: error)
        }
    }

    /// The names of all data sets.
    public var names: [String] { entries.members?.map(\.key) ?? [] }

    /// The description of a data set.
    public func description(named name: String) throws -> DatasetDescription {
        guard let entry = entries[name] else {
            throw FledgeError(
                .configuration, "Undefined dataset \(name) in dataset_info.json.",
                advice: names.count > 40 ? "" : "Defined are \(names.joined(separator: ", ")).",
                at: FledgeError.Location(file: file))
        }
        return try DatasetDescription(name: name, json: entry, folder: folder, file: file)
    }
}
