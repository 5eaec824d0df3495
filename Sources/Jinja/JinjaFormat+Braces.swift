extension JinjaFormat {
    /// `format.format(…)` as the sandbox runs it.
    static func braces(
        _ format: String, _ arguments: JinjaArguments, escaping: Bool, _ rendering: JinjaRendering
    ) throws -> String {
        var run = BraceFormat(arguments: arguments, escaping: escaping, rendering: rendering)
        return try run.expand(Array(format.unicodeScalars), levels: 2)
    }

    /// `format(value, specification)`.
    static func field(
        _ value: JinjaValue, _ specification: String, _ rendering: JinjaRendering
    ) throws -> String {
        if specification.utf8.isEmpty { return try rendering.string(value) }
        var scalars = Array(specification.unicodeScalars)[...]
        var format = JinjaNumberFormat()
        let alignments: [Unicode.Scalar: JinjaNumberFormat.Alignment] = [
            "<": .left, ">": .right, "^": .center, "=": .afterSign,
        ]
        if let alignment = scalars.dropFirst().first.flatMap({ alignments[$0] }) {
            format.fill = scalars.removeFirst()
            format.alignment = alignment
            scalars.removeFirst()
        } else if let alignment = scalars.first.flatMap({ alignments[$0] }) {
            format.alignment = alignment
            scalars.removeFirst()
        }
        func skip(_ candidates: String) -> Unicode.Scalar? {
            guard let first = scalars.first, candidates.unicodeScalars.contains(first) else {
                return nil
            }
            return scalars.removeFirst()
        }
        func number() throws -> Int? {
            var result: Int?
            while let digit = scalars.first?.decimalDigit {
                result = (result ?? 0) * 10 + digit
                guard result ?? 0 < 1 << 24 else {
                    throw JinjaError(.limit, "Too many decimal digits in format string")
                }
                scalars.removeFirst()
            }
            return result
        }
        format.sign = skip("+- ").flatMap { $0 == "-" ? nil : $0 }
        format.isAlternate = skip("#") != nil
        if skip("0") != nil, format.alignment == nil { format.fillsZeros = true }
        format.width = try number() ?? 0
        format.grouping = skip(",_")
        if skip(".") != nil {
            guard let precision = try number() else {
                throw JinjaError(.value, "Format specifier missing precision")
            }
            format.precision = precision
        }
        guard scalars.count <= 1 else { throw JinjaError(.value, "Invalid format specifier") }
        return try text(of: value, format, scalars.first, rendering)
    }

    private static func text(
        of value: JinjaValue, _ format: JinjaNumberFormat, _ type: Unicode.Scalar?,
        _ rendering: JinjaRendering
    ) throws -> String {
        func unknown() -> JinjaError {
            JinjaError(
                .value,
                "Unknown format code '\(type.map { String($0) } ?? "")' for object of type "
                    + "'\(value.typeName)'")
        }
        switch value {
        case .text(let text), .markup(let text):
            guard type == nil || type == "s" else { throw unknown() }
            guard format.sign == nil, format.alignment != .afterSign else {
                throw JinjaError(.value, "Sign not allowed in string format specifier")
            }
            var format = format
            if format.fillsZeros { (format.fill, format.alignment) = ("0", .left) }
            return try format.padded(format.shortened(text), numeric: false, rendering)
        case .integer, .bool:
            guard let int = value.int else { throw unknown() }
            switch type {
            case nil, "d", "n", "b", "o", "x", "X":
                guard format.precision == nil else {
                    throw JinjaError(
                        .value, "Precision not allowed in integer format specifier")
                }
                let type = type == nil || type == "n" ? "d" : type
                return try format.integer(int, type: type ?? "d", rendering)
            case "c":
                guard let scalar = UInt32(exactly: int).flatMap(Unicode.Scalar.init) else {
                    throw JinjaError(.overflow, "%c arg not in range(0x110000)")
                }
                return try format.padded(String(scalar), numeric: true, rendering)
            case "e", "E", "f", "F", "g", "G", "%":
                return try format.float(Double(int), type: type, rendering)
            default: throw unknown()
            }
        case .float(let double):
            switch type {
            case nil, "e", "E", "f", "F", "g", "G", "%":
                return try format.float(double, type: type, rendering)
            case "n": return try format.float(double, type: "g", rendering)
            default: throw unknown()
            }
        case .large(let digits) where type == nil || type == "d":
            return try format.padded(digits, numeric: true, rendering)
        default:
            throw JinjaError(
                .type, "unsupported format string passed to \(value.typeName).__format__")
        }
    }
}

/// One call of `format`.
private struct BraceFormat {
    let arguments: JinjaArguments
    let escaping: Bool
    let rendering: JinjaRendering
    private var counter = 0
    private var isAutomatic: Bool?

    init(arguments: JinjaArguments, escaping: Bool, rendering: JinjaRendering) {
        (self.arguments, self.escaping, self.rendering) = (arguments, escaping, rendering)
    }

    mutating func expand(_ scalars: [Unicode.Scalar], levels: Int) throws -> String {
        guard levels >= 0 else { throw JinjaError(.value, "Max string recursion exceeded") }
        var (result, index) = ("", 0)
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            guard scalar == "{" || scalar == "}" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            if index < scalars.count, scalars[index] == scalar {
                result.unicodeScalars.append(scalar)
                index += 1
                continue
            }
            guard scalar == "{" else {
                throw JinjaError(.value, "Single '}' encountered in format string")
            }
            guard index < scalars.count else {
                throw JinjaError(.value, "Single '{' encountered in format string")
            }
            let start = index
            var level = 1
            while index < scalars.count {
                if scalars[index] == "{" { level += 1 }
                if scalars[index] == "}" { level -= 1 }
                if level == 0 { break }
                index += 1
            }
            guard level == 0 else { throw JinjaError(.value, "expected '}' before end of string") }
            let part = try replacement(Array(scalars[start..<index]), levels: levels)
            try rendering.charge(bytes: part.utf8.count)
            result += part
            index += 1
        }
        return result
    }

    private mutating func replacement(_ field: [Unicode.Scalar], levels: Int) throws -> String {
        var (brackets, end) = (0, 0)
        while end < field.count {
            if field[end] == "[" { brackets += 1 }
            if field[end] == "]" { brackets = 0 }
            if brackets == 0, field[end] == ":" || field[end] == "!" { break }
            end += 1
        }
        var value = try find(Array(field[..<end]))
        var rest = field[end...]
        if rest.first == "!" {
            guard rest.count > 1 else {
                throw JinjaError(.value, "end of string while looking for conversion specifier")
            }
            let code = rest[rest.startIndex + 1]
            rest = rest.dropFirst(2)
            guard rest.isEmpty || rest.first == ":" else {
                throw JinjaError(.value, "expected ':' after conversion specifier")
            }
            switch code {
            case "s": value = .text(try rendering.string(value))
            case "r": value = .text(try JinjaPrinter.repr(value))
            case "a":
                value = .text(JinjaJSON.asciiOnly(try JinjaPrinter.repr(value), python: true))
            default: throw JinjaError(.value, "Unknown conversion specifier \(code)")
            }
        }
        let specification = try expand(Array(rest.dropFirst()), levels: levels - 1)
        if case .markup(let text) = value, escaping, specification.utf8.isEmpty { return text }
        let text = try JinjaFormat.field(value, specification, rendering)
        return escaping ? JinjaFormat.escaped(text) : text
    }

    private mutating func find(_ name: [Unicode.Scalar]) throws -> JinjaValue {
        var index = name.firstIndex { $0 == "." || $0 == "[" } ?? name.count
        var value = try argument(text(name[..<index]))
        while index < name.count {
            let isAttribute = name[index] == "."
            let start = index + 1
            index =
                name[start...].firstIndex {
                    isAttribute ? $0 == "." || $0 == "[" : $0 == "]"
                } ?? name.count
            let key = text(name[start..<index])
            guard !key.utf8.isEmpty else {
                throw JinjaError(.value, "Empty attribute in format string")
            }
            if isAttribute {
                value = try JinjaAccess.attribute(value, key)
            } else {
                guard index < name.count else {
                    throw JinjaError(.value, "Missing ']' in format string")
                }
                index += 1
                guard index == name.count || name[index] == "." || name[index] == "[" else {
                    throw JinjaError(
                        .value, "Only '.' or '[' may follow ']' in format field specifier")
                }
                value = try JinjaAccess.element(
                    value,
                    key.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
                        ? .integer(Int(key) ?? .max) : .text(key))
            }
        }
        return value
    }

    private func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        scalars.reduce(into: "") { $0.unicodeScalars.append($1) }
    }

    private mutating func argument(_ name: String) throws -> JinjaValue {
        let isNumber = name.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        guard isNumber else {
            guard let found = arguments.keywords.last(where: { JinjaText.equal($0.name, name) })
            else { throw JinjaError(.lookup, JinjaText.quoted(name)) }
            return found.value
        }
        let isEmpty = name.utf8.isEmpty
        guard isAutomatic == nil || isAutomatic == isEmpty else {
            throw JinjaError(
                .value,
                "cannot switch from manual field specification to automatic field numbering")
        }
        isAutomatic = isEmpty
        let place = isEmpty ? counter : Int(name) ?? .max
        if isEmpty { counter += 1 }
        guard place < arguments.positional.count else {
            throw JinjaError(
                .lookup, "Replacement index \(place) out of range for positional args tuple")
        }
        return arguments.positional[place]
    }
}
