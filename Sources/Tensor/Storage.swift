/// The bytes behind tensors: either a buffer of the pool or somebody else's, read-only.
///
/// Tensors never write to a storage that they share or that has an owner.
final class Storage: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
    let byteCount: Int
    /// Keeps borrowed bytes alive, for example a mapped file.
    let owner: AnyObject?

    init(byteCount: Int) {
        pointer = BufferPool.take(byteCount)
        self.byteCount = byteCount
        owner = nil
    }

    init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject) {
        pointer = UnsafeMutableRawPointer(
            mutating: bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64).unsafelyUnwrapped)
        byteCount = bytes.count
        self.owner = owner
    }

    deinit { if owner == nil { BufferPool.give(pointer, byteCount) } }
}
