internal import FledgeCore

/// The data files of a folder, as people make them and as hubs leave them: beside cards and licences,
/// perhaps in a folder inside, perhaps with files of other splits.
struct DataFolder {
    /// The files with rows, in the order of their names.
    let files: [String]
    /// Files of other splits, which are not to be trained on.
    let heldBack: [String]

    /// What lies beside data and holds no rows: names, what stands before a dot or dash, and endings.
    private static let companions = [
        "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "Makefile",
    ]
    private static let beginnings = ["README", "LICENSE", "LICENCE", "NOTICE", "CITATION"]
    private static let endings = [
        ".md", ".py", ".yaml", ".yml", ".lock", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf",
        ".ipynb", ".sh", ".metadata",
    ]
    /// The names of splits, as the hub's library knows them in names of files.
    private static let trained: Set<String> = ["train", "training"]
    private static let held: Set<String> = [
        "test", "testing", "eval", "evaluation", "validation", "valid", "val", "dev",
    ]

    /// Looks into a folder.
    ///
    /// - Throws: ``FledgeError`` when it holds no data, or in several folders.
    init(_ path: String) throws { try self.init(path, depth: 0) }

    private init(_ path: String, depth: Int) throws {
        let folder = path.utf8.last == UInt8(ascii: "/") ? path : path + "/"
        let names = try Folder.names(in: path)
        let folders = names.filter {
            FileSystem.isFolder(folder + $0) && Self.holdsData(folder + $0, depth: depth + 1)
        }
        let files = names.filter { !FileSystem.isFolder(folder + $0) && !Self.isCompanion($0) }
        let location = FledgeError.Location(file: path)
        if files.isEmpty {
            let (kept, held) = Self.split(folders)
            guard kept.count == 1, depth < 3 else {
                throw kept.isEmpty
                    ? FledgeError(
                        .fileNotFound,
                        "The folder holds no files with rows: found "
                            + "\(names.isEmpty ? "nothing" : names.listed).", at: location)
                    : FledgeError(
                        .data, "The folder holds rows in several folders: \(kept.listed).",
                        advice: "Name one of them, for example \(folder)\(kept[0]).", at: location)
            }
            let inside = try DataFolder(folder + kept[0], depth: depth + 1)
            self.files = inside.files
            heldBack = inside.heldBack + held.map { folder + $0 }
            return
        }
        guard folders.isEmpty else {
            throw FledgeError(
                .data,
                "The folder holds rows in files (\(files.listed)) and in folders "
                    + "(\(folders.listed)).",
                advice: "Name one file or folder of them.", at: location)
        }
        let (kept, held) = Self.split(files)
        self.files = kept.map { folder + $0 }
        heldBack = held.map { folder + $0 }
    }

    /// Whether a file is there to explain the others.
    private static func isCompanion(_ name: String) -> Bool {
        let stem = name.prefix { $0 != "." && $0 != "-" && $0 != "_" }
        return companions.contains(name) || beginnings.contains { stem == $0 }
            || endings.contains { name.hasSuffix($0) }
    }

    private static func holdsData(_ path: String, depth: Int) -> Bool {
        guard depth < 4, let names = try? Folder.names(in: path) else { return false }
        return names.contains { name in
            let inside = path + "/" + name
            return FileSystem.isFolder(inside)
                ? holdsData(inside, depth: depth + 1)
                : !isCompanion(name) && (try? RecordFormat(path: name)) != nil
        }
    }

    /// Names to train on, and those of other splits where some say that they are for training.
    private static func split(_ names: [String]) -> (kept: [String], held: [String]) {
        func isNamed(_ name: String, _ words: Set<String>) -> Bool {
            let parts = name.lowercased().utf8.split { !(0x61...0x7A).contains($0) }
            return parts.contains { words.contains(String(decoding: Array($0), as: UTF8.self)) }
        }
        guard names.contains(where: { isNamed($0, trained) }) else { return (names, []) }
        let held = names.filter { isNamed($0, Self.held) && !isNamed($0, trained) }
        return (names.filter { !held.contains($0) }, held)
    }
}
