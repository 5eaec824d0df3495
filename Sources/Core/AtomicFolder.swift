internal import Foundation

/// A folder that appears whole or not at all.
///
/// Files are written into a temporary sibling; ``commit()`` renames it over the target and syncs the
/// parent. Whatever fails, or when the object goes without a commit, the temporary is removed and the
/// target stays as it was. A target that is a symbolic link is written through: the folder that it
/// leads to is replaced, the link stays.
public final class AtomicFolder {
    /// Where the folder will be.
    public let path: String
    /// Where files are written until then.
    public let temporary: String
    private var isOpen = true

    /// Starts a folder; parents are made where they are missing.
    public init(path: String) throws {
        let trimmed = FileSystem.followingLinks(path)
        self.path = trimmed
        let url = URL(fileURLWithPath: trimmed)
        let process = ProcessInfo.processInfo.processIdentifier
        let name = ".\(url.lastPathComponent).\(process)" + Self.partial
        temporary = url.deletingLastPathComponent().appendingPathComponent(name).path
        AtomicFolder.removeLeftovers(
            in: url.deletingLastPathComponent().path, prefix: ".\(url.lastPathComponent).")
        try? FileManager.default.removeItem(atPath: temporary)
        do { try Folder.create(temporary) } catch var error as FledgeError {
            error.location = .init(file: trimmed)
            throw error
        }
    }

    private static let partial = ".partial"
    private static let old = ".old"

    /// Makes up for processes that were killed while they wrote, replaced or removed a folder: what was
    /// whole appears under its name, the rest is removed.
    ///
    /// - Parameter prefix: What the names of the folders begin with, the first dot included.
    public static func removeLeftovers(in parent: String, prefix: String) {
        let entries = ((try? Folder.names(in: parent, hidden: true)) ?? []).filter {
            $0.hasPrefix(prefix)
        }
        for entry in entries where entry.hasSuffix(partial + old) {
            finish(parent, String(entry.dropLast(old.utf8.count)))
        }
        for entry in entries where entry.hasSuffix(partial) && isLeft(entry) {
            try? FileManager.default.removeItem(atPath: parent + "/" + entry)
        }
    }

    /// Ends a replacement that was under way: of the two renamings the first has been made, of a folder
    /// that is whole.
    private static func finish(_ parent: String, _ entry: String) {
        guard isLeft(entry), let name = name(of: entry) else { return }
        let files = FileManager.default
        let (path, new) = (parent + "/" + name, parent + "/" + entry)
        if !files.fileExists(atPath: path) {
            try? files.moveItem(
                atPath: files.fileExists(atPath: new) ? new : new + old, toPath: path)
        }
        guard files.fileExists(atPath: path) else { return }
        try? files.removeItem(atPath: new + old)
    }

    /// Whether the process whose number stands in a name of something temporary has ended.
    private static func isLeft(_ entry: String) -> Bool {
        let number = entry.dropLast(partial.utf8.count).split(separator: ".").last
        guard let number, let process = pid_t(number) else { return false }
        return kill(process, 0) != 0 && errno == ESRCH
    }

    /// The name that something temporary stands for: `.NAME.PROCESS.partial`.
    private static func name(of entry: String) -> String? {
        let parts = entry.dropFirst().dropLast(partial.utf8.count)
        return parts.lastIndex(of: ".").map { String(parts[..<$0]) }
    }

    deinit { discard() }

    /// Makes the folder appear under its name, in place of one that was there.
    public func commit() throws {
        precondition(isOpen, "AtomicFolder: committed twice")
        isOpen = false
        let old = temporary + Self.old
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
            // A link to a folder that is not there yet is made to lead somewhere.
            try FileManager.default.createDirectory(
                atPath: FileSystem.followingLinks(path), withIntermediateDirectories: true)
        } catch {
            throw FledgeError(
                .fileAccess, "The folder cannot be created.",
                advice: "Check that the path is right and that you may write there.",
                at: .init(file: path), cause: error)
        }
    }

    /// Removes a folder so that it is never seen without a part of its files: renamed first, then
    /// deleted. What a kill in between leaves, ``AtomicFolder/removeLeftovers(in:prefix:)`` finds.
    public static func removeAtomically(_ path: String) throws {
        let url = URL(fileURLWithPath: path)
        let process = ProcessInfo.processInfo.processIdentifier
        let aside = url.deletingLastPathComponent()
            .appendingPathComponent(".\(url.lastPathComponent).\(process).partial").path
        try? FileManager.default.removeItem(atPath: aside)
        do {
            try FileManager.default.moveItem(atPath: path, toPath: aside)
            try FileManager.default.removeItem(atPath: aside)
        } catch {
            throw FledgeError(
                .fileAccess, "The folder cannot be removed.", at: .init(file: path), cause: error)
        }
    }

    /// Whether there is a folder at `path`.
    public static func exists(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }
}
