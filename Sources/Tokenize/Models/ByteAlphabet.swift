/// GPT-2's way to write any bytes as printable text: each byte has a character of its own.
enum ByteAlphabet {
    /// The scalar of each byte.
    static let scalars: [UInt16] = {
        var free: UInt16 = 256
        return (UInt16(0)..<256).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
            default:
                defer { free += 1 }
                return free
            }
        }
    }()

    /// The byte of each scalar below 324; -1 where there is none.
    nonisolated(unsafe) private static let byteOfScalar: UnsafePointer<Int16> = {
        // Memory that lives as long as the process: the table is read for each character of a file.
        let table = UnsafeMutablePointer<Int16>.allocate(capacity: 324)
        table.initialize(repeating: -1, count: 324)
        for (byte, scalar) in scalars.enumerated() { table[Int(scalar)] = Int16(byte) }
        return UnsafePointer(table)
    }()

    /// Appends the UTF-8 of a byte's character.
    static func append(_ byte: UInt8, to text: inout [UInt8]) {
        UTF8Text.append(UInt32(scalars[Int(byte)]), to: &text)
    }

    /// The written form of some bytes.
    static func written(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var text = [UInt8]()
        for byte in bytes { append(byte, to: &text) }
        return text
    }

    /// Calls with the bytes of a token's written form; `nil` when a character is from outside.
    @inline(__always)
    static func withBytes<Result>(
        of token: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>?) throws -> Result
    ) rethrows -> Result {
        try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(token.count, 1)) { bytes in
            let table = byteOfScalar
            var (index, count) = (0, 0)
            while index < token.count {
                var scalar = Int(token[index])
                index += 1
                if scalar >= 0x80 {
                    guard scalar & 0xE0 == 0xC0, index < token.count else { return try body(nil) }
                    scalar = (scalar & 0x1F) << 6 | Int(token[index] & 0x3F)
                    index += 1
                }
                guard scalar < 324, table[scalar] >= 0 else { return try body(nil) }
                bytes[count] = UInt8(table[scalar])
                count += 1
            }
            return try body(UnsafeBufferPointer(rebasing: bytes[..<count]))
        }
    }

    /// The bytes of a token's written form.
    ///
    /// A token with any character from outside the alphabet stands for its own UTF-8, as the
    /// ByteLevel decoder of `tokenizers` has it.
    static func bytes(of token: [UInt8]) -> [UInt8] {
        token.withUnsafeBufferPointer { written in
            withBytes(of: written) { Array($0 ?? written) }
        }
    }
}
