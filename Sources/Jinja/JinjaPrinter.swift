internal import FledgeCore

/// Writes values as Python's `str` and `repr` do.
struct JinjaPrinter {
    private(set) var text = ""
    /// Bytes that the text may have.
    let limit: Int
    private var depth = 0

    init(limit: Int) { self.limit = limit }

    /// `str(value)`.
    static func string(_ value: JinjaValue, limit: Int) throws -> String {
        switch value {
        case .missing, .undefined: return ""
        case .text(let text), .markup(let text): return text
        case .integer(let value): return String(value)
        default:
            var printer = JinjaPrinter(limit: limit)
            try printer.write(value)
            return printer.text
        }
    }

    /// Writes a container; namespaces may hold each other in circles.
    mutating func nested(_ body: (inout JinjaPrinter) throws -> Void) throws {
        depth += 1
        defer { depth -= 1 }
        guard depth <= JinjaLimits.containerDepth else {
            throw JinjaError(.limit, "Values that hold themselves cannot be printed.")
        }
        try body(&self)
    }

    mutating func put(_ part: String) { text += part }

    /// `repr(value)`.
    mutating func write(_ value: JinjaValue) throws {
        guard text.utf8.count <= limit else {
            throw JinjaError(.limit, "A text is longer than \(limit) bytes.")
        }
        switch value {
        case .missing, .undefined: put("Undefined")
        case .none: put("None")
        case .bool(let value): put(value ? "True" : "False")
        case .integer(let value): put(String(value))
        case .large(let digits): put(digits)
        case .float(let value): put(JinjaPrinter.text(of: value))
        case .text(let text): quote(text)
        case .markup(let text):
            put("Markup(")
            quote(text)
            put(")")
        case .list(let list): try write("[", list.items, "]")
        case .tuple(let list):
            try write("(", list.items, list.items.count == 1 ? ",)" : ")")
        case .dictionary(let dictionary):
            try nested {
                $0.put("{")
                for (index, key) in dictionary.keys.enumerated() {
                    if index > 0 { $0.put(", ") }
                    try $0.write(key)
                    $0.put(": ")
                    try $0.write(dictionary.values[index])
                }
                $0.put("}")
            }
        case .object(let object): try object.write(to: &self)
        }
    }

    mutating func write(_ open: String, _ items: [JinjaValue], _ close: String) throws {
        try nested {
            $0.put(open)
            for (index, item) in items.enumerated() {
                if index > 0 { $0.put(", ") }
                try $0.write(item)
            }
            $0.put(close)
        }
    }

    /// `repr` of a text: single quotes unless only those occur inside.
    mutating func quote(_ value: String) {
        var (hasSingle, hasDouble) = (false, false)
        for byte in value.utf8 {
            hasSingle = hasSingle || byte == UInt8(ascii: "'")
            hasDouble = hasDouble || byte == UInt8(ascii: "\"")
        }
        let quote: Unicode.Scalar = hasSingle && !hasDouble ? "\"" : "'"
        text.unicodeScalars.append(quote)
        for scalar in value.unicodeScalars {
            switch scalar {
            case quote, "\\":
                put("\\")
                text.unicodeScalars.append(scalar)
            case "\n": put("\\n")
            case "\r": put("\\r")
            case "\t": put("\\t")
            default:
                if JinjaText.isPrintable(scalar) {
                    text.unicodeScalars.append(scalar)
                } else if scalar.value < 0x100 {
                    put("\\x" + JinjaPrinter.hexadecimal(scalar.value, digits: 2))
                } else if scalar.value < 0x10000 {
                    put("\\u" + JinjaPrinter.hexadecimal(scalar.value, digits: 4))
                } else {
                    put("\\U" + JinjaPrinter.hexadecimal(scalar.value, digits: 8))
                }
            }
        }
        text.unicodeScalars.append(quote)
    }

    static func hexadecimal(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(digits - text.utf8.count, 0)) + text
    }

    /// `repr` of a float.
    static func text(of value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        return JSONWriter.text(of: value)
    }
}
