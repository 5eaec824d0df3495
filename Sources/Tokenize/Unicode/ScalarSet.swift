/// A set of characters, a bit each.
struct ScalarSet: Hashable, Sendable {
    static let wordCount = UnicodeCategory.tableSize / 64
    private(set) var words: [UInt64]

    /// The empty set.
    init() { words = Array(repeating: 0, count: ScalarSet.wordCount) }

    /// What a test accepts.
    init(where accepts: (Unicode.Scalar) -> Bool) {
        self.init()
        for place in 0..<UnicodeCategory.tableSize {
            if let scalar = Unicode.Scalar(UnicodeCategory.scalar(at: place)), accepts(scalar) {
                words[place >> 6] |= 1 << UInt64(place & 63)
            }
        }
    }

    /// The characters of some general categories.
    init(categories mask: UInt32) {
        self.init()
        UnicodeCategory.table.withUnsafeBufferPointer { table in
            for word in 0..<ScalarSet.wordCount {
                var bits: UInt64 = 0
                for bit in 0..<64 where mask >> UInt32(table[word << 6 + bit]) & 1 != 0 {
                    bits |= 1 << UInt64(bit)
                }
                words[word] = bits
            }
        }
    }

    /// The characters of some ranges.
    init(_ ranges: ClosedRange<UInt32>...) {
        self.init()
        for range in ranges { insert(range) }
    }

    /// Adds a range of characters.
    mutating func insert(_ range: ClosedRange<UInt32>) {
        for place in [
            range.clamped(to: 0...0x3FFFF), range.clamped(to: 0xE0000...0xE0FFF),
        ] {
            guard range.overlaps(place) else { continue }
            let (first, last) = (
                UnicodeCategory.place(place.lowerBound), UnicodeCategory.place(place.upperBound)
            )
            for index in first...last { words[index >> 6] |= 1 << UInt64(index & 63) }
        }
        // Beyond the table characters count as a whole.
        if range.overlaps(0x40000...0xDFFFF) { words[0x41000 >> 6] |= 1 }
        if range.overlaps(0xF0000...0x10FFFF) { words[0x41000 >> 6] |= 2 }
    }

    /// Whether a character is in the set.
    func contains(_ value: UInt32) -> Bool {
        let place = UnicodeCategory.place(value)
        return words[place >> 6] >> UInt64(place & 63) & 1 != 0
    }

    /// Whether all of its characters are ASCII.
    var isASCII: Bool { words[2...].allSatisfy { $0 == 0 } }

    func union(_ other: ScalarSet) -> ScalarSet { combined(other, |) }
    func intersection(_ other: ScalarSet) -> ScalarSet { combined(other, &) }

    /// All other characters.
    var complement: ScalarSet {
        var result = self
        for index in result.words.indices { result.words[index] = ~result.words[index] }
        return result
    }

    private func combined(
        _ other: ScalarSet, _ operation: (UInt64, UInt64) -> UInt64
    ) -> ScalarSet {
        var result = self
        for index in result.words.indices {
            result.words[index] = operation(words[index], other.words[index])
        }
        return result
    }

    /// `\s`: Unicode's white space.
    static let space = ScalarSet(
        9...13, 0x20...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A,
        0x2028...0x2029, 0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000)

    /// `\w` of Rust's pattern engines.
    static let word = ScalarSet(where: { isWord($0) && UnicodeCategory.isKnown($0, to: 16) })

    /// `\w` of Oniguruma, which takes Latin-1's other numbers in and leaves joiners out.
    static let onigurumaWord = word.intersection(ScalarSet(0x200C...0x200D).complement).union(
        ScalarSet(0xB2...0xB3, 0xB9...0xB9, 0xBC...0xBE))

    /// `\w` as word borders of added tokens ask it.
    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
            return true
        default: return properties.isAlphabetic || scalar == "\u{200C}" || scalar == "\u{200D}"
        }
    }

    /// Rust's `char::is_numeric`, which knows newer characters than the pattern engines.
    static let numeric = ScalarSet(where: { scalar in
        switch scalar.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    })

    /// Punctuation as BERT's stages see it: by categories of Unicode 8, and all ASCII symbols.
    static let bertPunctuation = ScalarSet(where: { scalar in
        if scalar.value < 128 {
            return (0x21...0x2F).contains(scalar.value) || (0x3A...0x40).contains(scalar.value)
                || (0x5B...0x60).contains(scalar.value) || (0x7B...0x7E).contains(scalar.value)
        }
        // Two that have changed their category since.
        if scalar.value == 0x166D || scalar.value == 0x111C9 { return true }
        let bit = UnicodeCategory.bit(of: scalar)
        return UnicodeCategory.punctuation >> UInt32(bit) & 1 != 0
            && UnicodeCategory.isKnown(scalar, to: 8)
    })
}

/// Reading of UTF-8 that is known to be valid.
enum UTF8Text {
    /// Number of bytes of the character that begins with a byte.
    @inline(__always)
    static func length(_ first: UInt8) -> Int {
        first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    }

    /// The character at an index, and the index after it.
    @inline(__always)
    static func decode(
        _ bytes: UnsafeBufferPointer<UInt8>, at index: Int
    ) -> (value: UInt32, next: Int) {
        let first = bytes[index]
        if first < 0x80 { return (UInt32(first), index + 1) }
        let length = length(first)
        // Cut characters, which valid text does not have, end with the text.
        guard index + length <= bytes.count else { return (0xFFFD, bytes.count) }
        let second = UInt32(bytes[index + 1] & 0x3F)
        if length == 2 { return (UInt32(first & 0x1F) << 6 | second, index + 2) }
        let third = UInt32(bytes[index + 2] & 0x3F)
        if length == 3 {
            return (UInt32(first & 0x0F) << 12 | second << 6 | third, index + 3)
        }
        let fourth = UInt32(bytes[index + 3] & 0x3F)
        return (
            UInt32(first & 0x07) << 18 | second << 12 | third << 6 | fourth, index + 4
        )
    }

    /// The index of the character before an index.
    @inline(__always)
    static func previous(_ bytes: UnsafeBufferPointer<UInt8>, before index: Int) -> Int {
        var index = index - 1
        while index > 0, bytes[index] & 0xC0 == 0x80 { index -= 1 }
        return index
    }

    /// Appends a character.
    static func append(_ value: UInt32, to bytes: inout [UInt8]) {
        switch value {
        case 0..<0x80: bytes.append(UInt8(value))
        case 0..<0x800:
            bytes.append(UInt8(0xC0 | value >> 6))
            bytes.append(UInt8(0x80 | value & 0x3F))
        case 0..<0x10000:
            bytes.append(UInt8(0xE0 | value >> 12))
            bytes.append(UInt8(0x80 | value >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | value & 0x3F))
        default:
            bytes.append(UInt8(0xF0 | value >> 18 & 7))
            bytes.append(UInt8(0x80 | value >> 12 & 0x3F))
            bytes.append(UInt8(0x80 | value >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | value & 0x3F))
        }
    }
}
