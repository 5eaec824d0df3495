/// A name for one random draw: every draw is a pure function of what it is for.
///
/// There is no global generator, so batch shape, packing, accumulation and resuming change no draw.
/// Dropout keys are (seed, purpose, epoch, sample, layer, token position), initialisation keys are
/// (seed, parameter name); the element or channel index is the counter of ``KeyedGenerator``.
public struct RandomKey: Hashable, Sendable {
    /// The 64 bits that the parts were mixed into.
    public let bits: UInt64

    /// Starts a key from a seed.
    public init(seed: UInt64) { bits = RandomKey.mix(seed &+ 0x9E37_79B9_7F4A_7C15) }

    private init(bits: UInt64) { self.bits = bits }

    /// The key of a part of what this key stands for.
    public func appending(_ part: UInt64) -> RandomKey {
        RandomKey(bits: RandomKey.mix(bits ^ RandomKey.mix(part &+ 0x9E37_79B9_7F4A_7C15)))
    }

    /// The key of a part of what this key stands for.
    public func appending(_ part: Int) -> RandomKey { appending(UInt64(bitPattern: Int64(part))) }

    /// The key of a named part, such as a purpose or a parameter (FNV-1a over its UTF-8 bytes).
    public func appending(_ name: String) -> RandomKey {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return appending(hash)
    }

    /// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that mixes all bits.
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// The sequence of random numbers that belongs to a ``RandomKey``.
public struct KeyedGenerator: RandomNumberGenerator, Hashable, Sendable {
    /// The key that names the sequence.
    public let key: RandomKey
    /// Index of the next number.
    public var counter: UInt64

    /// Creates the sequence of a key, from its first number on unless told otherwise.
    public init(_ key: RandomKey, counter: UInt64 = 0) { (self.key, self.counter) = (key, counter) }

    /// The number at the counter; moves the counter on by one.
    public mutating func next() -> UInt64 {
        defer { counter &+= 1 }
        return RandomKey.mix(key.bits &+ counter &* 0x9E37_79B9_7F4A_7C15)
    }

    /// A number in [0, 1) with 53 random bits.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}
