internal import Foundation

/// A new folder that goes with its owner.
public final class TemporaryFolder {
    /// The folder's path.
    public let path: String

    /// Makes the folder.
    public init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("fledge-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
