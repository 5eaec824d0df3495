import Foundation

/// A file for an input that is read by its path; it lies in memory where the system has such a folder.
public final class InputFile: Sendable {
    /// Where the files are.
    public let folder: String

    /// A folder of this process, which is removed at its end.
    public init() {
        let base = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : "/tmp"
        folder = "\(base)/fledge-fuzz-\(ProcessInfo.processInfo.processIdentifier)"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        } catch { fatalError("\(error)") }
        InputFile.current = folder
        atexit {
            if let folder = InputFile.current {
                _ = try? FileManager.default.removeItem(atPath: folder)
            }
        }
    }

    nonisolated(unsafe) private static var current: String?

    /// Writes a file and returns its path.
    public func write(_ bytes: UnsafeRawBufferPointer, _ name: String) -> String {
        let path = folder + "/" + name
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        demand(file >= 0, "cannot write \(path)")
        defer { close(file) }
        var written = 0
        while let base = bytes.baseAddress, written < bytes.count {
            let count = Foundation.write(file, base + written, bytes.count - written)
            demand(count > 0, "cannot write \(path)")
            written += count
        }
        return path
    }
}
