internal import FledgeCore
internal import FledgeData
internal import Foundation

/// The list of a checkpoint's files with their sizes and digests.
enum CheckpointManifest {
    static let name = "manifest.json"
    private static let threads = 4

    /// Lists all files of a folder.
    ///
    /// - Parameter written: Digests that were made while files were written.
    static func write(_ folder: String, _ written: WrittenDigests = WrittenDigests()) throws {
        let names = try Folder.names(in: folder, hidden: true).filter { $0 != name }
        // Large files take their time side by side.
        let files = try concurrentMap(names, threads: threads, chunkSize: 1) { file in
            let path = "\(folder)/\(file)"
            let mapped = try MappedFile(path: path)
            let known = written.digest(of: path).flatMap {
                $0.byteCount == mapped.count ? $0.hexadecimal : nil
            }
            return JSONValue.Member(
                file,
                .object([
                    "bytes": .integer(mapped.count),
                    "sha256": .string(known ?? SHA256.hexadecimal(of: mapped.bytes)),
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
        try requireListed(members.map(\.key), folder)
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

    /// Refuses a list that leaves out what a run goes on with.
    private static func requireListed(_ listed: [String], _ folder: String) throws {
        let names = try Folder.names(in: folder)
        let needed = names.filter { file in
            file.hasSuffix(".safetensors") || file.hasSuffix(".safetensors.index.json")
                || file == TrainingCheckpoint.progressName
        }
        let weights = listed.filter {
            $0.hasSuffix(".safetensors") && $0 != TrainingCheckpoint.optimizerName
        }
        let missing =
            ([TrainerState.fileName] + needed).first { !listed.contains($0) }
            ?? (weights.isEmpty ? "any file of weights" : nil)
        guard let missing else { return }
        throw FledgeError(
            .fileCorrupt,
            "The manifest does not list \(missing), which every checkpoint of Fledge has listed there.",
            advice: "Resume from another checkpoint.", at: .init(file: "\(folder)/\(name)"))
    }
}
