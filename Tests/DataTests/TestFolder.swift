import FledgeCore
import Foundation

/// A folder for the files of a test, which goes with its owner.
final class TestFolder {
    /// The path, without a slash at the end.
    let path = FileManager.default.temporaryDirectory.appending(path: "fledge-\(UUID())").path

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, and gives its path.
    func write(_ bytes: [UInt8], _ name: String) throws -> String {
        let url = URL(filePath: path + "/" + name)
        try Folder.create(url.deletingLastPathComponent().path)
        try AtomicFile.write(bytes, to: url.path)
        return path + "/" + name
    }

    /// Writes a text file, and gives its path.
    func write(_ text: String, _ name: String) throws -> String {
        try write(Array(text.utf8), name)
    }
}
