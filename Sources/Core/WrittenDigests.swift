internal import Synchronization

/// Digests of large files that are made while they are written, so that nobody waits for them.
///
///     let digests = WrittenDigests()
///     try digests.collecting { try model.save(to: folder) }
///     digests.digest(of: folder + "/model.safetensors")
package final class WrittenDigests: Sendable {
    /// What collects digests of the files that this thread writes.
    @TaskLocal static var current: WrittenDigests?

    private let followers = Mutex<[String: FileFollower]>([:])

    /// Begins with none.
    package init() {}

    /// Collects digests of all files that `body` writes through ``AtomicFile``.
    package func collecting<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Self.$current.withValue(self, operation: body)
    }

    func add(_ follower: FileFollower, for path: String) {
        followers.withLock { $0[path] = follower }
    }

    /// SHA-256 of a file that was written, and its length, as soon as they are known; nil where the
    /// file is small or was not written here.
    package func digest(of path: String) -> (byteCount: Int, hexadecimal: String)? {
        followers.withLock { $0[path] }?.digest()
    }
}
