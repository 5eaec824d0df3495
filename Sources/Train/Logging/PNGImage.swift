/// Encodes an image of 24-bit colours as a PNG file.
///
/// The pixels are packed by runs alone with DEFLATE's fixed code: enough for charts, which are
/// mostly the row above, and no library is needed.
struct PNGImage {
    let width: Int
    let height: Int
    /// Red, green and blue of each pixel, row by row.
    var pixels: [UInt8]

    init(width: Int, height: Int) {
        (self.width, self.height) = (width, height)
        pixels = [UInt8](repeating: 255, count: width * height * 3)
    }

    /// The bytes of the file.
    func encoded() -> [UInt8] {
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        let header = Self.bigEndian(UInt32(width)) + Self.bigEndian(UInt32(height))
        file += Self.chunk("IHDR", header + [8, 2, 0, 0, 0])
        file += Self.chunk("IDAT", Self.zlib(filtered()))
        file += Self.chunk("IEND", [])
        return file
    }

    /// Each row as its difference from the row above, after the byte that says so.
    private func filtered() -> [UInt8] {
        let stride = width * 3
        var result = [UInt8]()
        result.reserveCapacity((stride + 1) * height)
        for row in 0..<height {
            result.append(2)
            for index in (row * stride)..<((row + 1) * stride) {
                result.append(pixels[index] &- (row > 0 ? pixels[index - stride] : 0))
            }
        }
        return result
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian, Array.init)
    }

    private static func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + content
        return bigEndian(UInt32(content.count)) + body + bigEndian(checksum(body))
    }

    /// CRC-32.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        let table = (0..<256).map { index -> UInt32 in
            (0..<8).reduce(UInt32(index)) { value, _ in
                value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1
            }
        }
        return ~bytes.reduce(0xFFFF_FFFF) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ ($0 >> 8) }
    }

    /// A zlib stream of one DEFLATE block with the fixed code.
    static func zlib(_ bytes: [UInt8]) -> [UInt8] {
        var writer = BitWriter([0x78, 0x01])
        writer.put(0b011, 3)  // the last block, fixed code
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            writer.putSymbol(Int(byte))
            index += 1
            // Repetitions of the byte: 258 at a time, then at most 10, the lengths without extra bits.
            var run = 0
            while index + run < bytes.count, bytes[index + run] == byte { run += 1 }
            index += run
            while run >= 3 {
                let length = run >= 258 ? 258 : min(run, 10)
                writer.putSymbol(length == 258 ? 285 : 254 + length)
                writer.put(0, 5)  // distance 1
                run -= length
            }
            for _ in 0..<run { writer.putSymbol(Int(byte)) }
        }
        writer.putSymbol(256)
        var (low, high) = (UInt32(1), UInt32(0))
        for byte in bytes {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        return writer.finished() + bigEndian(high << 16 | low)
    }
}

/// Packs bits into bytes, the lowest first.
private struct BitWriter {
    private var bytes: [UInt8]
    private var pending: UInt32 = 0
    private var count = 0

    init(_ start: [UInt8]) { bytes = start }

    mutating func put(_ bits: UInt32, _ width: Int) {
        pending |= bits << UInt32(count)
        count += width
        while count >= 8 {
            bytes.append(UInt8(truncatingIfNeeded: pending))
            pending >>= 8
            count -= 8
        }
    }

    /// A literal or length of the fixed code, whose bits go the other way round.
    mutating func putSymbol(_ symbol: Int) {
        let (code, width): (Int, Int) =
            switch symbol {
            case ..<144: (0b0011_0000 + symbol, 8)
            case ..<256: (0b1_1001_0000 + symbol - 144, 9)
            case ..<280: (symbol - 256, 7)
            default: (0b1100_0000 + symbol - 280, 8)
            }
        var reversed: UInt32 = 0
        for bit in 0..<width where code >> bit & 1 == 1 { reversed |= 1 << UInt32(width - 1 - bit) }
        put(reversed, width)
    }

    func finished() -> [UInt8] {
        count > 0 ? bytes + [UInt8(truncatingIfNeeded: pending)] : bytes
    }
}
