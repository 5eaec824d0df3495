#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A file mapped read-only into memory: opening costs nothing, pages arrive when they are touched.
///
/// The bytes stay valid as long as the object lives. A file that another program shortens while it
/// is mapped makes reading beyond its new end fatal; files are replaced by renaming, never in place.
public final class MappedFile: Sendable {
    /// The path as it was given.
    public let path: String
    /// Number of bytes.
    public let count: Int
    private nonisolated(unsafe) let base: UnsafeRawPointer?

    /// Maps a file.
    public init(path: String) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FledgeError.system("open", path, errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw FledgeError.system("inspect", path, errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FledgeError(
                .fileAccess, "Expected a file, found a folder or a device.",
                at: FledgeError.Location(file: path))
        }
        count = Int(status.st_size)
        guard count > 0 else {
            base = nil
            return
        }
        guard let pages = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
            pages != MAP_FAILED
        else { throw FledgeError.system("map", path, errno: errno) }
        base = UnsafeRawPointer(pages)
    }

    /// The file's bytes; valid as long as the object lives.
    ///
    /// Swift may release an object right after its last mention: keep it in a property, or wrap the
    /// use of the bytes in `withExtendedLifetime(file)`.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Lets the system take back the pages of some of the bytes; they are read again when touched.
    ///
    /// For bytes that were converted into something else, which would otherwise count twice.
    public func release(_ bytes: UnsafeRawBufferPointer) {
        guard let base, let start = bytes.baseAddress else { return }
        let page = Int(getpagesize())
        // Whole pages only: what shares a page with the range may still be in use.
        let first = (start - base + page - 1) / page * page
        let end = (start - base + bytes.count) / page * page
        guard first < end else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + first), end - first, MADV_DONTNEED)
    }

    /// Tells the system that pages will be touched in any order, so that it reads none ahead, and lets
    /// it take back those that were touched so far.
    public func expectRandomAccess() {
        guard let base else { return }
        let pages = UnsafeMutableRawPointer(mutating: base)
        madvise(pages, count, MADV_RANDOM)
        madvise(pages, count, MADV_DONTNEED)
    }

    deinit {
        if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    }
}
