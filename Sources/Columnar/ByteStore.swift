internal import FledgeCore

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Bytes that stay where they are: those of a mapped file, or some of its own.
package final class ByteStore: Sendable {
    package nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    private let file: MappedFile?

    /// Maps a file.
    package init(mapping path: String) throws {
        let file = try MappedFile(path: path)
        (self.file, bytes) = (file, file.bytes)
    }

    /// Takes a copy.
    package init(copying content: some Collection<UInt8>) {
        let copy = UnsafeMutableRawBufferPointer(
            start: malloc(max(content.count, 1)), count: content.count)
        copy.copyBytes(from: content)
        (file, bytes) = (nil, UnsafeRawBufferPointer(copy))
    }

    /// Keeps what is written.
    package init(
        writing body: (@escaping (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let content = GrowingBytes()
        try body(content.append)
        (file, bytes) = (nil, content.take())
    }

    deinit { if file == nil { free(UnsafeMutableRawPointer(mutating: bytes.baseAddress)) } }

    /// Tells the system that bytes will be read here and there.
    package func expectRandomAccess() { file?.expectRandomAccess() }
}

/// Bytes that become more and are then given away, without a copy of all of them.
private final class GrowingBytes {
    private var base: UnsafeMutableRawPointer?
    private var (count, capacity) = (0, 0)

    func append(_ piece: UnsafeRawBufferPointer) throws {
        guard let source = piece.baseAddress, piece.count > 0 else { return }
        if capacity - count < piece.count {
            capacity = max(2 * capacity, count + piece.count)
            guard let larger = realloc(base, capacity) else {
                throw FledgeError(
                    .fileAccess, "There is no memory for \(capacity) bytes of expanded data.")
            }
            base = larger
        }
        base?.advanced(by: count).copyMemory(from: source, byteCount: piece.count)
        count += piece.count
    }

    /// The bytes, which the caller has to free.
    func take() -> UnsafeRawBufferPointer {
        defer { base = nil }
        return UnsafeRawBufferPointer(start: base, count: count)
    }

    deinit { free(base) }
}
