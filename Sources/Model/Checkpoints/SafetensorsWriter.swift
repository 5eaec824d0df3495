import FledgeCore
public import FledgeTensor

/// Writes a safetensors file tensor by tensor, so that no more than one of them need be in memory.
///
/// The file appears under its name on ``commit()`` and not before.
public final class SafetensorsWriter {
    /// What will be written: the header comes first and needs all of it.
    public struct Entry: Hashable, Sendable {
        /// The tensor's name.
        public let name: String
        /// What the elements are stored as; float16 is rounded from float32 on the way.
        public let type: SafetensorsType
        /// The shape, row-major.
        public let shape: [Int]

        /// Creates an entry.
        public init(_ name: String, _ type: SafetensorsType, _ shape: [Int]) {
            (self.name, self.type, self.shape) = (name, type, shape)
        }

        /// The entry of a tensor that is stored as it is.
        public init(_ name: String, _ tensor: Tensor) {
            self.init(name, SafetensorsType(tensor.elementType), tensor.shape)
        }

        /// Number of bytes.
        public var byteCount: Int { shape.reduce(type.byteCount, *) }
    }

    /// The entries in the order in which they are to be written.
    ///
    /// Wide types come first, then names in order: every tensor is aligned to its elements.
    public let entries: [Entry]
    private let file: AtomicFile
    private var next = 0

    /// Starts a file.
    public init(path: String, entries: [Entry], metadata: [String: String] = ["format": "pt"])
        throws
    {
        self.entries = SafetensorsWriter.ordered(entries)
        file = try AtomicFile(path: path)
        var header = [JSONValue.Member]()
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }
            header.append(
                .init("__metadata__", .object(pairs.map { .init($0.key, .string($0.value)) })))
        }
        var position = 0
        for entry in self.entries {
            let end = position + entry.byteCount
            header.append(
                .init(
                    entry.name,
                    [
                        "dtype": .string(entry.type.rawValue),
                        "shape": .array(entry.shape.map { .integer($0) }),
                        "data_offsets": [.integer(position), .integer(end)],
                    ]))
            position = end
        }
        var text = JSONWriter.bytes(of: .object(header), .dense)
        // Spaces after the header align the data to 8 bytes.
        while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
        try withUnsafeBytes(of: UInt64(text.count).littleEndian) { try file.write($0) }
        try text.withUnsafeBytes { try file.write($0) }
    }

    static func ordered(_ entries: [Entry]) -> [Entry] {
        entries.sorted { ($1.type.byteCount, $0.name) < ($0.type.byteCount, $1.name) }
    }

    /// Writes the next of ``entries``: numbers of its shape, or the bytes that they are stored as.
    public func write(_ tensor: Tensor) throws {
        precondition(next < entries.count, "SafetensorsWriter: all \(next) entries are written")
        let entry = entries[next]
        if tensor.elementType == .uint8, tensor.count == entry.byteCount {
            try write(raw: tensor)
            next += 1
            return
        }
        precondition(
            tensor.shape == entry.shape,
            "SafetensorsWriter: \(entry.name) announced as \(entry.shape), got \(tensor.shape)")
        switch entry.type {
        case .float32: try write(raw: tensor.converted(to: .float32))
        case .bfloat16: try write(raw: tensor.converted(to: .bfloat16))
        case .float64: try write(raw: tensor.converted(to: .float64))
        case .float16: try writeHalves(tensor.converted(to: .float32))
        default: preconditionFailure("SafetensorsWriter: \(entry.type) is no type of a tensor")
        }
        next += 1
    }

    private func write(raw tensor: Tensor) throws {
        try tensor.withUnsafeBytes { try file.write($0) }
    }

    private func writeHalves(_ tensor: Tensor) throws {
        try tensor.withFloats { floats in
            var rest = floats[...]
            while !rest.isEmpty {
                let halves = rest.prefix(1 << 16).map { Float16($0).bitPattern.littleEndian }
                try halves.withUnsafeBytes { try file.write($0) }
                rest = rest.dropFirst(halves.count)
            }
        }
    }

    /// Makes the file appear under its name.
    public func commit() throws {
        precondition(
            next == entries.count,
            "SafetensorsWriter: committed after \(next) of \(entries.count) tensors")
        try file.commit()
    }

    /// Writes a small set of tensors in one go.
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], to path: String,
        metadata: [String: String] = ["format": "pt"]
    ) throws {
        var named = [String: Tensor]()
        for (name, tensor) in tensors {
            precondition(
                named.updateValue(tensor, forKey: name) == nil,
                "SafetensorsWriter: \(name) is there twice")
        }
        let writer = try SafetensorsWriter(
            path: path, entries: tensors.map { Entry($0.name, $0.tensor) }, metadata: metadata)
        for entry in writer.entries {
            if let tensor = named[entry.name] { try writer.write(tensor) }
        }
        try writer.commit()
    }
}

extension SafetensorsType {
    /// The type that stores an element type exactly.
    public init(_ type: ElementType) {
        self =
            switch type {
            case .float32: .float32
            case .float64: .float64
            case .bfloat16: .bfloat16
            case .uint8: .uint8
            }
    }
}
