import FledgeCore

/// Numbers as Python writes them.
enum PythonNumber {
    static func value(_ bytes: ArraySlice<UInt8>) -> JSONValue? {
        var text = String(decoding: bytes, as: UTF8.self)
        guard let first = bytes.first, let last = bytes.last else { return nil }
        if text.contains("_") {
            // Underscores stand between digits alone.
            let parts = text.split(separator: "_", omittingEmptySubsequences: false)
            guard parts.allSatisfy({ !$0.isEmpty }), first != 0x5F, last != 0x5F else { return nil }
            text = parts.joined()
        }
        let bytes = Array(text.utf8)
        if bytes.count > 2, bytes[0] == UInt8(ascii: "0"),
            let radix = [UInt8(ascii: "x"): 16, UInt8(ascii: "o"): 8, UInt8(ascii: "b"): 2][
                bytes[1] | 0x20]
        {
            return Int(text.dropFirst(2), radix: radix).map { .integer($0) }
        }
        if bytes.allSatisfy(\.isDigit) {
            let isZero = bytes.allSatisfy { $0 == UInt8(ascii: "0") }
            if bytes[0] == UInt8(ascii: "0"), !isZero { return nil }
            return isZero ? .integer(0) : Int(text).map { .integer($0) } ?? .largeInteger(text)
        }
        let isDecimal = bytes.allSatisfy { $0.isDigit || ".eE+-".utf8.contains($0) }
        guard isDecimal, bytes.contains(where: \.isDigit), last != UInt8(ascii: "e") else {
            return nil
        }
        // Digits may be missing at one side of the point.
        var padded = text
        if bytes[0] == UInt8(ascii: ".") { padded = "0" + padded }
        padded = padded.replacing(".e", by: ".0e").replacing(".E", by: ".0E")
        if last == UInt8(ascii: ".") { padded += "0" }
        return Double(padded).map { .number($0) }
    }

    static func negative(_ value: JSONValue) -> JSONValue {
        switch value {
        case .integer(let value): .integer(-value)
        case .largeInteger(let digits):
            Int("-" + digits).map { .integer($0) } ?? .largeInteger("-" + digits)
        case .number(let value): .number(-value)
        default: value
        }
    }
}

extension UInt8 {
    /// Whether it is an ASCII digit.
    var isDigit: Bool { (0x30...0x39) ~= self }
}
