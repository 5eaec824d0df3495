internal import FledgeCore

/// Bytes that stay where they are: those of a mapped file, or some of its own.
final class ByteStore: Sendable {
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    private let file: MappedFile?

    /// Maps a file.
    init(mapping path: String) throws {
        let file = try MappedFile(path: path)
        (self.file, bytes) = (file, file.bytes)
    }

    /// Takes a copy.
    init(copying content: some Collection<UInt8>) {
        let copy = UnsafeMutableRawBufferPointer.allocate(
            byteCount: content.count, alignment: 16)
        copy.copyBytes(from: content)
        (file, bytes) = (nil, UnsafeRawBufferPointer(copy))
    }

    /// Keeps what is written.
    convenience init(
        writing body: (@escaping (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        final class Content { var bytes: [UInt8] = [] }
        let content = Content()
        try body { content.bytes.append(contentsOf: $0) }
        self.init(copying: content.bytes)
    }

    deinit { if file == nil { bytes.deallocate() } }

    /// Lets the system take back pages that will not be needed soon.
    func release(_ range: Range<Int>) {
        file?.release(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }
}
