extension JinjaFilter {
    /// The filters that make numbers.
    func number(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        switch self {
        case .abs:
            try none(arguments)
            switch value {
            case .float(let value): return .float(value.magnitude)
            case .large(let digits):
                return .large(
                    digits.utf8.first == UInt8(ascii: "-") ? String(digits.dropFirst()) : digits)
            default:
                guard let int = value.int else {
                    throw JinjaError(.type, "bad operand type for abs(): '\(value.typeName)'")
                }
                return int < 0 ? try JinjaArithmetic.negated(.integer(int)) : .integer(int)
            }
        case .int:
            let values = try arguments.bind(rawValue, ["default", "base"])
            return try whole(value, base: values[1].int(10)) ?? values[0] ?? .integer(0)
        case .float:
            let fallback = try arguments.bind(rawValue, ["default"])[0] ?? .float(0)
            if case .undefined(let value) = value { throw value.error }
            if let text = value.string {
                return JinjaFilter.double(text).map { .float($0) } ?? fallback
            }
            return value.double.map { .float($0) } ?? fallback
        case .round: return try rounded(value, arguments)
        case .sum:
            let values = try arguments.bind(rawValue, ["attribute", "start"])
            let path = try values[0].given.map { try JinjaAttributePath($0) }
            var total = values[1] ?? .integer(0)
            if total.string != nil {
                throw JinjaError(.type, "sum() can't sum strings [use ''.join(seq) instead]")
            }
            let iterator = try value.makeIterator()
            while let item = try iterator.next() {
                try rendering.step()
                total = try JinjaArithmetic.apply(
                    .add, total, path?.value(of: item) ?? item, rendering)
            }
            return total
        default: return .text(try fileSize(value, arguments, rendering))
        }
    }

    /// Python's `int()`, and of texts with a fraction what is before it.
    private func whole(_ value: JinjaValue, base: Int) throws -> JinjaValue? {
        switch value {
        case .undefined(let value): throw value.error
        case .float(let value):
            guard value.isFinite else { return nil }
            guard let int = Int(exactly: value.rounded(.towardZero)) else {
                throw JinjaArithmetic.tooLarge
            }
            return .integer(int)
        case .large: return value
        case .text(let text), .markup(let text):
            if let int = JinjaFilter.integer(text, base: base) { return int }
            guard let double = JinjaFilter.double(text), double.isFinite else { return nil }
            guard let int = Int(exactly: double.rounded(.towardZero)) else {
                throw JinjaArithmetic.tooLarge
            }
            return .integer(int)
        default: return value.int.map { .integer($0) }
        }
    }

    /// Digits with single underscores between them.
    private static func plain(_ text: String) -> String? {
        let bytes = Array(JinjaText.strip(text).utf8)
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "_") {
            func isDigit(_ index: Int) -> Bool {
                guard bytes.indices.contains(index) else { return false }
                let byte = bytes[index]
                return byte >= 0x30 && byte <= 0x39
                    || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A
            }
            guard isDigit(index - 1), isDigit(index + 1) else { return nil }
        }
        return String(decoding: bytes.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    }

    private static func integer(_ text: String, base: Int) -> JinjaValue? {
        guard base == 0 || (2...36).contains(base), var digits = plain(text) else { return nil }
        var sign = ""
        if let first = digits.utf8.first, first == 0x2B || first == 0x2D {
            sign = first == 0x2D ? "-" : ""
            digits = JinjaText.part(digits, 1..<digits.utf8.count)
        }
        var base = base
        let prefixes = ["0x": 16, "0o": 8, "0b": 2]
        if let prefixed = prefixes[JinjaText.lowercase(String(digits.prefix(2)))],
            base == 0 || base == prefixed
        {
            base = prefixed
            digits = JinjaText.part(digits, 2..<digits.utf8.count)
        } else if base == 0 {
            base = 10
        }
        guard let first = digits.utf8.first, first != 0x2B, first != 0x2D else { return nil }
        if let value = Int(sign + digits, radix: base) { return .integer(value) }
        let isDecimal = base == 10 && digits.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        return isDecimal ? .large(sign + String(digits.drop { $0 == "0" })) : nil
    }

    static func double(_ text: String) -> Double? {
        guard let digits = plain(text) else { return nil }
        switch JinjaText.lowercase(digits) {
        case "inf", "+inf", "infinity", "+infinity": return .infinity
        case "-inf", "-infinity": return -.infinity
        case "nan", "+nan", "-nan": return .nan
        default: break
        }
        let allowed = digits.utf8.allSatisfy {
            $0 >= 0x30 && $0 <= 0x39 || "+-.eE".utf8.contains($0)
        }
        return allowed ? Double(digits) : nil
    }

    private func rounded(_ value: JinjaValue, _ arguments: JinjaArguments) throws -> JinjaValue {
        let values = try arguments.bind(rawValue, ["precision", "method"])
        let precision = try values[0].int(0)
        let method = values[1]?.string ?? "common"
        guard ["common", "ceil", "floor"].contains(method) else {
            throw JinjaError(.arguments, "method must be common, ceil or floor")
        }
        guard let number = value.double else {
            throw JinjaError(
                .type, "type \(value.typeName) doesn't define __round__ method")
        }
        if method == "common" {
            if case .large = value, precision >= 0 { return value }
            if let int = value.int {
                guard precision < 0 else { return .integer(int) }
                guard precision > -18 else { return .integer(0) }
                let unit = (0..<(-precision)).reduce(1) { unit, _ in unit * 10 }
                let scaled = (Double(int) / Double(unit)).rounded(.toNearestOrEven)
                return .integer(Int(scaled) * unit)
            }
            return .float(JinjaFilter.rounded(number, precision))
        }
        let factor = try JinjaArithmetic.apply10(precision)
        let scaled = number * factor
        guard scaled.isFinite else {
            throw JinjaError(.overflow, "cannot convert float infinity to integer")
        }
        return .float(scaled.rounded(method == "ceil" ? .up : .down) / factor)
    }

    /// Rounds at a decimal digit: the exact value decides, and halves go to the even digit.
    private static func rounded(_ value: Double, _ precision: Int) -> Double {
        guard value.isFinite, precision < 300 else { return value }
        guard precision > -309 else { return value.sign == .minus ? -0.0 : 0 }
        if precision <= 0 {
            let unit = (0..<(-precision)).reduce(1.0) { unit, _ in unit * 10 }
            return (value / unit).rounded(.toNearestOrEven) * unit
        }
        return Double(JinjaNumberFormat.fixed(value, precision)) ?? value
    }

    private func fileSize(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> String {
        let isBinary = try arguments.bind(rawValue, ["binary"])[0].bool(false)
        if case .undefined(let value) = value { throw value.error }
        guard let size = value.string.map(JinjaFilter.double) ?? value.double else {
            throw JinjaError(
                value.string == nil ? .type : .value,
                "could not convert the value to a size in bytes")
        }
        let base: Double = isBinary ? 1024 : 1000
        if size == 1 { return "1 Byte" }
        if size < base { return "\(Int(exactly: size.rounded(.towardZero)) ?? 0) Bytes" }
        let letters = isBinary ? "KMGTPEZY" : "kMGTPEZY"
        var (unit, suffix) = (base, "")
        for letter in letters.unicodeScalars {
            suffix = String(letter) + (isBinary ? "iB" : "B")
            unit *= base
            if size < unit { break }
        }
        return JinjaNumberFormat.fixed(base * size / unit, 1) + " " + suffix
    }
}

extension JinjaArithmetic {
    /// Ten to a power, as a float.
    static func apply10(_ exponent: Int) throws -> Double {
        guard Swift.abs(exponent) < 300 else {
            throw JinjaError(.overflow, "int too large to convert to float")
        }
        let power = (0..<Swift.abs(exponent)).reduce(1.0) { power, _ in power * 10 }
        return exponent < 0 ? 1 / power : power
    }
}
