import FledgeCore
import FledgeTensor
import Foundation

/// Every format that products are computed with.
let quantizedFormats: [QuantizedFormat] =
    [
        .fourBit(.nf4, hasNestedScales: false), .fourBit(.nf4, hasNestedScales: true),
        .fourBit(.fp4, hasNestedScales: true), .int8,
    ] + blockTypes.map(QuantizedFormat.ggml)

/// ggml's block formats with the places of their float16 scales.
private let scalePlaces: [GGUFBlockType: [Int]] = [
    .q4_0: [0], .q4_1: [0, 2], .q5_0: [0], .q5_1: [0, 2], .q8_0: [0], .q2_K: [80, 82],
    .q3_K: [108], .q4_K: [0, 2], .q5_K: [0, 2], .q6_K: [208],
]
private let blockTypes: [GGUFBlockType] = [
    .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K,
]

private final class Bytes {
    let buffer: UnsafeMutableRawBufferPointer

    init(count: Int) { buffer = .allocate(byteCount: count, alignment: 1) }

    deinit { buffer.deallocate() }
}

/// A matrix of a format: quantised numbers, or blocks of random bits with sensible scales.
func quantizedSample(_ format: QuantizedFormat, rows: Int, columns: Int) -> QuantizedMatrix {
    guard case .ggml(let type) = format else {
        return QuantizedMatrix(
            "w", quantizing: sample([rows, columns], "quantized", .float32), as: format)
    }
    let blocks = rows * columns / type.blockCount
    let bytes = Bytes(count: blocks * type.blockByteCount)
    var generator = KeyedGenerator(RandomKey(seed: 3).appending(type.description))
    for index in bytes.buffer.indices {
        bytes.buffer[index] = UInt8(truncatingIfNeeded: generator.next())
    }
    for block in 0..<blocks {
        for place in scalePlaces[type] ?? [] {
            let scale = Float16((generator.uniform() * 2 - 1) * 0.05).bitPattern
            bytes.buffer[block * type.blockByteCount + place] = UInt8(scale & 0xFF)
            bytes.buffer[block * type.blockByteCount + place + 1] = UInt8(scale >> 8)
        }
    }
    return QuantizedMatrix(
        "w", borrowing: UnsafeRawBufferPointer(bytes.buffer), owner: bytes, type,
        shape: [rows, columns])
}

/// A number of columns that a row of a format can have, about as many as asked for.
func columnCount(_ format: QuantizedFormat, near count: Int) -> Int {
    guard case .ggml(let type) = format else { return count }
    return max(1, count / type.blockCount) * type.blockCount
}
