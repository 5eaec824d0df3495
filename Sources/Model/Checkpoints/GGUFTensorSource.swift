public import FledgeCore
public import FledgeTensor

/// The weights of a GGUF file under their Hugging Face names.
///
/// llama.cpp stores the rows of q and k interleaved for its own rotary embedding in models of the
/// Llama family; they are put back in order here.
public final class GGUFTensorSource: BlockTensorSource, Sendable {
    /// The file.
    public let file: GGUFFile
    private let tensors: [String: GGUFTensor]
    private let headCounts: (query: Int, key: Int)?
    private let architecture: GGUFArchitecture

    /// Opens a file.
    public convenience init(path: String, families: [any ModelFamily] = .standard) throws {
        try self.init(GGUFFile(path: path), families: families)
    }

    /// Names the tensors of a file.
    public init(_ file: GGUFFile, families: [any ModelFamily] = .standard) throws {
        self.file = file
        architecture = try GGUFArchitecture(file, families)
        var tensors = [String: GGUFTensor]()
        for tensor in file.tensors where !GGUFNames.derived.contains(tensor.name) {
            if let name = architecture.names.expertName(of: tensor.name) {
                for (expert, part) in try Self.experts(tensor, path: file.path).enumerated() {
                    tensors[name(expert)] = part
                }
                continue
            }
            guard let name = architecture.names.checkpointName(of: tensor.name) else {
                throw FledgeError(
                    .unsupported,
                    "The tensor \(tensor.name) has no place in a model of the architecture "
                        + "\(architecture.name).", at: .init(file: file.path))
            }
            let isRow = architecture.names.rows.contains { name.hasSuffix(".\($0).weight") }
            tensors[name] = isRow && tensor.shape.count == 1 ? tensor.asRow : tensor
        }
        self.tensors = tensors
        headCounts =
            architecture.names.interleavesRotaryRows
            ? (
                try architecture.layerValue("attention.head_count"),
                try architecture.keyValueHeadCount()
            ) : nil
    }

    private static func experts(_ stack: GGUFTensor, path: String) throws -> [GGUFTensor] {
        guard (2...3).contains(stack.shape.count),
            stack.shape.allSatisfy({ $0 > 0 }), stack.shape[0] < 1 << 20
        else {
            throw FledgeError(
                .fileCorrupt,
                "The tensor \(stack.name) has shape \(stack.shape); expected are matrices of experts, one behind the other.",
                at: .init(file: path))
        }
        return (0..<stack.shape[0]).map(stack.slice)
    }

    /// The names of all tensors, sorted.
    public var names: [String] { tensors.keys.sorted() }

    /// A tensor's shape; nil when there is no tensor of that name.
    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    /// What a tensor's elements are stored as; nil for blocks.
    public func storedType(of name: String) -> SafetensorsType? {
        switch tensors[name]?.type {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        default: nil
        }
    }

    /// The name in the file, such as `blk.0.attn_q.weight`.
    public func storedName(of name: String) -> String { architecture.names.storedName(of: name) }

    /// The key in the metadata, such as `llama.block_count`.
    public func settingName(of setting: String) -> String {
        architecture.metadataKey(of: setting)
    }

    /// A tensor, expanded to an element type; borrowed from the file where it is stored so.
    public func tensor(named name: String, as type: ElementType) throws -> Tensor {
        let tensor = try stored(name)
        let offset = architecture.names.normOffset
        if offset != 0, name.hasSuffix("norm.weight") {
            let scales = try expanded(tensor, as: .float64).doubles().map { $0 - Double(offset) }
            return Tensor(scales, shape: tensor.shape).converted(to: type)
        }
        let plain = try expanded(tensor, as: type)
        guard let order = try rowOrder(name, tensor.shape) else { return plain }
        return plain.reordered(rows: order)
    }

    /// A matrix in the blocks of the file, borrowed unless rows have to be put in order.
    public func blocks(named name: String) throws -> QuantizedMatrix? {
        let tensor = try stored(name)
        guard QuantizedFormat.ggml(tensor.type).isSupported, tensor.shape.count == 2 else {
            return nil
        }
        let matrix = QuantizedMatrix(
            name, borrowing: tensor.bytes, owner: tensor.mapping, tensor.type, shape: tensor.shape)
        return try rowOrder(name, tensor.shape).map(matrix.reordered) ?? matrix
    }

    private func stored(_ name: String) throws -> GGUFTensor {
        guard let tensor = tensors[name] else {
            throw FledgeError(
                .mismatch,
                "There is no tensor \(storedName(of: name)) among the \(tensors.count) in the file.",
                at: .init(file: file.path))
        }
        return tensor
    }

    private func expanded(_ tensor: GGUFTensor, as type: ElementType) throws -> Tensor {
        let plain: (SafetensorsType, FloatExpansion.Body)? =
            switch tensor.type {
            case .float32: (.float32, FloatExpansion.float32)
            case .bfloat16: (.bfloat16, FloatExpansion.bfloat16)
            default: nil
            }
        guard let (stored, expand) = plain else {
            return try GGUFDequantizer.expanded(tensor, as: type)
        }
        return FloatExpansion.tensor(
            stored: tensor.bytes, stored, owner: tensor.mapping, shape: tensor.shape, as: type,
            expand)
    }

    /// Which stored row each row of q and k is: a head's stored row 2j + p is its row p·(d/2) + j.
    private func rowOrder(_ name: String, _ shape: [Int]) throws -> [Int]? {
        guard let headCounts else { return nil }
        let heads: Int
        if name.contains(".self_attn.q_proj.") {
            heads = headCounts.query
        } else if name.contains(".self_attn.k_proj.") {
            heads = headCounts.key
        } else {
            return nil
        }
        let rows = shape.first ?? 0
        guard heads > 0, rows % (2 * heads) == 0 else {
            throw FledgeError(
                .fileCorrupt,
                "\(storedName(of: name)) has \(rows) rows, no even number for each of \(heads) heads.",
                at: .init(file: file.path))
        }
        let dimension = rows / heads
        return (0..<rows).map { row in
            let (head, place) = row.quotientAndRemainder(dividingBy: dimension)
            let (part, pair) = place.quotientAndRemainder(dividingBy: dimension / 2)
            return head * dimension + 2 * pair + part
        }
    }
}

extension Tensor {
    /// The tensor whose slice `i` along the first dimension is this one's slice `rows[i]`.
    fileprivate func reordered(rows: [Int]) -> Tensor {
        guard count > 0 else { return self }
        let size = count / rows.count * elementType.byteCount
        var result = Tensor(uninitialized: shape, elementType)
        withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                for (row, from) in rows.enumerated() {
                    UnsafeMutableRawBufferPointer(
                        rebasing: target[(row * size)..<((row + 1) * size)]
                    ).copyMemory(
                        from: UnsafeRawBufferPointer(
                            rebasing: source[(from * size)..<((from + 1) * size)]))
                }
            }
        }
        return result
    }
}
