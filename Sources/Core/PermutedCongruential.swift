/// The generator PCG64 (XSL-RR 128/64), seeded and drawn from like NumPy's `default_rng`.
///
/// Only for orders that must agree with runs of other programs; everything else is drawn by
/// ``KeyedGenerator``.
public struct PermutedCongruential: Sendable {
    private var state: UInt128
    private let increment: UInt128
    /// The high half of a 64-bit draw whose low half was used.
    private var half: UInt32?

    /// The generator of `numpy.random.default_rng(seed)`.
    public init(seed: UInt64) {
        let words = SeedSequence(seed: seed).state(count: 4)
        increment = (UInt128(words[2]) << 64 | UInt128(words[3])) << 1 | 1
        state = 0
        step()
        state &+= UInt128(words[0]) << 64 | UInt128(words[1])
        step()
    }

    private mutating func step() {
        let multiplier: UInt128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645
        state = state &* multiplier &+ increment
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        step()
        let folded = UInt64(truncatingIfNeeded: state >> 64) ^ UInt64(truncatingIfNeeded: state)
        let rotation = UInt64(truncatingIfNeeded: state >> 122)
        return folded >> rotation | folded << ((64 &- rotation) & 63)
    }

    /// The next 32 bits: the halves of 64-bit draws, the low one first.
    public mutating func next32() -> UInt32 {
        if let value = half {
            half = nil
            return value
        }
        let value = next()
        half = UInt32(truncatingIfNeeded: value >> 32)
        return UInt32(truncatingIfNeeded: value)
    }

    /// A number in [0, 1) with 53 random bits.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// `integers(count)`: a whole number below `count` (Lemire's method on 32 bits).
    public mutating func integer(below count: Int) -> Int {
        precondition(count > 0 && count <= Int(UInt32.max), "integer(below: \(count))")
        if count == 1 { return 0 }
        let range = UInt32(count)
        var product = UInt64(next32()) * UInt64(range)
        if UInt32(truncatingIfNeeded: product) < range {
            let threshold = (UInt32.max - (range - 1)) % range
            while UInt32(truncatingIfNeeded: product) < threshold {
                product = UInt64(next32()) * UInt64(range)
            }
        }
        return Int(product >> 32)
    }

    /// `permutation(count)`.
    public mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        shuffle(&order)
        return order
    }

    /// `shuffle(items)`.
    public mutating func shuffle<Item>(_ items: inout [Item]) {
        for i in stride(from: items.count - 1, to: 0, by: -1) {
            items.swapAt(i, masked(UInt32(i)))
        }
    }

    /// A number from 0 through `maximum`, by masking and rejection as shuffling does it.
    private mutating func masked(_ maximum: UInt32) -> Int {
        let mask = UInt32.max >> UInt32(maximum.leadingZeroBitCount)
        while true {
            let value = next32() & mask
            if value <= maximum { return Int(value) }
        }
    }

    /// `choice(probabilities.count, size: draws, p: probabilities)`.
    public mutating func choice(_ probabilities: [Double], draws: Int) -> [Int] {
        precondition(!probabilities.isEmpty, "choice: no probabilities")
        var cumulative = [Double]()
        var sum = 0.0
        for probability in probabilities {
            sum += probability
            cumulative.append(sum)
        }
        cumulative = cumulative.map { $0 / sum }
        return (0..<draws).map { _ in
            let x = uniform()
            return cumulative.firstIndex { $0 > x } ?? probabilities.count - 1
        }
    }
}

/// NumPy's `SeedSequence`: spreads a seed over the state of a generator.
struct SeedSequence {
    private var pool: [UInt32] = []

    init(seed: UInt64) {
        let (low, high) = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        var constant: UInt32 = 0x43B0_D7E5
        func hashed(_ word: UInt32) -> UInt32 {
            var value = word ^ constant
            constant = constant &* 0x931E_8875
            value = value &* constant
            return value ^ (value >> 16)
        }
        pool = [low, high, 0, 0].map { hashed($0) }
        for source in 0..<4 {
            for target in 0..<4 where target != source {
                let mixed = 0xCA01_F9DD &* pool[target] &- 0x4973_F715 &* hashed(pool[source])
                pool[target] = mixed ^ (mixed >> 16)
            }
        }
    }

    /// `generate_state(count, uint64)`.
    func state(count: Int) -> [UInt64] {
        var constant: UInt32 = 0x8B51_F9DD
        let words = (0..<2 * count).map { index -> UInt64 in
            var value = pool[index % 4] ^ constant
            constant = constant &* 0x58F3_8DED
            value = value &* constant
            return UInt64(value ^ (value >> 16))
        }
        return (0..<count).map { words[2 * $0] | words[2 * $0 + 1] << 32 }
    }
}
