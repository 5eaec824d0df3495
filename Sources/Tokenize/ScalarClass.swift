/// What split patterns ask of a character: `\p{L}`, `\p{N}`, `\s`, or none of them.
enum ScalarClass: UInt8 {
    case other, letter, number, space

    /// The Unicode version of the pattern engine in `tokenizers`; later characters are `other`.
    private static let patternVersion = 16

    private static let ascii: [ScalarClass] = (UInt8(0)..<128).map { slow(Unicode.Scalar($0)) }

    /// The class of the scalar at an index of valid UTF-8, and the index after it.
    @inline(__always)
    static func read(
        _ bytes: UnsafeBufferPointer<UInt8>, at index: Int
    ) -> (kind: ScalarClass, next: Int) {
        let byte = bytes[index]
        if byte < 0x80 { return (ascii[Int(byte)], index + 1) }
        let (scalar, next) = decode(bytes, at: index)
        return (slow(scalar), next)
    }

    /// The scalar at an index of valid UTF-8, and the index after it.
    static func decode(
        _ bytes: UnsafeBufferPointer<UInt8>, at index: Int
    ) -> (scalar: Unicode.Scalar, next: Int) {
        let byte = bytes[index]
        let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
        var value = UInt32(length == 1 ? byte : byte & (0xFF >> UInt8(length + 1)))
        for offset in 1..<max(length, 1) where index + offset < bytes.count {
            value = value << 6 | UInt32(bytes[index + offset] & 0x3F)
        }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", min(index + length, bytes.count))
    }

    private static func slow(_ scalar: Unicode.Scalar) -> ScalarClass {
        let properties = scalar.properties
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            return isOld(properties) ? .letter : .other
        case .decimalNumber, .letterNumber, .otherNumber:
            return isOld(properties) ? .number : .other
        default: return properties.isWhitespace ? .space : .other
        }
    }

    private static func isOld(_ properties: Unicode.Scalar.Properties) -> Bool {
        properties.age.map { $0.major <= patternVersion } ?? false
    }

    /// Rust's `char::is_numeric`, which the Digits stage asks; it knows newer characters.
    static func isNumeric(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 128 { return scalar.value >= 0x30 && scalar.value <= 0x39 }
        switch scalar.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }

    /// `\w` as word borders of added tokens ask it.
    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
            return true
        default: return properties.isAlphabetic || scalar == "\u{200C}" || scalar == "\u{200D}"
        }
    }
}
