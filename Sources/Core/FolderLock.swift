#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Keeps a folder for one process that writes into it.
///
/// The kernel lets go of the lock when the process ends, however it ends; the file that stays behind
/// then is nobody's, and the next process takes it.
package final class FolderLock {
    /// The name of the file that is locked.
    package static let fileName = ".fledge.lock"

    private let path: String
    private let descriptor: Int32

    /// Takes the lock of a folder, which has to exist.
    ///
    /// - Throws: ``FledgeError`` when another process holds it, naming that process; when the file
    ///   cannot be created. On file systems without locks the folder is not kept.
    package init(folder: String) throws {
        path = folder + "/" + Self.fileName
        var (tries, waits) = (0, 0)
        while true {
            tries += 1
            let handle = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
            guard handle >= 0 else { throw FledgeError.system("create", path, errno: errno) }
            if flock(handle, LOCK_EX | LOCK_NB) != 0 {
                switch errno {
                case EINTR:
                    close(handle)
                    continue
                case EWOULDBLOCK:
                    defer { close(handle) }
                    // Whoever asks whether the lock is held has it for a moment.
                    guard waits < 5 else { throw Self.busy(folder, handle) }
                    waits += 1
                    usleep(20_000)
                    continue
                default: break
                }
            }
            // Whoever had the lock before may have removed the file in between; a file system that
            // numbers its files anew each time would never agree.
            var (held, named) = (stat(), stat())
            let isSame =
                fstat(handle, &held) == 0 && stat(path, &named) == 0
                && (held.st_ino, held.st_dev) == (named.st_ino, named.st_dev)
            if isSame || tries > 100 {
                descriptor = handle
                break
            }
            close(handle)
        }
        ftruncate(descriptor, 0)
        MessageStream.write("\(getpid())\n", to: descriptor)
    }

    /// Whether a process that is running holds the lock of a folder.
    package static func isHeld(folder: String) -> Bool {
        let handle = open(folder + "/" + fileName, O_RDONLY | O_CLOEXEC)
        guard handle >= 0 else { return false }
        defer { close(handle) }
        return flock(handle, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Refuses a folder into which another process writes.
    ///
    /// - Throws: ``FledgeError`` that names that process.
    package static func requireFree(_ folder: String) throws {
        guard isHeld(folder: folder) else { return }
        let handle = open(folder + "/" + fileName, O_RDONLY | O_CLOEXEC)
        defer { close(handle) }
        throw busy(folder, handle)
    }

    private static func busy(_ folder: String, _ handle: Int32) -> FledgeError {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(handle, &bytes, bytes.count, 0)
        let digits = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        let process = digits.split(separator: "\n").first.map { " (process \($0))" } ?? ""
        return FledgeError(
            .fileAccess, "The folder is in use: another run\(process) is writing into it.",
            advice: "Wait for its end, or choose another output_dir.",
            at: FledgeError.Location(file: folder))
    }

    deinit {
        unlink(path)
        close(descriptor)
    }
}
