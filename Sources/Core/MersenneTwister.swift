/// The generator MT19937 with the drawing rules of PyTorch's CPU generator and of NumPy's legacy one.
///
/// Only for orders that must agree with runs of other programs; everything else is drawn by
/// ``KeyedGenerator``.
public struct MersenneTwister: Sendable {
    private var state: [UInt32]
    private var index = 624

    /// Seeds as both PyTorch and NumPy's `seed` do: with the low 32 bits.
    public init(seed: UInt64) {
        state = [UInt32(truncatingIfNeeded: seed)]
        for i in 1..<624 {
            let last = state[i - 1]
            state.append(1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(i))
        }
    }

    /// The next 32 bits.
    public mutating func next() -> UInt32 {
        if index == 624 { refill() }
        var y = state[index]
        index += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C_5680
        y ^= (y << 15) & 0xEFC6_0000
        return y ^ (y >> 18)
    }

    private mutating func refill() {
        for i in 0..<624 {
            let y = (state[i] & 0x8000_0000) | (state[(i + 1) % 624] & 0x7FFF_FFFF)
            state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_B0DF)
        }
        index = 0
    }

    /// PyTorch's `randperm(count)` on the CPU: the training order.
    public mutating func torchPermutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for i in 0..<max(count - 1, 0) {
            var z = UInt64(next())
            // From this size on PyTorch draws 64 bits, the high half first.
            if count >= Int(UInt32.max / 20) { z = z << 32 | UInt64(next()) }
            order.swapAt(i, i + Int(z % UInt64(count - i)))
        }
        return order
    }

    /// NumPy's legacy `permutation(count)`.
    public mutating func legacyPermutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for i in stride(from: count - 1, to: 0, by: -1) { order.swapAt(i, bounded(UInt32(i))) }
        return order
    }

    /// NumPy's legacy `choice(count, draws)`, with replacement.
    public mutating func legacyChoice(_ count: Int, draws: Int) -> [Int] {
        precondition(count > 0 || draws == 0, "legacyChoice: nothing to choose from")
        return (0..<draws).map { _ in bounded(UInt32(count - 1)) }
    }

    /// A number from 0 through `maximum`, by masking and rejection; no draw for a maximum of 0.
    private mutating func bounded(_ maximum: UInt32) -> Int {
        if maximum == 0 { return 0 }
        let mask = UInt32.max >> UInt32(maximum.leadingZeroBitCount)
        while true {
            let value = next() & mask
            if value <= maximum { return Int(value) }
        }
    }
}
