import FledgeCore
public import FledgeTensor

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

extension SafetensorsWriter {
    /// Writes a checkpoint into a folder: one file, or shards with an index when that would be too
    /// large.
    ///
    /// - Parameters:
    ///   - entries: All tensors.
    ///   - folder: An existing folder.
    ///   - name: What file names begin with.
    ///   - shardByteCount: The most bytes of tensors in a file; one tensor may be larger.
    ///   - tensor: Gives each tensor when its turn comes.
    public static func writeShards(
        _ entries: [Entry], to folder: String, name: String = "model",
        shardByteCount: Int = 5_000_000_000, tensor: (Entry) throws -> Tensor
    ) throws {
        precondition(shardByteCount > 0, "writeShards: shards of \(shardByteCount) bytes")
        let shards = divided(ordered(entries), shardByteCount)
        let single = "\(folder)/\(name).safetensors"
        let index = single + ".index.json"
        var map = [JSONValue.Member]()
        for (number, shard) in shards.enumerated() {
            let file =
                shards.count == 1
                ? "\(name).safetensors"
                : "\(name)-\(padded(number + 1))-of-\(padded(shards.count)).safetensors"
            let writer = try SafetensorsWriter(path: folder + "/" + file, entries: shard)
            for entry in writer.entries { try writer.write(try tensor(entry)) }
            try writer.commit()
            map += shard.map { .init($0.name, .string(file)) }
        }
        // What an earlier write in the other form left would be read instead of these files.
        guard shards.count > 1 else {
            unlink(index)
            return
        }
        map.sort { $0.key < $1.key }
        let total = entries.reduce(0) { $0 + $1.byteCount }
        let content: JSONValue = [
            "metadata": ["total_size": .integer(total)], "weight_map": .object(map),
        ]
        try AtomicFile.write(content.serialized(.indented) + "\n", to: index)
        unlink(single)
    }

    private static func divided(_ entries: [Entry], _ limit: Int) -> [[Entry]] {
        var shards: [[Entry]] = [[]]
        var size = 0
        for entry in entries {
            if size + entry.byteCount > limit, size > 0 {
                shards.append([])
                size = 0
            }
            shards[shards.count - 1].append(entry)
            size += entry.byteCount
        }
        return shards
    }

    private static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}
