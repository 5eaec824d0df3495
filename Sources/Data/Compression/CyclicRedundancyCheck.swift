/// The check sum CRC-32 of gzip and Parquet (ISO 3309, reflected polynomial EDB88320).
package struct CyclicRedundancyCheck {
    private var state: UInt32 = 0xFFFF_FFFF

    /// Starts the sum of nothing.
    package init() {}

    /// The sum of what was added.
    package var value: UInt32 { ~state }

    /// Four tables, so that four bytes are taken at once.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 4 * 256)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
            tables[index] = value
        }
        for index in 256..<1024 {
            let before = tables[index - 256]
            tables[index] = before >> 8 ^ tables[Int(before & 0xFF)]
        }
        return tables
    }()

    /// Adds bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        Self.tables.withUnsafeBufferPointer { table in
            var (state, index) = (state, 0)
            while index + 4 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self)
                state ^= UInt32(littleEndian: word)
                state =
                    table[768 + Int(state & 0xFF)] ^ table[512 + Int(state >> 8 & 0xFF)]
                    ^ table[256 + Int(state >> 16 & 0xFF)] ^ table[Int(state >> 24)]
                index += 4
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
