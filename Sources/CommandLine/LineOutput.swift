import Fledge
import Foundation

/// Where lines of results go: into a file that appears whole or not at all, or to standard output, a
/// pipe or a device as they come.
struct LineOutput {
    let path: String

    /// Writes what `body` gives, one JSON object a line.
    func write(_ body: ((JSONValue) throws -> Void) throws -> Void) throws {
        if let stream = try stream() {
            var writer = ResultWriter(stream)
            try body { try writer.write($0.serialized(.compact) + "\n") }
            try writer.flush()
        } else {
            // A link is written through.
            let file = try AtomicFile(path: FileSystem.followingLinks(path))
            try body { try file.write($0.serialized(.compact) + "\n") }
            try file.commit()
        }
    }

    /// What is written to as it is; nil for files.
    private func stream() throws -> FileHandle? {
        guard path != "-" else { return .standardOutput }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return nil }
        guard let handle = FileHandle(forWritingAtPath: path) else {
            throw FledgeError(
                .fileAccess, "The output cannot be opened for writing.", at: .init(file: path))
        }
        return handle
    }
}
