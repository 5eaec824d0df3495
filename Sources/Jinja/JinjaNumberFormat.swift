#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// How Python lays out a number or a text in a field.
struct JinjaNumberFormat {
    enum Alignment { case left, right, center, afterSign }

    var fill: Unicode.Scalar = " "
    var alignment: Alignment?
    /// `+` or a space before numbers that are not negative.
    var sign: Unicode.Scalar?
    var isAlternate = false
    var fillsZeros = false
    var width = 0
    /// What separates groups of digits.
    var grouping: Unicode.Scalar?
    var precision: Int?
    /// Whether texts stand at the right end of their field, as with `%`.
    var alignsTextRight = false

    /// A text that is not longer than the precision.
    func shortened(_ text: String) -> String {
        guard let precision, precision < JinjaText.length(text) else { return text }
        return text.withBytes {
            JinjaText.make($0[..<JinjaText.offset(ofScalar: precision, $0)])
        }
    }

    /// The text in a field of the width.
    func padded(_ text: String, numeric: Bool, _ rendering: JinjaRendering) throws -> String {
        let missing = width - JinjaText.length(text)
        guard missing > 0 else { return text }
        try rendering.charge(bytes: width, times: 4)
        let zeros = fillsZeros && alignment == nil && numeric
        let fill = String(Character(zeros ? "0" : self.fill))
        let place = zeros ? .afterSign : alignment ?? (numeric || alignsTextRight ? .right : .left)
        func filled(_ count: Int) -> String { String(repeating: fill, count: count) }
        switch place {
        case .left: return text + filled(missing)
        case .right: return filled(missing) + text
        case .center: return filled(missing / 2) + text + filled(missing - missing / 2)
        case .afterSign:
            var end = 0
            let bytes = Array(text.utf8)
            if let first = bytes.first, "+- ".utf8.contains(first) { end = 1 }
            if bytes.count > end + 1, bytes[end] == UInt8(ascii: "0"),
                "xXob".utf8.contains(bytes[end + 1])
            {
                end += 2
            }
            return JinjaText.part(text, 0..<end) + filled(missing)
                + JinjaText.part(text, end..<bytes.count)
        }
    }

    private func grouped(_ digits: String, by size: Int) -> String {
        guard let grouping else { return digits }
        var result = [UInt8]()
        for (index, digit) in digits.utf8.enumerated() {
            if index > 0, (digits.utf8.count - index) % size == 0 {
                result.append(UInt8(truncatingIfNeeded: grouping.value))
            }
            result.append(digit)
        }
        return String(decoding: result, as: UTF8.self)
    }

    private func signed(_ digits: String, isNegative: Bool) -> String {
        isNegative ? "-" + digits : (sign.map { String(Character($0)) } ?? "") + digits
    }

    /// A whole number in one of the types `d`, `b`, `o`, `x` and `X`.
    func integer(
        _ value: Int, type: Unicode.Scalar, _ rendering: JinjaRendering
    ) throws -> String {
        let radix = type == "b" ? 2 : type == "o" ? 8 : type == "d" ? 10 : 16
        var digits = String(value.magnitude, radix: radix, uppercase: type == "X")
        if let precision, precision > digits.utf8.count {
            try rendering.charge(bytes: precision)
            digits = String(repeating: "0", count: precision - digits.utf8.count) + digits
        }
        digits = grouped(digits, by: radix == 10 ? 3 : 4)
        if isAlternate, radix != 10 { digits = "0\(Character(type))" + digits }
        return try padded(signed(digits, isNegative: value < 0), numeric: true, rendering)
    }

    /// A number in one of the types `e`, `f`, `g` and `%`, or as Python prints it.
    func float(
        _ value: Double, type: Unicode.Scalar?, _ rendering: JinjaRendering
    ) throws -> String {
        let isPercent = type == "%"
        let magnitude = value.magnitude * (isPercent ? 100 : 1)
        var digits: String
        if !magnitude.isFinite {
            digits = magnitude.isNaN ? "nan" : "inf"
            if let type, type.properties.isUppercase { digits = JinjaText.uppercase(digits) }
        } else if let code = isPercent ? "f" : type ?? (precision == nil ? nil : "g") {
            let precision = min(precision ?? 6, 4096)
            try rendering.charge(bytes: precision)
            digits = JinjaNumberFormat.printed(
                magnitude, "%\(isAlternate ? "#" : "").\(precision)\(Character(code))")
            // Without a type a number always looks like a float.
            if type == nil, !digits.utf8.contains(where: { ".en".utf8.contains($0) }) {
                digits += ".0"
            }
        } else {
            digits = JinjaPrinter.text(of: magnitude)
        }
        if grouping != nil {
            let whole = digits.utf8.prefix { $0 >= 0x30 && $0 <= 0x39 }.count
            digits =
                grouped(JinjaText.part(digits, 0..<whole), by: 3)
                + JinjaText.part(digits, whole..<digits.utf8.count)
        }
        let isNegative = value.sign == .minus && !value.isNaN
        return try padded(
            signed(digits + (isPercent ? "%" : ""), isNegative: isNegative), numeric: true,
            rendering)
    }

    /// The digits with a fixed number of places after the point.
    static func fixed(_ value: Double, _ places: Int) -> String {
        printed(value, "%.\(places)f")
    }

    private static func printed(_ value: Double, _ format: String) -> String {
        withVaList([value]) { list in
            // The longest double has 309 digits before the point.
            var buffer = [CChar](repeating: 0, count: 4608)
            let count = vsnprintf(&buffer, buffer.count, format, list)
            return String(
                decoding: buffer.prefix(max(Int(count), 0)).map { UInt8(bitPattern: $0) },
                as: UTF8.self)
        }
    }
}
