/// A tensor of a GGUF file: its name, its form and its bytes in the mapped file.
public struct GGUFTensor: @unchecked Sendable {  // the bytes are read-only and kept by `mapping`
    /// The name in the file, such as `blk.0.attn_q.weight`.
    public let name: String
    /// The shape in row-major order, the reverse of the order that the file states.
    public let shape: [Int]
    /// How the elements are stored.
    public let type: GGUFBlockType
    /// The stored bytes, valid as long as the tensor or its file lives.
    public let bytes: UnsafeRawBufferPointer
    /// What keeps `bytes` mapped.
    public let mapping: MappedFile

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }
}

/// A GGUF file (versions 2 and 3), the model format of llama.cpp, mapped into memory.
///
/// Opening checks every length against the file's size; what comes after cannot leave the file.
public final class GGUFFile: Sendable {
    /// The path as given.
    public let path: String
    /// The format's version, 2 or 3.
    public let version: Int
    /// The entries of the header by key.
    public let metadata: [String: GGUFValue]
    /// The tensors in the order of the file.
    public let tensors: [GGUFTensor]
    private let indices: [String: Int]

    /// Maps a file and reads its header.
    public init(path: String) throws {
        var parser = GGUFParser(try MappedFile(path: path), path: path)
        self.path = path
        version = try parser.header()
        metadata = try parser.metadata()
        tensors = try parser.tensors(metadata)
        var indices = [String: Int](minimumCapacity: tensors.count)
        for (index, tensor) in tensors.enumerated() {
            guard indices.updateValue(index, forKey: tensor.name) == nil else {
                throw FledgeError(
                    .fileCorrupt, "The tensor \(tensor.name) is listed twice.",
                    at: .init(file: path))
            }
        }
        self.indices = indices
    }

    /// The tensor of a name.
    public func tensor(named name: String) -> GGUFTensor? { indices[name].map { tensors[$0] } }

    /// What `read` finds in the entry of a key; an error names the key and what was expected of it.
    ///
    ///     let tokens = try file.value("tokenizer.ggml.tokens", "an array of strings", \.stringArray)
    public func value<T>(
        _ key: String, _ expectation: String, _ read: (GGUFValue) -> T?
    ) throws -> T {
        guard let value = metadata[key] else {
            throw FledgeError(
                .fileCorrupt, "The metadata have no \(key), which should be \(expectation).",
                at: .init(file: path))
        }
        guard let result = read(value) else {
            throw FledgeError(
                .fileCorrupt, "The metadata's \(key) should be \(expectation).",
                at: .init(file: path))
        }
        return result
    }
}
