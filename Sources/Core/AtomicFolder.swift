internal import Foundation

/// A folder that appears whole or not at all.
///
/// Files are written into a temporary sibling; ``commit()`` renames it over the target and syncs the
/// parent. Whatever fails, or when the object goes without a commit, the temporary is removed and the
/// target stays as it was.
public final class AtomicFolder {
    /// Where the folder will be.
    public let path: String
    /// Where files are written until then.
    public let temporary: String
    private var isOpen = true

    /// Starts a folder; parents are made where they are missing.
    public init(path: String) throws {
        let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
        self.path = trimmed
        let url = URL(fileURLWithPath: trimmed)
        let name = ".\(url.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier).partial"
        temporary = url.deletingLastPathComponent().appendingPathComponent(name).path
        AtomicFolder.removeLeftovers(
            of: url.lastPathComponent, in: url.deletingLastPathComponent().path)
        try? FileManager.default.removeItem(atPath: temporary)
        do { try Folder.create(temporary) } catch var error as FledgeError {
            error.location = .init(file: trimmed)
            throw error
        }
    }

    /// Removes what processes left behind that were killed while they wrote a folder of this name.
    private static func removeLeftovers(of name: String, in parent: String) {
        for entry in Folder.names(in: parent)
        where entry.hasPrefix(".\(name).") && entry.hasSuffix(".partial") {
            let number = entry.dropFirst(name.utf8.count + 2).dropLast(".partial".utf8.count)
            guard let process = pid_t(number), kill(process, 0) != 0, errno == ESRCH else {
                continue
            }
            try? FileManager.default.removeItem(atPath: parent + "/" + entry)
        }
    }

    deinit { discard() }

    /// Makes the folder appear under its name, in place of one that was there.
    public func commit() throws {
        precondition(isOpen, "AtomicFolder: committed twice")
        isOpen = false
        let old = temporary + ".old"
        let replaces = FileManager.default.fileExists(atPath: path)
        do {
            if replaces { try FileManager.default.moveItem(atPath: path, toPath: old) }
            try FileManager.default.moveItem(atPath: temporary, toPath: path)
        } catch {
            if replaces, !FileManager.default.fileExists(atPath: path) {
                try? FileManager.default.moveItem(atPath: old, toPath: path)
            }
            try? FileManager.default.removeItem(atPath: temporary)
            throw FledgeError(
                .fileAccess, "The finished folder cannot be renamed.", at: .init(file: path),
                cause: error)
        }
        try AtomicFile.syncFolder(of: path)
        try? FileManager.default.removeItem(atPath: old)
    }

    /// Gives up: removes what was written.
    public func discard() {
        guard isOpen else { return }
        isOpen = false
        try? FileManager.default.removeItem(atPath: temporary)
    }
}

/// Folders on disk.
public enum Folder {
    /// Makes a folder and its parents where they are missing.
    ///
    /// - Throws: ``FledgeError`` when it cannot be made, for example because a file has its name.
    public static func create(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        } catch {
            throw FledgeError(
                .fileAccess, "The folder cannot be created.",
                advice: "Check that the path is right and that you may write there.",
                at: .init(file: path), cause: error)
        }
    }

    /// Whether there is a folder at `path`.
    public static func exists(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    /// The names in a folder, sorted by their bytes; empty when there is no such folder.
    public static func names(in path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }
    }
}
