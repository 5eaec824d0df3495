#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file's bytes, mapped into memory for reading.
public final class MappedFile: @unchecked Sendable {  // immutable
    /// The path as given.
    public let path: String
    /// The file's bytes; valid while the object lives.
    public let bytes: UnsafeRawBufferPointer

    /// The number of bytes.
    public var count: Int { bytes.count }

    /// Maps a file.
    public init(path: String) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else {
            throw FledgeError(
                errno == ENOENT ? .fileNotFound : .fileAccess,
                "Cannot open the file: \(String(cString: strerror(errno))).", at: .init(file: path))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FledgeError(.fileAccess, "This is not a regular file.", at: .init(file: path))
        }
        guard status.st_size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let address = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw FledgeError(
                .fileAccess, "Cannot map the file: \(String(cString: strerror(errno))).",
                at: .init(file: path))
        }
        bytes = UnsafeRawBufferPointer(start: address, count: Int(status.st_size))
    }

    deinit {
        if let start = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
        }
    }
}
