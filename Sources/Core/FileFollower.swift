internal import Foundation

/// Digests a file on a thread of its own while another writes it, up to where that has come.
///
/// What was written lies in the system's memory, so that reading it again costs a copy, and nothing is
/// held here that the writer would have to wait for. The digest goes on while the file is synced.
final class FileFollower: @unchecked Sendable {  // `condition` guards what both threads change
    private let condition = NSCondition()
    private let descriptor: Int32
    private var length = 0
    private var isWritten = false
    private var isEnded = false
    private var result: (byteCount: Int, hexadecimal: String)?

    /// Follows a file that is open for writing; nil where it cannot be read, or there is no thread.
    init?(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
        guard DetachedThread.start(stackSize: 1 << 19, { self.follow() }) else {
            close(descriptor)
            return nil
        }
    }

    /// Tells how much is written.
    func note(_ length: Int) { change { self.length = length } }

    /// Tells that all is written.
    func finish(_ length: Int) {
        change { (self.length, isWritten) = (length, true) }
    }

    /// Tells that the file is given up.
    func cancel() {
        change { (length, isWritten) = (0, true) }
    }

    /// The digest of the whole file, waited for; nil where reading failed.
    func digest() -> (byteCount: Int, hexadecimal: String)? {
        condition.withLock {
            while !isEnded { condition.wait() }
            return result
        }
    }

    private func change(_ body: () -> Void) {
        condition.withLock {
            body()
            condition.broadcast()
        }
    }

    private func follow() {
        defer { close(descriptor) }
        var digest = SHA256()
        var (position, fails) = (0, false)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while !fails {
            let (end, isLast) = condition.withLock {
                while length <= position, !isWritten { condition.wait() }
                return (length, isWritten)
            }
            while position < end, !fails {
                let count = pread(
                    descriptor, &buffer, min(buffer.count, end - position), off_t(position))
                if count > 0 {
                    buffer.withUnsafeBytes {
                        digest.update(UnsafeRawBufferPointer(rebasing: $0[..<count]))
                    }
                    position += count
                } else if count == 0 || errno != EINTR {
                    fails = true
                }
            }
            if isLast, position >= end { break }
        }
        let found = fails ? nil : (byteCount: position, hexadecimal: digest.hexadecimal())
        change { (result, isEnded) = (found, true) }
    }
}
