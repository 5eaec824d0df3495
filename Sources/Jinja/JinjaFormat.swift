/// HTML escaping of texts, for what is marked as safe, and `%` formatting.
enum JinjaFormat {
    /// What is safe to show in HTML.
    static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { "&<>'\"".utf8.contains($0) }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "'": result += "&#39;"
            case "\"": result += "&#34;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    static func escaped(_ value: JinjaValue, _ rendering: JinjaRendering) throws -> String {
        if case .markup(let text) = value { return text }
        return escaped(try rendering.string(value))
    }

    /// A text argument as a text that is safe or not takes it.
    static func inserted(_ value: JinjaValue, _ isSafe: Bool) throws -> String {
        if case .markup(let text) = value { return text }
        let text = try value.expectText("replace")
        return isSafe ? escaped(text) : text
    }

    /// `format % values`.
    static func percent(
        _ format: String, _ values: JinjaValue, escaping: Bool, _ rendering: JinjaRendering
    ) throws -> String {
        var conversion = PercentConversion(format, values, escaping: escaping, rendering)
        return try conversion.run()
    }
}

/// One run of `%` over a format.
private struct PercentConversion {
    private let scalars: [Unicode.Scalar]
    private let values: JinjaValue
    private let arguments: [JinjaValue]
    private let escaping: Bool
    private let rendering: JinjaRendering
    private var index = 0
    private var used = 0
    private var result = ""

    init(_ format: String, _ values: JinjaValue, escaping: Bool, _ rendering: JinjaRendering) {
        scalars = Array(format.unicodeScalars)
        (self.values, self.escaping, self.rendering) = (values, escaping, rendering)
        if case .tuple(let list) = values { arguments = list.items } else { arguments = [values] }
    }

    private var isMapping: Bool {
        switch values {
        case .dictionary, .list, .undefined: true
        case .object(let object): object.hasItems
        default: false
        }
    }

    private mutating func take() throws -> Unicode.Scalar {
        guard index < scalars.count else { throw JinjaError(.value, "incomplete format") }
        index += 1
        return scalars[index - 1]
    }

    private mutating func argument() throws -> JinjaValue {
        guard used < arguments.count else {
            throw JinjaError(.type, "not enough arguments for format string")
        }
        used += 1
        return arguments[used - 1]
    }

    mutating func run() throws -> String {
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            if scalar == "%" {
                let before = result.utf8.count
                try convert()
                try rendering.charge(bytes: result.utf8.count - before)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        if used < arguments.count, !isMapping {
            throw JinjaError(.type, "not all arguments converted during string formatting")
        }
        return result
    }

    /// The digits of a width or a precision, or the argument that a star takes.
    private mutating func size() throws -> Int? {
        if index < scalars.count, scalars[index] == "*" {
            index += 1
            guard let size = try argument().int else { throw JinjaError(.type, "* wants int") }
            return size
        }
        var size: Int?
        while index < scalars.count, let digit = scalars[index].decimalDigit {
            size = (size ?? 0) * 10 + digit
            guard size ?? 0 < 1 << 24 else { throw JinjaError(.limit, "width too big") }
            index += 1
        }
        return size
    }

    private mutating func convert() throws {
        var key: String?
        if index < scalars.count, scalars[index] == "(" {
            index += 1
            var (name, level) = ("", 1)
            while level > 0 {
                let scalar = try take()
                level += scalar == "(" ? 1 : scalar == ")" ? -1 : 0
                if level > 0 { name.unicodeScalars.append(scalar) }
            }
            guard isMapping else { throw JinjaError(.type, "format requires a mapping") }
            key = name
            used = arguments.count
        }
        var format = JinjaNumberFormat(alignsTextRight: true)
        flags: while index < scalars.count {
            switch scalars[index] {
            case "-": format.alignment = .left
            case "+": format.sign = "+"
            case " ": if format.sign == nil { format.sign = " " }
            case "#": format.isAlternate = true
            case "0": format.fillsZeros = true
            default: break flags
            }
            index += 1
        }
        format.width = try size() ?? 0
        if format.width < 0 { (format.width, format.alignment) = (-format.width, .left) }
        if index < scalars.count, scalars[index] == "." {
            index += 1
            format.precision = try size() ?? 0
        }
        while index < scalars.count, "hlL".unicodeScalars.contains(scalars[index]) { index += 1 }
        let code = try take()
        if code == "%" {
            result += "%"
            return
        }
        let value: JinjaValue
        if let key {
            guard case .dictionary(let dictionary) = values, let found = dictionary.value(key)
            else {
                throw JinjaError(.lookup, JinjaText.quoted(key))
            }
            value = found
        } else {
            value = try argument()
        }
        result += try text(of: value, code, &format)
    }

    private func text(
        of value: JinjaValue, _ code: Unicode.Scalar, _ format: inout JinjaNumberFormat
    ) throws -> String {
        switch code {
        case "s", "r", "a":
            var text =
                code == "s"
                ? escaping ? try JinjaFormat.escaped(value, rendering) : try rendering.string(value)
                : try JinjaPrinter.repr(value)
            if code == "a" { text = JinjaJSON.asciiOnly(text, python: true) }
            if escaping, code != "s" { text = JinjaFormat.escaped(text) }
            return try format.padded(format.shortened(text), numeric: false, rendering)
        case "d", "i", "u", "x", "X", "o":
            if case .undefined(let value) = value { throw value.error }
            var whole = value
            if case .float(let double) = value, "diu".unicodeScalars.contains(code) {
                guard let int = Int(exactly: double.rounded(.towardZero)) else {
                    throw JinjaArithmetic.tooLarge
                }
                whole = .integer(int)
            }
            if case .large(let digits) = whole, "diu".unicodeScalars.contains(code) {
                return try format.padded(digits, numeric: true, rendering)
            }
            guard let int = whole.int else {
                throw JinjaError(
                    .type, "%\(code) format: a real number is required, not \(value.typeName)")
            }
            let type: Unicode.Scalar = "diu".unicodeScalars.contains(code) ? "d" : code
            return try format.integer(int, type: type, rendering)
        case "e", "E", "f", "F", "g", "G":
            if case .undefined(let value) = value { throw value.error }
            guard let double = value.double else {
                throw JinjaError(.type, "must be real number, not \(value.typeName)")
            }
            return try format.float(double, type: code, rendering)
        case "c":
            if let int = value.int, let scalar = UInt32(exactly: int).flatMap(Unicode.Scalar.init) {
                return try format.padded(String(scalar), numeric: false, rendering)
            }
            guard let text = value.string, JinjaText.length(text) == 1 else {
                throw JinjaError(.type, "%c requires int or char")
            }
            return try format.padded(text, numeric: false, rendering)
        default:
            throw JinjaError(
                .value,
                "unsupported format character '\(code)' (0x\(String(code.value, radix: 16))) at "
                    + "index \(index - 1)")
        }
    }
}

extension Unicode.Scalar {
    /// The value of an ASCII digit.
    var decimalDigit: Int? { value >= 0x30 && value <= 0x39 ? Int(value) - 0x30 : nil }
}
