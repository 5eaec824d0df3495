internal import FledgeDigest

/// The SHA-256 digest (FIPS 180-4) of bytes that come in any number of pieces.
public struct SHA256: Sendable {
    private var state: [UInt32] = [
        0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A,
        0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
    ]
    private var pending = [UInt8]()
    private var length: UInt64 = 0

    /// Starts the digest of nothing.
    public init() { pending.reserveCapacity(64) }

    /// The digest of some bytes as 64 lower-case hexadecimal digits.
    public static func hexadecimal(of bytes: UnsafeRawBufferPointer) -> String {
        var digest = SHA256()
        digest.update(bytes)
        return digest.hexadecimal()
    }

    /// The digest of some bytes as 64 lower-case hexadecimal digits.
    public static func hexadecimal(of bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { hexadecimal(of: $0) }
    }

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        length &+= UInt64(bytes.count)
        var start = 0
        if !pending.isEmpty {
            start = min(64 - pending.count, bytes.count)
            pending.append(contentsOf: bytes[0..<start])
            guard pending.count == 64 else { return }
            pending.withUnsafeBytes { compress($0, blocks: 1) }
            pending.removeAll(keepingCapacity: true)
        }
        let blocks = (bytes.count - start) / 64
        if blocks > 0 {
            compress(UnsafeRawBufferPointer(rebasing: bytes[start...]), blocks: blocks)
            start += 64 * blocks
        }
        pending.append(contentsOf: bytes[start...])
    }

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    private mutating func compress(_ bytes: UnsafeRawBufferPointer, blocks: Int) {
        guard let start = bytes.baseAddress else { return }
        digest_sha256(&state, start, blocks)
    }

    /// The digest of everything added so far; more may be added afterwards.
    public func finalized() -> [UInt8] {
        var copy = self
        var padding: [UInt8] = [0x80]
        let zeros = (119 - Int(length % 64)) % 64
        padding.append(contentsOf: repeatElement(0, count: zeros))
        for shift in stride(from: 56, through: 0, by: -8) {
            padding.append(UInt8(truncatingIfNeeded: (length &* 8) >> UInt64(shift)))
        }
        copy.update(padding)
        return copy.state.flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * $0)) }
        }
    }

    /// The digest as 64 lower-case hexadecimal digits.
    public func hexadecimal() -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = finalized().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}
