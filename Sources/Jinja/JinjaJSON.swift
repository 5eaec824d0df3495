internal import FledgeCore

/// `tojson` as transformers defines it: `json.dumps` without escapes for HTML.
struct JinjaJSON {
    var ensuresASCII = false
    /// The white space of one level; `nil` keeps everything on one line.
    var indent: String?
    var itemSeparator = ", "
    var keySeparator = ": "
    var sortsKeys = false

    private let rendering: JinjaRendering
    private var bytes = [UInt8]()

    init(_ rendering: JinjaRendering) { self.rendering = rendering }

    /// The text of a value.
    static func text(
        of value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> String {
        let options = try arguments.bind(
            "tojson", ["ensure_ascii", "indent", "separators", "sort_keys"])
        var writer = JinjaJSON(rendering)
        writer.ensuresASCII = options[0].bool(false)
        if let indent = options[1].given {
            if let text = indent.string {
                writer.indent = text
            } else {
                let width = try indent.index()
                try rendering.charge(bytes: max(width, 0))
                writer.indent = String(repeating: " ", count: max(width, 0))
            }
            writer.itemSeparator = ","
        }
        if let separators = options[2].given {
            let parts = try separators.elements(rendering)
            guard parts.count == 2 else {
                throw JinjaError(.value, "separators must be a pair of texts")
            }
            writer.itemSeparator = try parts[0].expectText("separators")
            writer.keySeparator = try parts[1].expectText("separators")
        }
        writer.sortsKeys = options[3].bool(false)
        try writer.write(value, level: 0)
        try rendering.charge(bytes: writer.bytes.count)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private mutating func write(_ value: JinjaValue, level: Int) throws {
        guard bytes.count <= rendering.limits.textBytes else {
            throw JinjaError(
                .limit, "A text is longer than \(rendering.limits.textBytes) bytes.")
        }
        switch value {
        case .none: put("null")
        case .bool(let value): put(value ? "true" : "false")
        case .integer(let value): put(String(value))
        case .large(let digits): put(digits)
        case .float(let value): put(JSONWriter.text(of: value))
        case .text(let text), .markup(let text): quote(text)
        case .list(let list), .tuple(let list):
            put("[")
            for (index, item) in list.items.enumerated() {
                if index > 0 { put(itemSeparator) }
                try newLine(level + 1)
                try write(item, level: level + 1)
            }
            if !list.items.isEmpty { try newLine(level) }
            put("]")
        case .dictionary(let dictionary): try write(dictionary, level: level)
        case .missing, .undefined, .object:
            throw JinjaError(
                .type, "Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private mutating func write(_ dictionary: JinjaDictionary, level: Int) throws {
        var order = Array(0..<dictionary.count)
        if sortsKeys {
            order = try JinjaSorting.sorted(order) {
                try JinjaComparison.precedes(dictionary.keys[$0], dictionary.keys[$1])
            }
        }
        put("{")
        for (place, index) in order.enumerated() {
            if place > 0 { put(itemSeparator) }
            try newLine(level + 1)
            switch dictionary.keys[index] {
            case .text(let text), .markup(let text): quote(text)
            case .none: quote("null")
            case .bool(let value): quote(value ? "true" : "false")
            case .integer(let value): quote(String(value))
            case .large(let digits): quote(digits)
            case .float(let value): quote(JSONWriter.text(of: value))
            case let key:
                throw JinjaError(
                    .type,
                    "keys must be str, int, float, bool or None, not \(key.typeName)")
            }
            put(keySeparator)
            try write(dictionary.values[index], level: level + 1)
        }
        if dictionary.count > 0 { try newLine(level) }
        put("}")
    }

    private mutating func newLine(_ level: Int) throws {
        guard let indent else { return }
        try rendering.charge(bytes: indent.utf8.count, times: level)
        bytes.append(0x0A)
        for _ in 0..<level { put(indent) }
    }

    private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        let start = bytes.count
        text.withBytes { source in
            for byte in source {
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                    bytes.append(UInt8(ascii: "\\"))
                    bytes.append(byte)
                case 0..<0x20: escape(byte)
                default: bytes.append(byte)
                }
            }
        }
        if ensuresASCII {
            let written = String(decoding: bytes[start...], as: UTF8.self)
            bytes.removeSubrange(start...)
            put(JinjaJSON.asciiOnly(written, python: false))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case 0x0A: put("\\n")
        case 0x0D: put("\\r")
        case 0x09: put("\\t")
        case 0x08: put("\\b")
        case 0x0C: put("\\f")
        default: put("\\u" + JinjaPrinter.hexadecimal(UInt32(byte), digits: 4))
        }
    }

    /// The text with its other characters spelled out, as JSON does or as Python's `ascii`.
    static func asciiOnly(_ text: String, python: Bool) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            if scalar.value < 0x7F || python && scalar.value == 0x7F {
                result.unicodeScalars.append(scalar)
            } else if python {
                let (letter, digits) =
                    scalar.value < 0x100
                    ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
                result += "\\" + letter + JinjaPrinter.hexadecimal(scalar.value, digits: digits)
            } else {
                for unit in UTF16.encode(scalar) ?? .init() {
                    result += "\\u" + JinjaPrinter.hexadecimal(UInt32(unit), digits: 4)
                }
            }
        }
    }
}

/// Sorting that lets a comparison fail.
enum JinjaSorting {
    /// A stable sort.
    static func sorted<T>(
        _ items: [T], reverse: Bool = false, by precedes: (T, T) throws -> Bool
    ) throws -> [T] {
        // The standard library's sort is stable; equal elements keep their order in both ways.
        try items.sorted { try reverse ? precedes($1, $0) : precedes($0, $1) }
    }
}
