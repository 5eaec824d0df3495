/// Which characters are the same when case is ignored.
enum CaseFolding {
    /// The set with all characters that differ from one of it by case only.
    static func closure(of set: ScalarSet) -> ScalarSet {
        var result = set
        if set.isASCII {
            // The contractions of split patterns: no need to look through all characters.
            for value in UInt32(0x41)...0x5A {
                let lower = value | 0x20
                guard set.contains(value) || set.contains(lower) else { continue }
                result.insert(value...value)
                result.insert(lower...lower)
                if lower == 0x6B { result.insert(0x212A...0x212A) }
                if lower == 0x73 { result.insert(0x17F...0x17F) }
            }
            return result
        }
        for place in 0..<UnicodeCategory.tableSize
        where set.words[place >> 6] >> UInt64(place & 63) & 1 != 0 {
            let value = UnicodeCategory.scalar(at: place)
            guard let scalar = Unicode.Scalar(value), let key = folded(scalar) else { continue }
            for variant in variants[key] ?? [] { result.insert(variant...variant) }
        }
        return result
    }

    /// The folded form of a character that has one of a single character.
    private static func folded(_ scalar: Unicode.Scalar) -> UInt32? {
        let properties = scalar.properties
        guard properties.changesWhenCaseMapped || properties.isCased else { return nil }
        // Through the capital: the long s and the Kelvin sign have no other way to their letters.
        let upper = single(properties.uppercaseMapping) ?? scalar
        return (single(upper.properties.lowercaseMapping) ?? upper).value
    }

    private static func single(_ text: String) -> Unicode.Scalar? {
        text.unicodeScalars.count == 1 ? text.unicodeScalars.first : nil
    }

    private static let variants: [UInt32: [UInt32]] = {
        var result = [UInt32: [UInt32]]()
        for place in 0..<0x20000 {
            guard let scalar = Unicode.Scalar(UInt32(place)), let key = folded(scalar) else {
                continue
            }
            result[key, default: []].append(UInt32(place))
        }
        return result.filter { $0.value.count > 1 }
    }()
}
