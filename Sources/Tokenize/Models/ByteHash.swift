/// A fast hash of short byte strings, for tables that live as long as the process.
enum ByteHash {
    @inline(__always)
    static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        let count = bytes.count
        guard let base = bytes.baseAddress, count > 0 else { return 0x9E37_79B9_7F4A_7C15 }
        let raw = UnsafeRawPointer(base)
        var (a, b): (UInt64, UInt64)
        var seed: UInt64 = 0x2D35_8DCC_AA6C_78A5 ^ UInt64(count)
        if count >= 8 {
            var offset = 0
            while count - offset > 16 {
                seed = mix(
                    raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ seed,
                    raw.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
                        ^ 0x8BB8_4B93_962E_ACC9)
                offset += 16
            }
            a = raw.loadUnaligned(fromByteOffset: max(0, min(offset, count - 8)), as: UInt64.self)
            b = raw.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
        } else if count >= 4 {
            a = UInt64(raw.loadUnaligned(as: UInt32.self))
            b = UInt64(raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
        } else {
            a = UInt64(bytes[0]) << 16 | UInt64(bytes[count >> 1]) << 8 | UInt64(bytes[count - 1])
            b = 0
        }
        return mix(a ^ seed, b ^ 0x4B33_A62E_D433_D4A3)
    }

    @inline(__always)
    private static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
