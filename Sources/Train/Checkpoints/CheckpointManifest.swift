internal import FledgeCore
internal import FledgeData
internal import Foundation

/// The list of a checkpoint's files with their sizes and digests.
enum CheckpointManifest {
    static let name = "manifest.json"
    private static let threads = 4

    static func write(_ folder: String) throws {
        let names = try Folder.names(in: folder, hidden: true).filter { $0 != name }
        // Weights and the optimizer's states are large files, which take their time side by side.
        let files = try concurrentMap(names, threads: threads, chunkSize: 1) { file in
            let mapped = try MappedFile(path: "\(folder)/\(file)")
            return JSONValue.Member(
                file,
                .object([
                    "bytes": .integer(mapped.count),
                    "sha256": .string(SHA256.hexadecimal(of: mapped.bytes)),
                ]))
        }
        let json: JSONValue = .object(["files": .object(files)])
        try AtomicFile.write(json.serialized(.indented) + "\n", to: "\(folder)/\(name)")
    }

    /// Checks that every file is there and unchanged.
    static func verify(_ folder: String) throws {
        let path = "\(folder)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else {
            throw FledgeError(
                .fileCorrupt, "There is no \(name): this is not a complete checkpoint of Fledge.",
                advice: "Resume from another checkpoint, or start anew in another output_dir.",
                at: .init(file: folder))
        }
        let members = try JSONValue(contentsOf: path)["files"]?.members ?? []
        _ = try concurrentMap(members, threads: threads, chunkSize: 1) { member in
            let file = "\(folder)/\(member.key)"
            let mapped = try MappedFile(path: file)
            guard mapped.count == member.value["bytes"]?.intValue,
                SHA256.hexadecimal(of: mapped.bytes) == member.value["sha256"]?.stringValue
            else {
                throw FledgeError(
                    .fileCorrupt,
                    "The file is not the one that the manifest lists: it was changed or cut off.",
                    advice: "Resume from another checkpoint.", at: .init(file: file))
            }
        }
    }
}
