import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A file that appears whole or not at all.
///
/// Bytes go to a temporary sibling; ``commit()`` syncs it, renames it over the target and syncs the
/// folder. Whatever fails, or when the object goes without a commit, the temporary is removed and
/// the target stays as it was.
public final class AtomicFile {
    /// The path of the file that is being written.
    public let path: String
    private let temporary: String
    private var descriptor: Int32
    private var length = 0
    private var follower: FileFollower?
    private static let counter = Atomic<Int>(0)

    /// Starts writing; the target is not touched before ``commit()``.
    public init(path: String) throws {
        self.path = path
        let (folder, name) = AtomicFile.split(path)
        let number = AtomicFile.counter.add(1, ordering: .relaxed).newValue
        temporary = folder + ".\(name).\(getpid()).\(number).partial"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FledgeError.system("create", path, errno: errno) }
    }

    deinit { discard() }

    /// Writes a file in one go.
    public static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
        let file = try AtomicFile(path: path)
        try file.write(bytes)
        try file.commit()
    }

    /// Writes a file in one go.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        try bytes.withUnsafeBytes { try write($0, to: path) }
    }

    /// Writes a text file in one go, as UTF-8.
    public static func write(_ text: String, to path: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0), to: path) }
    }

    /// Appends bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        precondition(descriptor >= 0, "AtomicFile: written after commit")
        let number = DescriptorWriter.write(bytes, to: descriptor)
        if number != 0 { throw failure("write", number) }
        length += bytes.count
        // Of small files the digest costs less than a thread.
        if follower == nil, length >= Self.followedLength, WrittenDigests.current != nil {
            follower = FileFollower(path: temporary)
        }
        follower?.note(length)
    }

    private static let followedLength = 4 << 20

    /// Appends text as UTF-8.
    public func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
    }

    /// Makes the file appear under its name.
    public func commit() throws {
        precondition(descriptor >= 0, "AtomicFile: committed twice")
        follower?.finish(length)
        guard fsync(descriptor) == 0 else { throw failure("sync", errno) }
        let closed = close(descriptor)
        let closeError = errno
        descriptor = -1
        guard closed == 0 else {
            unlink(temporary)
            throw FledgeError.system("close", path, errno: closeError)
        }
        guard rename(temporary, path) == 0 else {
            let number = errno
            unlink(temporary)
            throw FledgeError.system("rename the temporary file to", path, errno: number)
        }
        if let follower { WrittenDigests.current?.add(follower, for: path) }
        try AtomicFile.syncFolder(of: path)
    }

    /// Gives up: removes the temporary file and leaves the target as it is.
    public func discard() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        follower?.cancel()
        unlink(temporary)
    }

    /// Removes what processes left behind in a folder that were killed while they wrote files there.
    package static func removeLeftovers(in folder: String) {
        for name in (try? Folder.names(in: folder, hidden: true)) ?? [] {
            // `.NAME.PROCESS.NUMBER.partial`
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count > 4, parts[0].isEmpty, parts.last == "partial",
                Int(parts[parts.count - 2]) != nil, let process = pid_t(parts[parts.count - 3]),
                kill(process, 0) != 0, errno == ESRCH
            else { continue }
            unlink(folder + "/" + name)
        }
    }

    /// Makes the renamings inside the folder of a path durable.
    package static func syncFolder(of path: String) throws {
        let folder = split(path).folder
        let handle = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else {
            throw FledgeError.system("open the folder of", path, errno: errno)
        }
        defer { close(handle) }
        // Some file systems cannot sync folders (EINVAL); there is nothing more to do on those.
        guard fsync(handle) == 0 || errno == EINVAL else {
            throw FledgeError.system("sync the folder of", path, errno: errno)
        }
    }

    private func failure(_ action: String, _ number: Int32) -> FledgeError {
        discard()
        return FledgeError.system(action, path, errno: number)
    }

    /// The folder with its trailing slash (empty for the working folder), and the last component.
    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
        let next = path.utf8.index(after: slash)
        return (String(path[..<next]), String(path[next...]))
    }
}
