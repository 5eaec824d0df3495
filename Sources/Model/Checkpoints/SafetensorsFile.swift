import FledgeCore
public import FledgeTensor

/// A safetensors file, mapped into memory.
///
/// Opening checks the header as strictly as the format's own library: every range has the size that
/// shape and type demand, and the ranges cover the data without gap or overlap.
public final class SafetensorsFile: TensorSource, Sendable {
    /// A tensor's place in the file.
    public struct Entry: Hashable, Sendable {
        /// The tensor's name.
        public let name: String
        /// What the elements are stored as.
        public let type: SafetensorsType
        /// The shape, row-major.
        public let shape: [Int]
        /// The bytes' positions in the file.
        public let range: Range<Int>
    }

    /// The path as given.
    public let path: String
    /// The tensors in the order of their bytes.
    public let entries: [Entry]
    /// The strings that the header keeps under `__metadata__`.
    public let metadata: [String: String]
    private let mapping: MappedFile
    private let indices: [String: Int]

    /// Maps a file and reads its header.
    public init(path: String) throws {
        self.path = path
        mapping = try MappedFile(path: path)
        (entries, metadata) = try SafetensorsHeader(mapping, path: path).parse()
        indices = Dictionary(
            entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The names of all tensors, sorted.
    public var names: [String] { indices.keys.sorted() }

    /// A tensor's place; nil when there is no tensor of that name.
    public func entry(named name: String) -> Entry? { indices[name].map { entries[$0] } }

    /// A tensor's shape; nil when there is no tensor of that name.
    public func shape(of name: String) -> [Int]? { entry(named: name)?.shape }

    /// What a tensor's elements are stored as.
    public func storedType(of name: String) -> SafetensorsType? { entry(named: name)?.type }

    /// A tensor's bytes as they are stored; valid while the file object lives.
    public func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: mapping.bytes[entry.range])
    }

    /// A tensor's bytes as they are stored, flat.
    public func storedBytes(of name: String) -> Tensor? {
        entry(named: name).map {
            Tensor(borrowing: bytes(of: $0), owner: mapping, shape: [$0.range.count], .uint8)
        }
    }

    /// A tensor in the type that it is stored in, bytes among them; float32 where that is one only to
    /// store.
    public func tensor(named name: String) throws -> Tensor {
        let type: ElementType =
            switch storedType(of: name) {
            case .uint8: .uint8
            case .bfloat16: .bfloat16
            case .float64: .float64
            default: .float32
            }
        return try tensor(named: name, as: type)
    }

    /// A tensor, converted to an element type; borrowed from the file where no conversion is needed.
    public func tensor(named name: String, as type: ElementType) throws -> Tensor {
        let entry = try requiredEntry(name)
        return try tensor(entry, bytes(of: entry), entry.shape, as: type)
    }

    /// One slice of a tensor along its first dimension, the same way; bytes as they are.
    public func tensor(
        named name: String, slice index: Int, as type: ElementType
    ) throws -> Tensor {
        let entry = try requiredEntry(name)
        guard let count = entry.shape.first, (0..<count).contains(index) else {
            throw FledgeError(
                .mismatch, "\(name) has shape \(entry.shape) and no part \(index).",
                at: .init(file: path))
        }
        let size = entry.range.count / count
        let slice = UnsafeRawBufferPointer(
            rebasing: bytes(of: entry)[index * size..<(index + 1) * size])
        return try tensor(entry, slice, Array(entry.shape.dropFirst()), as: type)
    }

    private func requiredEntry(_ name: String) throws -> Entry {
        guard let entry = entry(named: name) else {
            throw FledgeError(
                .mismatch, "There is no tensor \(name) among the \(entries.count) in the file.",
                at: .init(file: path))
        }
        return entry
    }

    private func tensor(
        _ entry: Entry, _ bytes: UnsafeRawBufferPointer, _ shape: [Int], as type: ElementType
    ) throws -> Tensor {
        let expand: FloatExpansion.Body
        switch entry.type {
        case .uint8 where type == .uint8:
            return Tensor(borrowing: bytes, owner: mapping, shape: shape, .uint8)
        case .float32 where type != .uint8: expand = FloatExpansion.float32
        case .float16 where type != .uint8: expand = FloatExpansion.float16
        case .bfloat16 where type != .uint8: expand = FloatExpansion.bfloat16
        case .float64 where type != .uint8: expand = FloatExpansion.float64
        default:
            let expected = type == .uint8 ? "U8" : "F64, F32, F16 and BF16"
            throw FledgeError(
                .unsupported,
                "\(entry.name) is stored as \(entry.type.rawValue); weights are read from \(expected).",
                at: .init(file: path))
        }
        return FloatExpansion.tensor(
            stored: bytes, entry.type, owner: mapping, shape: shape, as: type, expand)
    }
}

extension FloatExpansion {
    /// A tensor of plain numbers: the file's own bytes when they are what is wanted.
    static func tensor(
        stored bytes: UnsafeRawBufferPointer, _ stored: SafetensorsType, owner: MappedFile,
        shape: [Int], as type: ElementType, _ expand: Body
    ) -> Tensor {
        let isSame =
            switch (stored, type) {
            case (.float32, .float32), (.bfloat16, .bfloat16), (.float64, .float64): true
            default: false
            }
        // Pages are aligned, so only an odd offset inside the file can put an element astride.
        let isAligned = (bytes.baseAddress.map { Int(bitPattern: $0) } ?? 0) % stored.byteCount == 0
        if isSame, isAligned, !bytes.isEmpty {
            return Tensor(borrowing: bytes, owner: owner, shape: shape, type)
        }
        defer { owner.release(bytes) }
        if isSame {
            var copy = Tensor(uninitialized: shape, type)
            copy.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
            return copy
        }
        return tensor(
            shape: shape, as: type, blockCount: 1, blockByteCount: stored.byteCount,
            chunkCount: 1 << 14, bytes: bytes, expand)
    }
}
