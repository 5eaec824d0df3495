import Foundation

/// The repository that these tests were built from.
enum Repository {
    /// Its folder.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// A source file.
    struct File {
        /// The path from the repository's folder.
        let path: String
        let text: String

        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        var name: Substring { path.split(separator: "/").last ?? "" }
    }

    /// All text files below a folder whose names end so.
    static func files(in part: String, endings: [String] = [".swift"]) throws -> [File] {
        let all = FileManager.default.enumerator(atPath: folder + "/" + part)
        var files: [File] = []
        for case let name as String in all ?? .init() {
            guard endings.contains(where: name.hasSuffix), !name.contains(".build/") else {
                continue
            }
            files.append(try file(part + "/" + name))
        }
        return files.sorted { $0.path < $1.path }
    }

    /// One file.
    static func file(_ path: String) throws -> File {
        File(path: path, text: try String(contentsOfFile: folder + "/" + path, encoding: .utf8))
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: folder + "/" + path)
    }
}
