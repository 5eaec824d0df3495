public import FledgeCore
public import FledgeTensor

/// Expands the blocks of a GGUF tensor to plain numbers, with the bits that ggml's reference gives.
public enum GGUFDequantizer {
    /// The types that can be expanded.
    public static let types: [GGUFBlockType] = [
        .float32, .float16, .bfloat16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K,
        .q5_K, .q6_K,
    ]

    /// About this many elements are one unit of parallel work: they fit a core's second-level cache.
    private static let chunkCount = 1 << 14

    /// The tensor's elements as float32 or, rounded to nearest even, as bfloat16 (or float64).
    public static func expanded(_ tensor: GGUFTensor, as type: ElementType) throws -> Tensor {
        guard let expand = expansion(of: tensor.type) else {
            throw FledgeError(
                .unsupported,
                "\(tensor.name) is stored as \(tensor.type); these types can be expanded: "
                    + types.map(\.description).joined(separator: ", ") + ".",
                at: .init(file: tensor.mapping.path))
        }
        return FloatExpansion.tensor(
            shape: tensor.shape, as: type, blockCount: tensor.type.blockCount,
            blockByteCount: tensor.type.blockByteCount, chunkCount: chunkCount,
            bytes: tensor.bytes, expand)
    }

    /// How a number of blocks becomes floats; nil for the types that are not known.
    static func expansion(of type: GGUFBlockType) -> FloatExpansion.Body? {
        switch type {
        case .float32: FloatExpansion.float32
        case .float16: FloatExpansion.float16
        case .bfloat16: FloatExpansion.bfloat16
        case .q4_0: q4_0
        case .q4_1: q4_1
        case .q5_0: q5_0
        case .q5_1: q5_1
        case .q8_0: q8_0
        case .q2_K: q2_K
        case .q3_K: q3_K
        case .q4_K: q4_K
        case .q5_K: q5_K
        case .q6_K: q6_K
        default: nil
        }
    }

    /// The float16 at an offset.
    @inline(__always)
    static func scale(_ block: UnsafeRawPointer, _ offset: Int) -> Float {
        FloatExpansion.float(
            half: UInt16(littleEndian: block.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        )
    }

    @inline(__always)
    static func byte(_ block: UnsafeRawPointer, _ offset: Int) -> UInt8 {
        block.load(fromByteOffset: offset, as: UInt8.self)
    }

    static func q4_0(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ n: Int) {
        for index in 0..<n {
            let (block, out) = (source + index * 18, target + index * 32)
            let d = scale(block, 0)
            for i in 0..<16 {
                let pair = Int32(byte(block, 2 + i))
                out[i] = d * Float((pair & 15) - 8)
                out[i + 16] = d * Float((pair >> 4) - 8)
            }
        }
    }

    static func q4_1(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ n: Int) {
        for index in 0..<n {
            let (block, out) = (source + index * 20, target + index * 32)
            let (d, m) = (scale(block, 0), scale(block, 2))
            for i in 0..<16 {
                let pair = Int32(byte(block, 4 + i))
                out[i] = d * Float(pair & 15) + m
                out[i + 16] = d * Float(pair >> 4) + m
            }
        }
    }

    static func q5_0(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ n: Int) {
        for index in 0..<n {
            let (block, out) = (source + index * 22, target + index * 32)
            let d = scale(block, 0)
            let high = Int32(bitPattern: word(block, 2))
            for i in 0..<16 {
                let pair = Int32(byte(block, 6 + i))
                let shift = Int32(truncatingIfNeeded: i)
                out[i] = d * Float((pair & 15 | (high &>> shift & 1) << 4) - 16)
                out[i + 16] = d * Float((pair >> 4 | (high &>> (shift + 16) & 1) << 4) - 16)
            }
        }
    }

    static func q5_1(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ n: Int) {
        for index in 0..<n {
            let (block, out) = (source + index * 24, target + index * 32)
            let (d, m) = (scale(block, 0), scale(block, 2))
            let high = Int32(bitPattern: word(block, 4))
            for i in 0..<16 {
                let pair = Int32(byte(block, 8 + i))
                let shift = Int32(truncatingIfNeeded: i)
                out[i] = d * Float(pair & 15 | (high &>> shift & 1) << 4) + m
                out[i + 16] = d * Float(pair >> 4 | (high &>> (shift + 16) & 1) << 4) + m
            }
        }
    }

    static func q8_0(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ n: Int) {
        for index in 0..<n {
            let (block, out) = (source + index * 34, target + index * 32)
            let d = scale(block, 0)
            for i in 0..<32 { out[i] = Float(Int8(bitPattern: byte(block, 2 + i))) * d }
        }
    }

    @inline(__always)
    private static func word(_ block: UnsafeRawPointer, _ offset: Int) -> UInt32 {
        UInt32(littleEndian: block.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
