extension JinjaFilter {
    /// The filters that make texts of texts.
    func text(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        let text = try rendering.string(value)
        let isSafe = if case .markup = value { true } else { false }
        func make(_ text: String) -> JinjaValue { isSafe ? .markup(text) : .text(text) }
        try rendering.charge(bytes: text.utf8.count)
        switch self {
        case .trim:
            let characters = try arguments.bind(rawValue, ["chars"])[0].given
            return make(JinjaText.strip(text, try characters?.expectText(rawValue)))
        case .upper, .lower, .capitalize:
            try none(arguments)
            return make(
                self == .upper
                    ? JinjaText.uppercase(text)
                    : self == .lower ? JinjaText.lowercase(text) : JinjaText.capitalize(text))
        case .title:
            try none(arguments)
            return .text(title(text))
        case .center:
            let width = try arguments.bind(rawValue, ["width"])[0] ?? .integer(80)
            return try JinjaTextMethod.center.call(
                text, isSafe: isSafe, JinjaArguments(positional: [width]), rendering)
        case .replace:
            let values = try arguments.bind(rawValue, ["old", "new", "count"], required: 2)
            let old = try rendering.string(values[0] ?? .none)
            let new = try rendering.string(values[1] ?? .none)
            let limit = try values[2].given.int(-1)
            try rendering.charge(bytes: new.utf8.count, times: JinjaText.count(old, in: text))
            return .text(JinjaText.replace(text, old, new, limit: limit))
        case .indent: return make(try indented(value, arguments, rendering))
        case .truncate: return try truncated(value, arguments, rendering)
        case .wordcount:
            try none(arguments)
            var (count, inWord) = (0, false)
            for scalar in text.unicodeScalars {
                let isWord =
                    scalar == "_" || JinjaText.isAlphabetic(scalar) || JinjaText.isNumeric(scalar)
                if isWord, !inWord { count += 1 }
                inWord = isWord
            }
            return .integer(count)
        case .format:
            guard arguments.positional.isEmpty || arguments.keywords.isEmpty else {
                throw JinjaError(
                    .arguments,
                    "can't handle positional and keyword arguments at the same time")
            }
            var values = try JinjaValue.tuple(arguments.positional)
            if !arguments.keywords.isEmpty {
                var builder = JinjaDictionary.Builder()
                for (name, value) in arguments.keywords { try builder.set(.text(name), value) }
                values = .dictionary(try builder.finish())
            }
            return make(try JinjaFormat.percent(text, values, escaping: isSafe, rendering))
        case .urlencode:
            try none(arguments)
            return try urlEncoded(value, rendering)
        default:
            throw JinjaError(.unsupported, "The filter \(rawValue) is not supported.")
        }
    }

    /// Words begin after white space, a hyphen or an opening bracket.
    private func title(_ text: String) -> String {
        var (result, word) = ("", "")
        func flush() {
            guard let first = word.unicodeScalars.first else { return }
            result += first.properties.uppercaseMapping
            let rest = JinjaText.part(word, String(first).utf8.count..<word.utf8.count)
            result += JinjaText.lowercase(rest)
            word = ""
        }
        for scalar in text.unicodeScalars {
            if JinjaText.isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar) {
                flush()
                result.unicodeScalars.append(scalar)
            } else {
                word.unicodeScalars.append(scalar)
            }
        }
        flush()
        return result
    }

    private func indented(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> String {
        let values = try arguments.bind(rawValue, ["width", "first", "blank"])
        if case .undefined(let value) = value { throw value.error }
        guard let text = value.string else {
            throw JinjaError(
                .type,
                "unsupported operand type(s) for +=: '\(value.typeName)' and 'str'")
        }
        let width: String
        if let given = values[0]?.string {
            width = given
        } else {
            let count = Swift.max(try values[0].int(4), 0)
            try rendering.charge(bytes: count)
            width = String(repeating: " ", count: count)
        }
        let lines = JinjaText.lines(text + "\n")
        try rendering.charge(bytes: width.utf8.count, times: lines.count)
        var result = values[1].bool(false) ? width : ""
        for (index, line) in lines.enumerated() {
            if index > 0 {
                result += "\n"
                if values[2].bool(false) || !line.utf8.isEmpty { result += width }
            }
            result += line
        }
        return result
    }

    private func truncated(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        let values = try arguments.bind(rawValue, ["length", "killwords", "end", "leeway"])
        let length = try values[0].int(255)
        let end = try values[2]?.expectText(rawValue) ?? "..."
        let leeway = try values[3].given.int(5)
        let room = length - JinjaText.length(end)
        guard room >= 0 else {
            throw JinjaError(
                .value, "expected length >= \(JinjaText.length(end)), got \(length)")
        }
        guard leeway >= 0 else {
            throw JinjaError(.value, "expected leeway >= 0, got \(leeway)")
        }
        if try value.count() <= length.addingReportingOverflow(leeway).partialValue {
            return value
        }
        guard let text = value.string else {
            throw JinjaError(.type, "'\(value.typeName)' object has no attribute 'rsplit'")
        }
        let kept = text.withBytes {
            JinjaText.make($0[..<JinjaText.offset(ofScalar: room, $0)])
        }
        if values[1].bool(false) { return .text(kept + end) }
        return .text(JinjaText.splitFromEnd(kept, at: " ", limit: 1)[0] + end)
    }

    private func urlEncoded(
        _ value: JinjaValue, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        func quoted(_ text: String, inQuery: Bool) -> String {
            var result = ""
            for byte in text.utf8 {
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A:
                    result.unicodeScalars.append(Unicode.Scalar(byte))
                case _ where "_.-~".utf8.contains(byte) || !inQuery && byte == UInt8(ascii: "/"):
                    result.unicodeScalars.append(Unicode.Scalar(byte))
                case 0x20 where inQuery: result += "+"
                default:
                    result +=
                        "%"
                        + JinjaText.uppercase(
                            JinjaPrinter.hexadecimal(UInt32(byte), digits: 2))
                }
            }
            return result
        }
        if value.string != nil || !value.isIterable {
            return .text(quoted(try rendering.string(value), inQuery: false))
        }
        var pairs = value
        if case .dictionary(let dictionary) = value {
            pairs = .object(JinjaDictionaryView(.items, of: dictionary))
        }
        let parts = try pairs.elements(rendering).map { pair in
            let items = try pair.elements(rendering)
            guard items.count == 2 else {
                throw JinjaError(.value, "not enough values to unpack (expected 2)")
            }
            return try items.map { quoted(try rendering.string($0), inQuery: true) }
                .joined(separator: "=")
        }
        return .text(parts.joined(separator: "&"))
    }
}
