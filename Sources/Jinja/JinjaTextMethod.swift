/// The methods of Python's texts.
enum JinjaTextMethod: String {
    case capitalize, casefold, center, count, encode, endswith, expandtabs, find, format
    case format_map, index, isalnum, isalpha, isascii, isdecimal, isdigit, isidentifier, islower
    case isnumeric, isprintable, isspace, istitle, isupper, join, ljust, lower, lstrip, maketrans
    case partition, removeprefix, removesuffix, replace, rfind, rindex, rjust, rpartition, rsplit
    case rstrip, split, splitlines, startswith, strip, swapcase, title, translate, upper, zfill

    /// Calls the method.
    ///
    /// - Parameter isSafe: Whether the text is marked as safe HTML; results are so then, too.
    func call(
        _ text: String, isSafe: Bool, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        try rendering.charge(bytes: text.utf8.count)
        func make(_ text: String) -> JinjaValue { isSafe ? .markup(text) : .text(text) }
        func unary(_ value: (String) -> String) throws -> JinjaValue {
            _ = try arguments.positionalOnly(rawValue, 0...0)
            return make(value(text))
        }
        func scalars(_ test: (Unicode.Scalar) -> Bool, emptyIs: Bool = false) throws -> JinjaValue {
            _ = try arguments.positionalOnly(rawValue, 0...0)
            return .bool(
                text.unicodeScalars.isEmpty ? emptyIs : text.unicodeScalars.allSatisfy(test))
        }
        switch self {
        case .strip, .lstrip, .rstrip:
            let values = try arguments.positionalOnly(rawValue, 0...1)
            let characters = try values.first.flatMap { Optional($0).given }
                .map { try $0.expectText(rawValue) }
            return make(
                JinjaText.strip(
                    text, characters, left: self != .rstrip, right: self != .lstrip))
        case .split, .rsplit: return try split(text, arguments, rendering, make)
        case .splitlines:
            let values = try arguments.bind(rawValue, ["keepends"])
            return try .list(
                JinjaText.lines(text, keepingEnds: values[0].bool(false)).map(make))
        case .startswith, .endswith: return try hasAffix(text, arguments)
        case .replace:
            let values = try arguments.positionalOnly(rawValue, 2...3)
            let (old, new) = (
                try values[0].expectText(rawValue), try JinjaFormat.inserted(values[1], isSafe)
            )
            let limit = values.count > 2 ? try values[2].index() : -1
            try rendering.charge(
                bytes: new.utf8.count, times: JinjaText.count(old, in: text))
            return make(JinjaText.replace(text, old, new, limit: limit))
        case .upper: return try unary(JinjaText.uppercase)
        case .lower: return try unary(JinjaText.lowercase)
        case .title: return try unary(JinjaText.title)
        case .capitalize: return try unary(JinjaText.capitalize)
        case .swapcase: return try unary(JinjaText.swapCase)
        case .casefold: return try unary(JinjaText.foldCase)
        case .join:
            let values = try arguments.positionalOnly(rawValue, 1...1)
            var parts = [String]()
            for (index, item) in try values[0].elements(rendering).enumerated() {
                guard isSafe || item.string != nil else {
                    throw JinjaError(
                        .type,
                        "sequence item \(index): expected str instance, \(item.typeName) found")
                }
                parts.append(
                    isSafe ? try JinjaFormat.escaped(item, rendering) : item.string ?? "")
                try rendering.charge(bytes: (parts.last?.utf8.count ?? 0) + text.utf8.count)
            }
            return make(parts.joined(separator: text))
        case .format:
            return make(
                try JinjaFormat.braces(text, arguments, escaping: isSafe, rendering))
        case .format_map:
            let values = try arguments.positionalOnly(rawValue, 1...1)
            guard case .dictionary(let dictionary) = values[0] else {
                throw JinjaError(.type, "format_map() argument must be a mapping")
            }
            var named = JinjaArguments()
            for (index, key) in dictionary.keys.enumerated() {
                if let name = key.string { named.keywords.append((name, dictionary.values[index])) }
            }
            return make(try JinjaFormat.braces(text, named, escaping: isSafe, rendering))
        case .find, .rfind, .index, .rindex, .count: return try search(text, arguments, rendering)
        case .partition, .rpartition:
            let values = try arguments.positionalOnly(rawValue, 1...1)
            let separator = try values[0].expectText(rawValue)
            guard !separator.utf8.isEmpty else { throw JinjaError(.value, "empty separator") }
            if self == .rpartition { try rendering.charge(search: separator, in: text) }
            let parts =
                self == .partition
                ? JinjaText.split(text, at: separator, limit: 1)
                : JinjaText.splitFromEnd(text, at: separator, limit: 1)
            if parts.count == 2 {
                return try .tuple([make(parts[0]), make(separator), make(parts[1])])
            }
            return try .tuple(
                self == .partition
                    ? [make(text), make(""), make("")] : [make(""), make(""), make(text)])
        case .removeprefix, .removesuffix:
            let affix = try arguments.positionalOnly(rawValue, 1...1)[0].expectText(rawValue)
            let (size, count) = (affix.utf8.count, text.utf8.count)
            if self == .removeprefix {
                guard JinjaText.hasPrefix(text, affix) else { return make(text) }
                return make(JinjaText.part(text, size..<count))
            }
            guard size > 0, JinjaText.hasSuffix(text, affix) else { return make(text) }
            return make(JinjaText.part(text, 0..<count - size))
        case .center, .ljust, .rjust, .zfill, .expandtabs:
            return make(try padded(text, arguments, rendering))
        case .isalnum:
            return try scalars { JinjaText.isAlphabetic($0) || JinjaText.isNumeric($0) }
        case .isalpha: return try scalars(JinjaText.isAlphabetic)
        case .isascii: return try scalars({ $0.isASCII }, emptyIs: true)
        case .isdecimal: return try scalars(JinjaText.isDecimal)
        case .isdigit: return try scalars(JinjaText.isDigit)
        case .isnumeric: return try scalars(JinjaText.isNumeric)
        case .isprintable: return try scalars(JinjaText.isPrintable, emptyIs: true)
        case .isspace: return try scalars(JinjaText.isSpace)
        case .islower: return .bool(JinjaText.isLower(text))
        case .isupper: return .bool(JinjaText.isUpper(text))
        case .istitle: return .bool(JinjaText.isTitle(text))
        case .isidentifier:
            var isFirst = true
            return try scalars { scalar in
                defer { isFirst = false }
                return scalar == "_"
                    || (isFirst
                        ? scalar.properties.isXIDStart : scalar.properties.isXIDContinue)
            }
        case .encode, .maketrans, .translate:
            throw JinjaError(.unsupported, "The method \(rawValue) of texts is not supported.")
        }
    }

    private func split(
        _ text: String, _ arguments: JinjaArguments, _ rendering: JinjaRendering,
        _ make: (String) -> JinjaValue
    ) throws -> JinjaValue {
        let values = try arguments.bind(rawValue, ["sep", "maxsplit"])
        let limit = try values[1].int(-1)
        let isForward = self == .split
        guard let separator = try values[0].given?.expectText(rawValue) else {
            let words =
                isForward
                ? JinjaText.words(text, limit: limit) : JinjaText.wordsFromEnd(text, limit: limit)
            return try .list(words.map(make))
        }
        guard !separator.utf8.isEmpty else { throw JinjaError(.value, "empty separator") }
        if !isForward { try rendering.charge(search: separator, in: text) }
        let parts =
            isForward
            ? JinjaText.split(text, at: separator, limit: limit)
            : JinjaText.splitFromEnd(text, at: separator, limit: limit)
        return try .list(parts.map(make))
    }

    /// The bytes of the part that optional start and end arguments choose.
    private func window(_ text: String, _ values: [JinjaValue]) throws -> Range<Int>? {
        let count = values.count > 1 ? JinjaText.length(text) : 0
        func bound(_ index: Int) throws -> Int? {
            guard values.count > index, let value = Optional(values[index]).given else {
                return nil
            }
            let bound = try value.index()
            return bound < 0 ? max(bound + count, 0) : bound
        }
        let start = try bound(1) ?? 0
        let end = try bound(2)
        if start > 0, start > count { return nil }
        return text.withBytes { bytes in
            let first = JinjaText.offset(ofScalar: start, bytes)
            let last = end.map { JinjaText.offset(ofScalar: $0, bytes) } ?? bytes.count
            return first <= last ? first..<last : nil
        }
    }

    private func hasAffix(_ text: String, _ arguments: JinjaArguments) throws -> JinjaValue {
        let values = try arguments.positionalOnly(rawValue, 1...3)
        let candidates: [JinjaValue]
        if case .tuple(let list) = values[0] {
            candidates = list.items
        } else {
            candidates = [values[0]]
        }
        guard let range = try window(text, values) else { return .bool(false) }
        let part = JinjaText.part(text, range)
        for candidate in candidates {
            guard let affix = candidate.string else {
                throw JinjaError(
                    .type,
                    "\(rawValue) first arg must be str or a tuple of str, not "
                        + candidate.typeName)
            }
            let matches =
                self == .startswith
                ? JinjaText.hasPrefix(part, affix) : JinjaText.hasSuffix(part, affix)
            if matches { return .bool(true) }
        }
        return .bool(false)
    }

    private func search(
        _ text: String, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        let values = try arguments.positionalOnly(rawValue, 1...3)
        let pattern = try values[0].expectText(rawValue)
        let range = try window(text, values)
        if self == .rfind || self == .rindex { try rendering.charge(search: pattern, in: text) }
        if self == .count {
            return .integer(
                range.map { JinjaText.count(pattern, in: JinjaText.part(text, $0)) } ?? 0)
        }
        let found: Int? = range.flatMap { range in
            text.withBytes { bytes in
                pattern.withBytes { pattern in
                    self == .find || self == .index
                        ? JinjaText.find(pattern, in: bytes, range)
                        : JinjaText.findLast(pattern, in: bytes, range)
                }
            }
        }
        if let found { return .integer(JinjaText.length(JinjaText.part(text, 0..<found))) }
        if self == .index || self == .rindex {
            throw JinjaError(.value, "substring not found")
        }
        return .integer(-1)
    }

    private func padded(
        _ text: String, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> String {
        if self == .expandtabs {
            let size = try arguments.bind(rawValue, ["tabsize"])[0].int(8)
            try rendering.charge(bytes: max(size, 1), times: text.utf8.count)
            var (result, column) = ("", 0)
            for scalar in text.unicodeScalars {
                if scalar == "\t" {
                    let count = size > 0 ? size - column % size : 0
                    result += String(repeating: " ", count: count)
                    column += count
                } else {
                    result.unicodeScalars.append(scalar)
                    column = scalar == "\n" || scalar == "\r" ? 0 : column + 1
                }
            }
            return result
        }
        let values = try arguments.positionalOnly(rawValue, self == .zfill ? 1...1 : 1...2)
        let missing = try max(values[0].index() - JinjaText.length(text), 0)
        try rendering.charge(bytes: missing)
        let fill =
            values.count > 1 ? try values[1].expectText(rawValue) : self == .zfill ? "0" : " "
        guard JinjaText.length(fill) == 1 else {
            throw JinjaError(.type, "The fill character must be exactly one character long")
        }
        func filled(_ count: Int) -> String { String(repeating: fill, count: count) }
        switch self {
        case .ljust: return text + filled(missing)
        case .rjust: return filled(missing) + text
        case .center:
            let width = missing + JinjaText.length(text)
            let left = missing / 2 + (missing & width & 1)
            return filled(left) + text + filled(missing - left)
        default:
            if let sign = text.utf8.first, sign == 0x2B || sign == 0x2D {
                return String(UnicodeScalar(sign)) + filled(missing)
                    + JinjaText.part(text, 1..<text.utf8.count)
            }
            return filled(missing) + text
        }
    }
}
