/// The escape sequences of string literals, as Python's `unicode-escape` reads them.
enum JinjaEscapes {
    static func decoded(_ bytes: ArraySlice<UInt8>, at place: Int) throws -> String {
        guard bytes.contains(UInt8(ascii: "\\")) else {
            return String(decoding: bytes, as: UTF8.self)
        }
        var result = [UInt8]()
        var index = bytes.startIndex
        func append(_ value: UInt32) {
            result.append(contentsOf: String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
        }
        while index < bytes.endIndex {
            guard bytes[index] == UInt8(ascii: "\\") else {
                result.append(bytes[index])
                index += 1
                continue
            }
            guard index + 1 < bytes.endIndex else {
                throw JinjaError(.syntax, "\\ at end of string", at: place)
            }
            let code = bytes[index + 1]
            index += 2
            switch code {
            case 0x0A: break
            case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(code)
            case UInt8(ascii: "a"): result.append(0x07)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "v"): result.append(0x0B)
            case 0x30...0x37:
                var value = UInt32(code - 0x30)
                var count = 1
                while count < 3, index < bytes.endIndex, (0x30...0x37).contains(bytes[index]) {
                    value = value << 3 | UInt32(bytes[index] - 0x30)
                    (index, count) = (index + 1, count + 1)
                }
                append(value)
            case UInt8(ascii: "x"), UInt8(ascii: "u"), UInt8(ascii: "U"):
                let count = code == UInt8(ascii: "x") ? 2 : code == UInt8(ascii: "u") ? 4 : 8
                let digits = bytes[index...].prefix(count)
                guard digits.count == count,
                    let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
                    digits.first != UInt8(ascii: "+"), value <= 0x10FFFF
                else {
                    throw JinjaError(
                        .syntax, "truncated \\\(UnicodeScalar(code)) escape in a string",
                        at: place)
                }
                index += count
                append(value)
            case UInt8(ascii: "N"):
                throw JinjaError(.syntax, "malformed \\N character escape", at: place)
            case 0x80...:
                // Jinja spells such characters out before it looks for escapes, so that the
                // backslash before one escapes that of its spelling.
                let (scalar, count) = bytes.withUnsafeBufferPointer {
                    JinjaText.scalar($0, at: index - 1 - bytes.startIndex)
                }
                index += count - 1
                let value = scalar.value
                let (letter, digits) =
                    value < 0x100 ? ("x", 2) : value < 0x10000 ? ("u", 4) : ("U", 8)
                result.append(
                    contentsOf: ("\\" + letter + JinjaPrinter.hexadecimal(value, digits: digits))
                        .utf8)
            default: result.append(contentsOf: [UInt8(ascii: "\\"), code])
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
