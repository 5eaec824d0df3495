package import FledgeTensor

/// A table of 256 numbers from -1 (or 0) to 1 with short fractions near 0 and long ones near 1, and the
/// nearest of them to any number (Dettmers 2015; bitsandbytes' dynamic map).
package struct EightBitCode: Sendable {
    /// Codes share their largest magnitude in blocks of so many.
    package static let blockSize = 256

    /// The table with both signs.
    package static let signed = EightBitCode(isSigned: true)
    /// The table of numbers from 0 on.
    package static let unsigned = EightBitCode(isSigned: false)

    /// What the codes stand for, ascending.
    package let values: [Float]
    /// What lies halfway between neighbours.
    private let bounds: [Float]
    /// The code of the least number with these upper 16 bits.
    private let firsts: [UInt8]

    private init(isSigned: Bool) {
        let powers: [Float] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]
        var values: [Float] = [0, 1]
        for (exponent, power) in powers.enumerated() {
            let count = 1 << (isSigned ? exponent : exponent + 1)
            let step = (1 - Float(0.1)) / Float(count)
            // From both ends and rounded once, as PyTorch spaces numbers.
            let edges = (0...count).map { index -> Float in
                index < (count + 1) / 2
                    ? Float(0.1).addingProduct(step, Float(index))
                    : Float(1).addingProduct(-step, Float(count - index))
            }
            for (low, high) in zip(edges, edges.dropFirst()) {
                let value = power * ((low + high) / 2)
                values += isSigned ? [value, -value] : [value]
            }
        }
        let sorted = values.sorted()
        let bounds = zip(sorted, sorted.dropFirst()).map { ($0 + $1) / 2 }
        (self.values, self.bounds) = (sorted, bounds)
        firsts = (0..<UInt32(1 << 16)).map { upper in
            let isNegative = upper & 0x8000 != 0
            let least = Float(bitPattern: upper << 16 | (isNegative ? 0xFFFF : 0))
            var (low, high) = (0, bounds.count)
            while low < high {
                let middle = (low + high) / 2
                if bounds[middle] < least { low = middle + 1 } else { high = middle }
            }
            return UInt8(low)
        }
    }

    /// Number of blocks of so many elements.
    package static func blockCount(_ count: Int) -> Int { (count + blockSize - 1) / blockSize }

    /// Expands a block of codes.
    package func expand(
        _ codes: UnsafePointer<UInt8>, largest: Float, into target: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        values.withUnsafeBufferPointer { values in
            for i in 0..<count { target[i] = values[Int(codes[i])] * largest }
        }
    }

    /// Codes of a block of numbers.
    ///
    /// - Returns: The largest magnitude among them.
    package func compress(
        _ numbers: UnsafePointer<Float>, into codes: UnsafeMutablePointer<UInt8>, count: Int
    ) -> Float {
        var largest: Float = 0
        for i in 0..<count { largest = max(largest, abs(numbers[i])) }
        let factor = 1 / max(largest, 1e-38)
        bounds.withUnsafeBufferPointer { bounds in
            firsts.withUnsafeBufferPointer { firsts in
                for i in 0..<count {
                    let number = min(1, max(-1, numbers[i] * factor))
                    var code = Int(firsts[Int(number.bitPattern >> 16)])
                    while code < bounds.count, bounds[code] < number { code += 1 }
                    codes[i] = UInt8(code)
                }
            }
        }
        return largest
    }
}

/// One moment of an optimizer in 8-bit codes, with the largest magnitude of each block.
package struct EightBitMoment {
    private let code: EightBitCode
    private let codes: UnsafeMutablePointer<UInt8>
    private let largest: UnsafeMutablePointer<Float>

    /// Runs `body` with the moment that two tensors hold.
    package static func with(
        _ code: EightBitCode, _ codes: inout Tensor, _ largest: inout Tensor,
        _ body: (EightBitMoment) -> Void
    ) {
        codes.withUnsafeMutableBytes { bytes in
            largest.withMutableFloats { largest in
                guard let codes = bytes.bindMemory(to: UInt8.self).baseAddress,
                    let largest = largest.baseAddress
                else { return }
                body(EightBitMoment(code: code, codes: codes, largest: largest))
            }
        }
    }

    /// Expands a block.
    package func expand(_ block: Int, into target: UnsafeMutablePointer<Float>, count: Int) {
        code.expand(
            codes + block * EightBitCode.blockSize, largest: largest[block], into: target,
            count: count)
    }

    /// Puts a block's numbers back.
    package func compress(_ block: Int, from source: UnsafePointer<Float>, count: Int) {
        largest[block] = code.compress(
            source, into: codes + block * EightBitCode.blockSize, count: count)
    }
}
