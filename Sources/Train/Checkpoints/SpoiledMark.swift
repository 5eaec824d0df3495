internal import FledgeCore
internal import Foundation

/// Marks a checkpoint whose weights lead to no finite loss, so that no run begins with it.
///
/// Its files stay for whoever wants to look at them.
package enum SpoiledMark {
    static let fileName = "spoiled.txt"

    /// Marks a checkpoint; where that fails, the next run finds out by itself.
    package static func put(on folder: String, _ reason: String) {
        try? AtomicFile.write(reason + "\n", to: folder + "/" + fileName)
    }

    /// Why a checkpoint is spoiled; nil where it is not marked.
    package static func reason(_ folder: String) -> String? {
        guard let bytes = FileManager.default.contents(atPath: folder + "/" + fileName) else {
            return nil
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
            ?? "it is marked as spoiled"
    }
}
