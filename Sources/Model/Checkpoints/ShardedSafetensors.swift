import FledgeCore
public import FledgeTensor

/// A folder whose weights are spread over several safetensors files, as its index says.
public final class ShardedSafetensors: TensorSource, Sendable {
    /// The name of the index file.
    public static let indexName = "model.safetensors.index.json"

    private let path: String
    private let shards: [SafetensorsFile]
    private let shardIndices: [String: Int]

    /// Opens the index of a folder and all files that it names.
    public init(folder: String, index: String = indexName) throws {
        path = folder + "/" + index
        let location = FledgeError.Location(file: path)
        guard let map = try JSONValue(contentsOf: path)["weight_map"]?.members else {
            throw FledgeError(
                .fileCorrupt, "The index has no object weight_map.", at: location)
        }
        try Self.requireFiles(of: map, folder: folder, at: location)
        var shards = [SafetensorsFile]()
        var positions = [String: Int]()
        var indices = [String: Int]()
        for member in map {
            guard let file = member.value.stringValue, !file.contains("/") else {
                throw FledgeError(
                    .fileCorrupt,
                    "The file of \(member.key) should be a name in the index's own folder.",
                    at: location)
            }
            let position: Int
            if let known = positions[file] {
                position = known
            } else {
                position = shards.count
                shards.append(try SafetensorsFile(path: folder + "/" + file))
                positions[file] = position
            }
            guard shards[position].entry(named: member.key) != nil else {
                throw FledgeError(
                    .fileCorrupt,
                    "\(member.key) should be in \(file), which does not have it: files and index are "
                        + "of different models or versions.",
                    advice: "Download the folder again, the index and all files.", at: location)
            }
            indices[member.key] = position
        }
        (self.shards, shardIndices) = (shards, indices)
    }

    /// Refuses a folder that lacks files of the index.
    private static func requireFiles(
        of map: [JSONValue.Member], folder: String, at location: FledgeError.Location
    ) throws {
        let files = Set(map.compactMap(\.value.stringValue)).sorted()
        let missing = files.filter { !FileSystem.exists(folder + "/" + $0) }
        guard !missing.isEmpty else { return }
        throw FledgeError(
            .fileNotFound,
            "The weights are in \(files.count) files, of which \(missing.count) are missing: "
                + "\(missing.listed).",
            advice: "Download them into the folder.", at: location)
    }

    /// The names of all tensors, sorted.
    public var names: [String] { shardIndices.keys.sorted() }

    /// A tensor's shape; nil when there is no tensor of that name.
    public func shape(of name: String) -> [Int]? {
        shardIndices[name].flatMap { shards[$0].shape(of: name) }
    }

    /// What a tensor's elements are stored as.
    public func storedType(of name: String) -> SafetensorsType? {
        shardIndices[name].flatMap { shards[$0].storedType(of: name) }
    }

    /// A tensor's bytes as they are stored, flat.
    public func storedBytes(of name: String) -> Tensor? {
        shardIndices[name].flatMap { shards[$0].storedBytes(of: name) }
    }

    /// A tensor, converted to an element type; borrowed from its file where no conversion is needed.
    public func tensor(named name: String, as type: ElementType) throws -> Tensor {
        try shard(of: name).tensor(named: name, as: type)
    }

    /// One slice of a tensor along its first dimension.
    public func tensor(
        named name: String, slice index: Int, as type: ElementType
    ) throws -> Tensor {
        try shard(of: name).tensor(named: name, slice: index, as: type)
    }

    private func shard(of name: String) throws -> SafetensorsFile {
        guard let index = shardIndices[name] else {
            throw FledgeError(
                .mismatch, "There is no tensor \(name) among the \(shardIndices.count) listed.",
                at: .init(file: path))
        }
        return shards[index]
    }
}
