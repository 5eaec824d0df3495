/// Writes JSON with the conventions of Python's `json.dumps`.
///
/// Non-ASCII text is not escaped; numbers have their shortest digits that read back the same.
public struct JSONWriter {
    /// How the text is laid out.
    public struct Style: Hashable, Sendable {
        /// Spaces per level; `nil` keeps everything on one line.
        public var indent: Int?
        /// Whether members are written in the order of their keys' bytes.
        public var sortsKeys: Bool
        /// What stands between items on one line.
        public var itemSeparator: String
        /// What stands between a key and its value.
        public var keySeparator: String

        /// Creates a style; Python's defaults for what is left out.
        public init(
            indent: Int? = nil, sortsKeys: Bool = false, itemSeparator: String? = nil,
            keySeparator: String = ": "
        ) {
            self.indent = indent
            self.sortsKeys = sortsKeys
            self.itemSeparator = itemSeparator ?? (indent == nil ? ", " : ",")
            self.keySeparator = keySeparator
        }

        /// `{"a": [1, 2]}`: what `json.dumps` writes by default.
        public static let compact = Style()
        /// `{"a":[1,2]}`: no spaces at all.
        public static let dense = Style(itemSeparator: ",", keySeparator: ":")
        /// Two spaces a level.
        public static let indented = Style(indent: 2)
    }

    private let style: Style
    private var bytes = [UInt8]()

    init(_ style: Style) { self.style = style }

    /// The UTF-8 bytes of a value.
    public static func bytes(of value: JSONValue, _ style: Style = .compact) -> [UInt8] {
        var writer = JSONWriter(style)
        writer.write(value, level: 0)
        return writer.bytes
    }

    private mutating func write(_ value: JSONValue, level: Int) {
        switch value {
        case .null: put("null")
        case .bool(let value): put(value ? "true" : "false")
        case .integer(let value): put(value)
        case .largeInteger(let digits): put(digits)
        case .number(let value): put(JSONWriter.text(of: value))
        case .string(let value): write(value)
        case .array(let items):
            list("[", "]", items, level: level) { $0.write($1, level: level + 1) }
        case .object(let members):
            let ordered =
                style.sortsKeys
                ? members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) } : members
            list("{", "}", ordered, level: level) {
                $0.write($1.key)
                $0.put($0.style.keySeparator)
                $0.write($1.value, level: level + 1)
            }
        }
    }

    private mutating func list<Item>(
        _ open: String, _ close: String, _ items: [Item], level: Int,
        _ body: (inout JSONWriter, Item) -> Void
    ) {
        put(open)
        for (index, item) in items.enumerated() {
            if index > 0 { put(style.itemSeparator) }
            newLine(level + 1)
            body(&self, item)
        }
        if !items.isEmpty { newLine(level) }
        put(close)
    }

    private mutating func newLine(_ level: Int) {
        guard let indent = style.indent else { return }
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: indent * level))
    }

    /// Writes digits where they stand: token ids are most of what is written.
    private mutating func put(_ value: Int) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var (rest, first) = (value.magnitude, bytes.count)
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        var last = bytes.count - 1
        while first < last {
            bytes.swapAt(first, last)
            (first, last) = (first + 1, last - 1)
        }
    }

    private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): put("\\\"")
            case UInt8(ascii: "\\"): put("\\\\")
            case 0x0A: put("\\n")
            case 0x0D: put("\\r")
            case 0x09: put("\\t")
            case 0x08: put("\\b")
            case 0x0C: put("\\f")
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                put("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// The digits that Python's `repr` gives: shortest, an exponent below 1e-4 and from 1e16 on.
    public static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
        // Swift prints the same shortest digits; only where the point goes differs.
        let parts = value.magnitude.description.split(separator: "e")
        var digits = [UInt8]()
        var point = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        var seenPoint = false
        for byte in parts[0].utf8 {
            if byte == UInt8(ascii: ".") {
                seenPoint = true
            } else {
                digits.append(byte)
                if !seenPoint { point += 1 }
            }
        }
        while digits.first == UInt8(ascii: "0") {
            digits.removeFirst()
            point -= 1
        }
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        func text(_ slice: some Sequence<UInt8>) -> String {
            String(decoding: Array(slice), as: UTF8.self)
        }
        let sign = value < 0 ? "-" : ""
        if point > 16 || point < -3 {
            let exponent = point - 1
            let fraction = digits.count > 1 ? "." + text(digits.dropFirst()) : ""
            let size = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
            return sign + text(digits.prefix(1)) + fraction + (exponent < 0 ? "e-" : "e+") + size
        }
        if point <= 0 {
            return sign + "0." + String(repeating: "0", count: -point) + text(digits)
        }
        let zeros = String(repeating: "0", count: max(point - digits.count, 0))
        let fraction = digits.count > point ? text(digits.dropFirst(point)) : "0"
        return sign + text(digits.prefix(point)) + zeros + "." + fraction
    }
}

extension JSONValue {
    /// The value as text.
    public func serialized(_ style: JSONWriter.Style = .compact) -> String {
        String(decoding: JSONWriter.bytes(of: self, style), as: UTF8.self)
    }
}
