import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A file without a name, for more bytes than memory should hold: however the process ends, the system
/// takes its space back.
package final class ScratchFile {
    /// Number of bytes that were written.
    package private(set) var count = 0
    private let descriptor: Int32
    private let folder: String
    private static let counter = Atomic<Int>(0)

    /// Creates an empty file on the file system of a folder, which need not be there yet.
    ///
    /// - Throws: ``FledgeError`` when no file can be created there.
    package convenience init(folder: String) throws {
        let folder = Self.present(folder)
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        // The name of a partial file: it is removed as one where a kill comes before `unlink`.
        let path = "\(folder)/.scratch.\(getpid()).\(number).partial"
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw FledgeError.system("create a scratch file", folder, errno: errno)
        }
        guard unlink(path) == 0 else {
            let number = errno
            close(descriptor)
            throw FledgeError.system("unlink a scratch file", folder, errno: number)
        }
        self.init(descriptor: descriptor, folder: folder)
    }

    /// Takes over a file that is open for reading and writing.
    ///
    /// - Parameter folder: What errors name as the place.
    package init(descriptor: Int32, folder: String) {
        (self.descriptor, self.folder) = (descriptor, folder)
    }

    deinit { close(descriptor) }

    /// Bytes that are free on the file system of a folder, which need not be there yet; nil where that
    /// is unknown.
    package static func freeBytes(at folder: String) -> Int? {
        var status = statvfs()
        guard statvfs(present(folder), &status) == 0 else { return nil }
        let (bytes, isTooLarge) = UInt64(status.f_bavail)
            .multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return isTooLarge ? .max : Int(clamping: bytes)
    }

    /// The folder, or the nearest one above it that is there.
    private static func present(_ folder: String) -> String {
        var path = FileSystem.followingLinks(folder)
        while !path.isEmpty, !FileSystem.isFolder(path) {
            path = FileSystem.folder(of: path)
            while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
        }
        return path.isEmpty ? "." : path
    }

    /// Writes bytes behind the last ones.
    ///
    /// - Throws: ``FledgeError`` when the disk is full or fails; what was written before stays.
    /// - Returns: Where they lie.
    package func append(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        let start = count
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let written = pwrite(
                descriptor, part.baseAddress, part.count, off_t(start + bytes.count - rest.count))
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                throw FledgeError.system(
                    "write a scratch file", folder, errno: written < 0 ? errno : EIO)
            }
            rest = rest.dropFirst(written)
        }
        count += bytes.count
        return start
    }

    /// Fills memory with bytes that were written.
    ///
    /// - Throws: ``FledgeError`` when the disk fails.
    package func read(into bytes: UnsafeMutableRawBufferPointer, at start: Int) throws {
        var done = 0
        while done < bytes.count {
            let read = pread(
                descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done,
                off_t(start + done))
            if read < 0, errno == EINTR { continue }
            guard read > 0 else {
                throw FledgeError.system(
                    "read a scratch file", folder, errno: read < 0 ? errno : EIO)
            }
            done += read
        }
    }
}
