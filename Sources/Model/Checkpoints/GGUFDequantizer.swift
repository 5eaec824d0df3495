public import FledgeCore
public import FledgeTensor
internal import Foundation

/// Expands the blocks of a GGUF tensor to plain numbers, with the bits that ggml's reference gives.
public enum GGUFDequantizer {
    /// The types that can be expanded.
    public static let types: [GGUFBlockType] = [
        .float32, .float16, .bfloat16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K,
        .q5_K, .q6_K, .mxfp4,
    ]

    /// About this many elements are one unit of parallel work: they fit a core's second-level cache.
    private static let chunkCount = 1 << 14

    /// The tensor's elements as float32 or, rounded to nearest even, as bfloat16 (or float64).
    public static func expanded(_ tensor: GGUFTensor, as type: ElementType) throws -> Tensor {
        let columns = tensor.shape.last ?? 0
        if QuantizedFormat.ggml(tensor.type).isSupported, columns > 0 {
            let rows = tensor.shape.dropLast().reduce(1, *)
            return QuantizedMatrix(
                tensor.name, borrowing: tensor.bytes, owner: tensor.mapping, tensor.type,
                shape: [rows, columns]
            ).expanded(as: type).reshaped(tensor.shape)
        }
        guard let expand = expansion(of: tensor.type) else {
            throw FledgeError(
                .unsupported,
                "\(tensor.name) is stored as \(tensor.type); these types can be expanded: "
                    + types.map(\.description).joined(separator: ", ") + ".",
                at: .init(file: tensor.mapping.path))
        }
        defer { tensor.mapping.release(tensor.bytes) }
        return FloatExpansion.tensor(
            shape: tensor.shape, as: type, blockCount: tensor.type.blockCount,
            blockByteCount: tensor.type.blockByteCount, chunkCount: chunkCount,
            bytes: tensor.bytes, expand)
    }

    /// How plain numbers, and blocks that products do not know, become floats; nil for other types.
    static func expansion(of type: GGUFBlockType) -> FloatExpansion.Body? {
        switch type {
        case .float32: FloatExpansion.float32
        case .float16: FloatExpansion.float16
        case .bfloat16: FloatExpansion.bfloat16
        case .mxfp4: mxfp4
        default: nil
        }
    }

    /// An exponent, and 16 bytes whose lower halves are the first 16 numbers.
    private static let mxfp4: FloatExpansion.Body = { source, target, blocks in
        for block in 0..<blocks {
            let bytes = source + block * 17
            let target = target + block * MXFP4Stack.blockCount
            // Half of it, so that it is a number whatever the byte.
            let scale = Float(exp2(Double(bytes.load(as: UInt8.self)) - 128))
            for place in 0..<16 {
                let code = bytes.load(fromByteOffset: 1 + place, as: UInt8.self)
                // There the zero has no sign.
                target[place] = (2 * MXFP4Stack.values[Int(code & 15)] + 0) * scale
                target[place + 16] = (2 * MXFP4Stack.values[Int(code >> 4)] + 0) * scale
            }
        }
    }
}
