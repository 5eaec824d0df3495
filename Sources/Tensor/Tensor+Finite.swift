extension Tensor {
    /// Whether every element is a finite number; a pass at the speed of memory.
    package var isFinite: Bool { firstNonFinite == nil }

    /// The index of the first element, counted through the whole tensor, that is no finite number.
    package var firstNonFinite: Int? {
        withUnsafeBytes { bytes in
            // All bits of the exponent are set in what is not finite.
            switch elementType {
            case .float32: Self.first(bytes.bindMemory(to: UInt32.self), 0x7F80_0000)
            case .bfloat16: Self.first(bytes.bindMemory(to: UInt16.self), 0x7F80)
            case .float64: Self.first(bytes.bindMemory(to: UInt64.self), 0x7FF0_0000_0000_0000)
            case .uint8: nil
            }
        }
    }

    /// The first word in which all bits of a mask are set.
    @inline(__always)
    private static func first<Word: FixedWidthInteger & UnsignedInteger>(
        _ words: UnsafeBufferPointer<Word>, _ exponent: Word
    ) -> Int? {
        let size = 1 << 16
        var found = [Int?](repeating: nil, count: (words.count + size - 1) / size)
        found.withUnsafeMutableBufferPointer { found in
            let found = found
            parallelChunks(words.count, size: size) { range in
                found[range.lowerBound / size] = first(words, in: range, exponent)
            }
        }
        return found.lazy.compactMap { $0 }.first
    }

    @inline(__always)
    private static func first<Word: FixedWidthInteger & UnsignedInteger>(
        _ words: UnsafeBufferPointer<Word>, in range: Range<Int>, _ exponent: Word
    ) -> Int? {
        // Adding the lowest bit of the exponent carries into the sign where all others are set. Blocks
        // without a branch inside are computed many at a time.
        let lowest = exponent & (0 &- exponent)
        let sign = ~(Word.max >> 1)
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(start + 4096, range.upperBound)
            var found: Word = 0
            for index in start..<end { found |= (words[index] & exponent) &+ lowest }
            if found & sign != 0 {
                return (start..<end).first { words[$0] & exponent == exponent }
            }
            start = end
        }
        return nil
    }
}
