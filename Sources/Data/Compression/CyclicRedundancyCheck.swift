/// The check sum CRC-32 of gzip and Parquet (ISO 3309, reflected polynomial EDB88320).
package struct CyclicRedundancyCheck {
    private var state: UInt32 = 0xFFFF_FFFF

    /// Starts the sum of nothing.
    package init() {}

    /// The sum of what was added.
    package var value: UInt32 { ~state }

    /// Eight tables, so that eight bytes are taken at once.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
            tables[index] = value
        }
        for index in 256..<2048 {
            let before = tables[index - 256]
            tables[index] = before >> 8 ^ tables[Int(before & 0xFF)]
        }
        return tables
    }()

    /// Adds bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        Self.tables.withUnsafeBufferPointer { table in
            var (state, index) = (state, 0)
            while index + 8 <= bytes.count {
                let word = UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let next = word ^ UInt64(state)
                func part(_ number: Int) -> UInt32 {
                    table[256 * (7 - number) + Int(next >> UInt64(8 * number) & 0xFF)]
                }
                state =
                    part(0) ^ part(1) ^ part(2) ^ part(3) ^ part(4) ^ part(5) ^ part(6) ^ part(7)
                index += 8
            }
            while index < bytes.count {
                state = state >> 8 ^ table[Int((state ^ UInt32(bytes[index])) & 0xFF)]
                index += 1
            }
            self.state = state
        }
    }

    /// The sum of some bytes.
    package static func value(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var sum = CyclicRedundancyCheck()
        sum.update(bytes)
        return sum.value
    }
}
