public import FledgeCore
public import FledgeTensor

/// The weights of a GGUF file under their Hugging Face names.
///
/// llama.cpp stores the rows of q and k interleaved for its own rotary embedding in models of the
/// Llama family; they are put back in order here.
public final class GGUFTensorSource: TensorSource, Sendable {
    /// The file.
    public let file: GGUFFile
    private let tensors: [String: GGUFTensor]
    private let headCounts: (query: Int, key: Int)?

    /// Opens a file.
    public convenience init(path: String) throws { try self.init(GGUFFile(path: path)) }

    /// Names the tensors of a file.
    public init(_ file: GGUFFile) throws {
        self.file = file
        let architecture = try GGUFArchitecture(file)
        var tensors = [String: GGUFTensor]()
        for tensor in file.tensors where !GGUFArchitecture.derived.contains(tensor.name) {
            guard let name = architecture.checkpointName(of: tensor.name) else {
                throw FledgeError(
                    .unsupported,
                    "The tensor \(tensor.name) has no place in a model of the architecture "
                        + "\(architecture.name).", at: .init(file: file.path))
            }
            tensors[name] = tensor
        }
        self.tensors = tensors
        headCounts =
            architecture.interleavesRotaryRows
            ? (
                try file.value(
                    "\(architecture.name).attention.head_count", "a number", \.intValue),
                try architecture.keyValueHeadCount(file)
            ) : nil
    }

    /// The names of all tensors, sorted.
    public var names: [String] { tensors.keys.sorted() }

    /// A tensor's shape; nil when there is no tensor of that name.
    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    /// A tensor, expanded to an element type; borrowed from the file where it is stored so.
    public func tensor(named name: String, as type: ElementType) throws -> Tensor {
        guard let tensor = tensors[name] else {
            throw FledgeError(
                .mismatch, "There is no tensor \(name) among the \(tensors.count) in the file.",
                at: .init(file: file.path))
        }
        guard let headCounts else { return try expanded(tensor, as: type) }
        if name.contains(".self_attn.q_proj.") {
            return try ordered(expanded(tensor, as: type), name, heads: headCounts.query)
        }
        if name.contains(".self_attn.k_proj.") {
            return try ordered(expanded(tensor, as: type), name, heads: headCounts.key)
        }
        return try expanded(tensor, as: type)
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

    /// Undoes the interleaving: a head's stored row 2j + p is its row p·(d/2) + j.
    private func ordered(_ tensor: Tensor, _ name: String, heads: Int) throws -> Tensor {
        let rows = tensor.shape.first ?? 0
        guard heads > 0, rows % (2 * heads) == 0 else {
            throw FledgeError(
                .fileCorrupt,
                "\(name) has \(rows) rows, no even number for each of \(heads) heads.",
                at: .init(file: file.path))
        }
        guard tensor.count > 0 else { return tensor }
        let rowByteCount = tensor.count / rows * tensor.elementType.byteCount
        let dimension = rows / heads
        var result = Tensor(uninitialized: tensor.shape, tensor.elementType)
        tensor.withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                for row in 0..<rows {
                    let (head, place) = row.quotientAndRemainder(dividingBy: dimension)
                    let (part, pair) = place.quotientAndRemainder(dividingBy: dimension / 2)
                    let from = (head * dimension + 2 * pair + part) * rowByteCount
                    UnsafeMutableRawBufferPointer(
                        rebasing: target[(row * rowByteCount)..<((row + 1) * rowByteCount)]
                    ).copyMemory(
                        from: UnsafeRawBufferPointer(
                            rebasing: source[from..<(from + rowByteCount)]))
                }
            }
        }
        return result
    }
}
