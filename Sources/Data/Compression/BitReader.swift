/// Reads bits, the lowest of each byte first.
struct BitReader {
    private let input: UnsafeRawBufferPointer
    /// The next byte that is not among the bits.
    private var position: Int
    /// The next bits; above the count may be those that follow, which are then read again.
    private(set) var bits: UInt64 = 0
    /// Number of bits; below 0 after more were taken than there are.
    private(set) var count = 0

    init(_ input: UnsafeRawBufferPointer, from start: Int) {
        (self.input, position) = (input, start)
    }

    /// Makes at least 56 bits ready, or all that are left.
    @inline(__always)
    mutating func refill() {
        if position + 8 <= input.count {
            let next = input.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            bits |= UInt64(littleEndian: next) << UInt64(truncatingIfNeeded: count & 63)
            position += (63 - count) >> 3
            count |= 56
        } else {
            while count <= 56, position < input.count {
                bits |= UInt64(input[position]) << UInt64(truncatingIfNeeded: count & 63)
                position += 1
                count += 8
            }
        }
    }

    /// Takes bits that ``refill()`` made ready; zeros when there are none, and a count below 0.
    @inline(__always)
    mutating func take(_ number: Int) -> Int {
        let value = bits & ((1 << UInt64(number)) - 1)
        bits >>= UInt64(number)
        count -= number
        return Int(truncatingIfNeeded: value)
    }

    /// The index of the next whole byte; drops the bits of a byte that was begun.
    mutating func alignToByte() -> Int {
        position -= count / 8
        (bits, count) = (0, 0)
        return position
    }

    /// Moves behind bytes that were read elsewhere.
    mutating func skipBytes(_ number: Int) { position += number }
}
