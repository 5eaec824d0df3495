extension JinjaText {
    private static func isCased(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        return properties.isCased
            || properties.isLowercase || properties.isUppercase
            || properties.generalCategory == .titlecaseLetter
    }

    static func uppercase(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { $0 += $1.properties.uppercaseMapping }
    }

    /// Lower case, with the form that sigma has at the end of a word.
    package static func lowercase(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = ""
        for index in scalars.indices { result += lower(scalars, index) }
        return result
    }

    private static func lower(_ scalars: [Unicode.Scalar], _ index: Int) -> String {
        guard scalars[index].value == 0x3A3 else {
            return scalars[index].properties.lowercaseMapping
        }
        func cased(_ indices: some Sequence<Int>) -> Bool {
            for index in indices where !scalars[index].properties.isCaseIgnorable {
                return isCased(scalars[index])
            }
            return false
        }
        let isFinal =
            cased((0..<index).reversed()) && !cased(scalars.indices.dropFirst(index + 1))
        return isFinal ? "\u{3C2}" : "\u{3C3}"
    }

    /// The first character in upper case, the others in lower case.
    static func capitalize(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = ""
        for index in scalars.indices {
            result += index == 0 ? scalars[0].properties.titlecaseMapping : lower(scalars, index)
        }
        return result
    }

    /// `str.title`: upper case after everything that has no case.
    static func title(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = ""
        var afterCased = false
        for index in scalars.indices {
            result +=
                afterCased ? lower(scalars, index) : scalars[index].properties.titlecaseMapping
            afterCased = isCased(scalars[index])
        }
        return result
    }

    static func swapCase(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = ""
        for (index, scalar) in scalars.enumerated() {
            if scalar.properties.isUppercase {
                result += lower(scalars, index)
            } else if scalar.properties.isLowercase {
                result += scalar.properties.uppercaseMapping
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// `casefold`: the full foldings that differ from lower case are those of a few letters.
    static func foldCase(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let upper = scalar.properties.uppercaseMapping
            result +=
                upper.unicodeScalars.count > 1 || scalar.value == 0x3C2
                ? upper.unicodeScalars.reduce(into: "") { $0 += $1.properties.lowercaseMapping }
                : scalar.properties.lowercaseMapping
        }
        return result
    }

    /// `islower` and `isupper`: at least one letter has that case and none has the other.
    static func isLower(_ text: String) -> Bool { hasOnly(text, \.isLowercase, \.isUppercase) }
    static func isUpper(_ text: String) -> Bool { hasOnly(text, \.isUppercase, \.isLowercase) }

    private static func hasOnly(
        _ text: String, _ wanted: KeyPath<Unicode.Scalar.Properties, Bool>,
        _ other: KeyPath<Unicode.Scalar.Properties, Bool>
    ) -> Bool {
        var found = false
        for scalar in text.unicodeScalars {
            if scalar.properties[keyPath: other]
                || scalar.properties.generalCategory == .titlecaseLetter
            {
                return false
            }
            found = found || scalar.properties[keyPath: wanted]
        }
        return found
    }

    static func isTitle(_ text: String) -> Bool {
        var (found, afterCased) = (false, false)
        for scalar in text.unicodeScalars {
            if scalar.properties.isUppercase
                || scalar.properties.generalCategory == .titlecaseLetter
            {
                if afterCased { return false }
                (found, afterCased) = (true, true)
            } else if scalar.properties.isLowercase {
                if !afterCased { return false }
                found = true
            } else {
                afterCased = false
            }
        }
        return found
    }

    static func isAlphabetic(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            true
        default: false
        }
    }

    static func isDecimal(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.numericType == .decimal
    }

    static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.numericType == .decimal || scalar.properties.numericType == .digit
    }

    static func isNumeric(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.numericType != nil
    }

    /// Whether `repr` and `isprintable` show a code point as it is.
    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7F { return scalar.value >= 0x20 }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            return false
        default: return true
        }
    }
}
