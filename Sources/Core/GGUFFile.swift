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

    /// A part of the tensor along its first dimension, whose rows are whole blocks.
    package func slice(_ index: Int) -> GGUFTensor {
        let size = bytes.count / shape[0]
        return GGUFTensor(
            name: name, shape: Array(shape.dropFirst()), type: type,
            bytes: UnsafeRawBufferPointer(
                rebasing: bytes[index * size..<(index + 1) * size]), mapping: mapping)
    }

    /// The same elements as a matrix of one row.
    package var asRow: GGUFTensor {
        GGUFTensor(name: name, shape: [1, count], type: type, bytes: bytes, mapping: mapping)
    }
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

    /// Maps a file and reads its header; of a model in several files, which any of them stands for, the
    /// headers of all.
    ///
    /// - Throws: ``FledgeError`` when the file is damaged, or a part is missing.
    public init(path: String) throws {
        var header = try Header(path: path)
        var tensors = header.tensors
        if let parts = try GGUFParts(header.metadata, path: path) {
            try parts.requireAll()
            let headers = try (0..<parts.count).map {
                try $0 == parts.index ? header : Header(path: parts.path(of: $0))
            }
            header = headers[0]
            tensors = headers.flatMap(\.tensors)
            let stated = header.metadata["split.tensors.count"]?.intValue
            guard stated ?? tensors.count == tensors.count else {
                throw FledgeError(
                    .fileCorrupt,
                    "The model should have \(stated ?? 0) tensors; its \(parts.count) files have "
                        + "\(tensors.count).",
                    advice: "The files are of different models, or one is cut off.",
                    at: .init(file: path))
            }
        }
        self.path = path
        (version, metadata, self.tensors) = (header.version, header.metadata, tensors)
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

    /// What a file begins with.
    private struct Header {
        let version: Int
        let metadata: [String: GGUFValue]
        let tensors: [GGUFTensor]

        init(path: String) throws {
            var parser = GGUFParser(try MappedFile(path: path), path: path)
            version = try parser.header()
            metadata = try parser.metadata()
            tensors = try parser.tensors(metadata)
        }
    }

    /// Whether a path is that of a GGUF file: by its ending, or by what it begins with, as Ollama keeps
    /// such files under names of their own.
    package static func isThere(at path: String) -> Bool {
        let ending = (FileSystem.fileExtension(of: path) ?? "").utf8.map { $0 | 0x20 }
        if ending.elementsEqual("gguf".utf8) { return !FileSystem.isFolder(path) }
        guard !FileSystem.isFolder(path), let file = try? MappedFile(path: path) else {
            return false
        }
        return file.bytes.starts(with: "GGUF".utf8)
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
                .fileCorrupt,
                "The metadata's \(key) is \(value.summary); it should be \(expectation).",
                at: .init(file: path))
        }
        return result
    }
}
