import FledgeCore
import FledgeTensor

/// Turns stored numbers into tensors: expands blocks to float32, chunk by chunk on all threads, and
/// rounds each chunk to the wanted type while it is in the cache.
enum FloatExpansion {
    /// Expands a number of blocks.
    typealias Body =
        @Sendable (
            _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>, _ blocks: Int
        ) -> Void

    static func tensor(
        shape: [Int], as type: ElementType, blockCount: Int, blockByteCount: Int, chunkCount: Int,
        bytes: UnsafeRawBufferPointer, _ body: Body
    ) -> Tensor {
        var result = Tensor(uninitialized: shape, type)
        let count = result.count
        guard count > 0, let source = bytes.baseAddress else { return result }
        precondition(bytes.count == count / blockCount * blockByteCount)
        let blocks = count / blockCount
        let blocksPerChunk = max(1, chunkCount / blockCount)
        let chunks = (blocks + blocksPerChunk - 1) / blocksPerChunk
        result.withUnsafeMutableBytes { target in
            guard let target = target.baseAddress else { return }
            parallelFor(chunks) { chunk in
                let first = chunk * blocksPerChunk
                let size = min(blocksPerChunk, blocks - first)
                let from = source + first * blockByteCount
                let to = target + first * blockCount * type.byteCount
                guard type != .float32 else {
                    return body(from, to.assumingMemoryBound(to: Float.self), size)
                }
                withUnsafeTemporaryAllocation(of: Float.self, capacity: size * blockCount) {
                    guard let scratch = $0.baseAddress else { return }
                    body(from, scratch, size)
                    if type == .bfloat16 {
                        round(scratch, to.assumingMemoryBound(to: UInt16.self), $0.count)
                    } else {
                        widen(scratch, to.assumingMemoryBound(to: Double.self), $0.count)
                    }
                }
            }
        }
        return result
    }

    static let float32: Body = { source, target, count in
        UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count * 4)
    }

    static let float16: Body = { source, target, count in
        for i in 0..<count {
            target[i] = float(
                half: UInt16(
                    littleEndian: source.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self)))
        }
    }

    static let bfloat16: Body = { source, target, count in
        for i in 0..<count {
            let bits = UInt16(
                littleEndian: source.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self))
            target[i] = Float(bitPattern: UInt32(bits) << 16)
        }
    }

    static let float64: Body = { source, target, count in
        for i in 0..<count {
            target[i] = Float(source.loadUnaligned(fromByteOffset: i * 8, as: Double.self))
        }
    }

    /// Expands a float16 without branches, so that loops over it are vectorised.
    ///
    /// Shifting the exponent and mantissa into a float32's place leaves normal numbers too small by
    /// a power of two; subnormal ones are the difference to a number whose last bit they are.
    @inline(__always)
    static func float(half: UInt16) -> Float {
        let bits = UInt32(half) << 16
        let sign = bits & 0x8000_0000
        let magnitude = bits &+ bits
        let normal = Float(bitPattern: (magnitude >> 4) &+ (0xE0 << 23)) * 0x1p-112
        let subnormal = Float(bitPattern: (magnitude >> 17) | (126 << 23)) - 0.5
        let chosen = magnitude < 1 << 27 ? subnormal.bitPattern : normal.bitPattern
        return Float(bitPattern: sign | chosen)
    }

    /// Rounds to bfloat16, to nearest even; what is no number stays none.
    static func round(
        _ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<UInt16>, _ count: Int
    ) {
        for i in 0..<count {
            let bits = source[i].bitPattern
            let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16
            let isNaN = bits & 0x7FFF_FFFF > 0x7F80_0000
            target[i] = UInt16(truncatingIfNeeded: isNaN ? bits >> 16 | 0x40 : rounded)
        }
    }

    private static func widen(
        _ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Double>, _ count: Int
    ) {
        for i in 0..<count { target[i] = Double(source[i]) }
    }
}
