/// Unicode's general categories, as bits of a mask.
enum UnicodeCategory {
    /// The short names in the order of their bits.
    static let names = [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
        "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
    ]
    static let unassigned: UInt8 = 29
    static let privateUse: UInt8 = 28

    /// The bits of a name such as `L`, `Lu` or `Letter`; `nil` for a name that is none.
    static func mask(named name: String) -> UInt32? {
        let short = longNames[name.lowercased()] ?? name
        let bits = names.enumerated().filter {
            $0.element.lowercased() == short.lowercased()
                || short.utf8.count == 1
                    && $0.element.lowercased().hasPrefix(short.lowercased())
        }
        return bits.isEmpty ? nil : bits.reduce(0) { $0 | 1 << UInt32($1.offset) }
    }

    private static let longNames = [
        "letter": "L", "mark": "M", "number": "N", "punctuation": "P", "punct": "P", "symbol": "S",
        "separator": "Z", "other": "C", "uppercase_letter": "Lu", "lowercase_letter": "Ll",
        "titlecase_letter": "Lt", "modifier_letter": "Lm", "other_letter": "Lo",
        "nonspacing_mark": "Mn", "spacing_mark": "Mc", "enclosing_mark": "Me",
        "decimal_number": "Nd", "letter_number": "Nl", "other_number": "No",
    ]

    static let letters = mask("L"), marks = mask("M"), numbers = mask("N"), punctuation = mask("P")

    private static func mask(_ name: String) -> UInt32 { mask(named: name) ?? 0 }

    /// The bit of a scalar.
    static func bit(of scalar: Unicode.Scalar) -> UInt8 {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: privateUse
        case .unassigned: unassigned
        @unknown default: unassigned
        }
    }

    /// Places of a table over all scalars: planes 0 to 3, the start of plane 14, and one place each
    /// for what is private and what is unassigned beyond.
    static let tableSize = 0x41040

    /// The place of a scalar.
    @inline(__always)
    static func place(_ value: UInt32) -> Int {
        if value < 0x40000 { return Int(value) }
        if value >= 0xE0000, value < 0xE1000 { return Int(value - 0xE0000) + 0x40000 }
        return value >= 0xF0000 && value & 0xFFFF < 0xFFFE ? 0x41001 : 0x41000
    }

    /// A scalar of a place.
    static func scalar(at place: Int) -> UInt32 {
        if place < 0x40000 { return UInt32(place) }
        if place < 0x41000 { return UInt32(place - 0x40000 + 0xE0000) }
        return place == 0x41001 ? 0xF0000 : 0x40000
    }

    /// The categories of all places, in the Unicode version of the pattern engines of `tokenizers`
    /// and `tiktoken`; later characters are unassigned.
    static let table: [UInt8] = {
        var table = [UInt8](repeating: unassigned, count: tableSize)
        var place = 0
        while place < tableSize {
            let value = scalar(at: place)
            // Long blocks of one category need no look-up of each character.
            if let (end, bit) = blocks[value] {
                for inside in place...place + Int(end - value) { table[inside] = bit }
                place += Int(end - value) + 1
                continue
            }
            if let scalar = Unicode.Scalar(value) {
                let bit = UnicodeCategory.bit(of: scalar)
                if bit != unassigned, bit == privateUse || isKnown(scalar, to: 16) {
                    table[place] = bit
                }
            } else {
                table[place] = 27
            }
            place += 1
        }
        return table
    }()

    private static let blocks: [UInt32: (UInt32, UInt8)] = [
        0x3400: (0x4DBF, 4), 0x4E00: (0x9FFF, 4), 0xAC00: (0xD7A3, 4), 0xD800: (0xDFFF, 27),
        0xE000: (0xF8FF, 28), 0x17000: (0x187F7, 4), 0x20000: (0x2A6DF, 4),
        0x2A700: (0x2B739, 4), 0x2B740: (0x2B81D, 4), 0x2B820: (0x2CEA1, 4),
        0x2CEB0: (0x2EBE0, 4), 0x30000: (0x3134A, 4), 0x31350: (0x323AF, 4),
        0x32400: (0x3FFFF, 29),
    ]

    /// Whether a scalar is assigned in a version of Unicode.
    static func isKnown(_ scalar: Unicode.Scalar, to version: Int) -> Bool {
        scalar.properties.age.map { $0.major <= version } ?? false
    }
}
