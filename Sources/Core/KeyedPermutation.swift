/// An order of `0..<count` that follows from a key alone, each place of it computed by itself.
///
/// Shuffling by an array needs memory for all places; this needs none, whatever the count. It is a
/// Feistel network over pairs of bits (Luby, Rackoff 1988), walked until it lands inside of the range
/// (Black, Rogaway 2002, "Ciphers with Arbitrary Finite Domains").
public struct KeyedPermutation: Hashable, Sendable {
    /// Number of places.
    public let count: Int
    private let keys: [UInt64]
    private let halfBits: UInt64

    private static let rounds = 8

    /// Creates the order of a key.
    public init(count: Int, key: RandomKey) {
        precondition(count >= 0, "KeyedPermutation: \(count) places")
        self.count = count
        keys = (0..<Self.rounds).map { key.appending($0).bits }
        let bits = Int.bitWidth - max(count - 1, 1).leadingZeroBitCount
        halfBits = UInt64((bits + 1) / 2)
    }

    /// What stands at a place.
    public subscript(place: Int) -> Int {
        precondition(place >= 0 && place < count, "KeyedPermutation: place \(place) of \(count)")
        var value = UInt64(place)
        // The domain is less than four times as large, so a few steps are enough.
        repeat { value = step(value) } while value >= UInt64(count)
        return Int(value)
    }

    private func step(_ value: UInt64) -> UInt64 {
        let mask: UInt64 = (1 << halfBits) - 1
        var (left, right) = (value >> halfBits, value & mask)
        for key in keys {
            (left, right) = (right, left ^ RandomKey.mix(right ^ key) & mask)
        }
        return left << halfBits | right
    }
}
