internal import FledgeColumnar

/// Encodes an image of 24-bit colours as a PNG file (RFC 2083), compressed by zlib.
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
    ///
    /// - Throws: `FledgeError` in a build without zlib.
    func encoded() throws -> [UInt8] {
        guard Zlib.isAvailable else {
            throw Zlib.missing("Charts cannot be drawn", instead: "set plot_loss to false")
        }
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        let header = Self.bigEndian(UInt32(width)) + Self.bigEndian(UInt32(height))
        file += Self.chunk("IHDR", header + [8, 2, 0, 0, 0])
        file += Self.chunk("IDAT", try Zlib.compressed(filtered()))
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
        let sum = body.withUnsafeBytes(Zlib.cyclicRedundancyCheck) ?? 0
        return bigEndian(UInt32(content.count)) + body + bigEndian(sum)
    }
}
