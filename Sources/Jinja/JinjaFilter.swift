/// The filters, by the names that templates call them.
enum JinjaFilter: String {
    case abs, attr, batch, capitalize, center, count, d, `default`, dictsort, e, escape
    case filesizeformat, first, float, forceescape, format, groupby, indent, int, join, last
    case length, list, lower, items, map, min, max, pprint, random, reject, rejectattr, replace
    case reverse, round, safe, select, selectattr, slice, sort, string, striptags, sum, title, trim
    case truncate, unique, upper, urlencode, urlize, wordcount, wordwrap, xmlattr, tojson

    /// Applies the filter to a value.
    func apply(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        switch self {
        case .d, .default:
            let values = try arguments.bind(rawValue, ["default_value", "boolean"])
            let isMissing = if case .undefined = value { true } else { false }
            guard isMissing || values[1].bool(false) && !value.isTrue else { return value }
            return values[0] ?? .text("")
        case .length, .count:
            try none(arguments)
            if let text = value.string { try rendering.charge(bytes: text.utf8.count) }
            return .integer(try value.count())
        case .tojson: return .text(try JinjaJSON.text(of: value, arguments, rendering))
        case .string:
            try none(arguments)
            return value.string == nil ? .text(try rendering.string(value)) : value
        case .safe:
            try none(arguments)
            return .markup(try rendering.string(value))
        case .e, .escape, .forceescape:
            try none(arguments)
            if self == .forceescape {
                return .markup(JinjaFormat.escaped(try rendering.string(value)))
            }
            return .markup(try JinjaFormat.escaped(value, rendering))
        case .trim, .upper, .lower, .title, .capitalize, .center, .replace, .indent, .truncate,
            .wordcount, .format, .urlencode, .wordwrap, .striptags:
            return try text(value, arguments, rendering)
        case .abs, .int, .float, .round, .sum, .filesizeformat:
            return try number(value, arguments, rendering)
        case .map, .select, .reject, .selectattr, .rejectattr, .unique, .batch, .slice, .items:
            return try generated(value, arguments, rendering)
        case .attr:
            let values = try arguments.bind(rawValue, ["name"], required: 1)
            return try attribute(value, values[0] ?? .none, rendering)
        case .first:
            try none(arguments)
            return try value.makeIterator().next()
                ?? .undefined(hint: "No first item, sequence was empty.")
        case .last:
            try none(arguments)
            return try reversed(value, rendering).first
                ?? .undefined(hint: "No last item, sequence was empty.")
        case .reverse: return try reverse(value, arguments, rendering)
        case .list:
            try none(arguments)
            return try .list(value.elements(rendering))
        case .join: return try join(value, arguments, rendering)
        case .dictsort, .sort, .min, .max, .groupby:
            return try ordered(value, arguments, rendering)
        case .pprint, .random, .urlize, .xmlattr:
            throw JinjaError(.unsupported, "The filter \(rawValue) is not supported.")
        }
    }

    func none(_ arguments: JinjaArguments) throws { _ = try arguments.bind(rawValue, []) }

    private func attribute(
        _ value: JinjaValue, _ name: JinjaValue, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        guard let text = name.string else {
            throw JinjaError(.type, "attribute name must be string, not '\(name.typeName)'")
        }
        if case .undefined(let value) = value { throw value.error }
        // Unlike with a dot, an element of that name does not count.
        if case .dictionary = value {
            let empty = JinjaValue.dictionary(try JinjaDictionary.Builder().finish())
            let member = try JinjaAccess.attribute(empty, text)
            guard case .undefined = member else { return try JinjaAccess.attribute(value, text) }
            return member
        }
        return try JinjaAccess.attribute(value, text)
    }

    /// The elements from the last to the first; only of what Python can read backwards.
    private func reversed(_ value: JinjaValue, _ rendering: JinjaRendering) throws -> [JinjaValue] {
        switch value {
        case .object(let object) where object is JinjaGenerator:
            throw JinjaError(.type, "'\(object.typeName)' object is not reversible")
        case .none, .bool, .integer, .large, .float:
            throw JinjaError(.type, "'\(value.typeName)' object is not reversible")
        default: return try value.elements(rendering).reversed()
        }
    }

    private func reverse(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        try none(arguments)
        if let text = value.string {
            let result = text.unicodeScalars.reversed().reduce(into: "") {
                $0.unicodeScalars.append($1)
            }
            if case .markup = value { return .markup(result) }
            return .text(result)
        }
        switch value {
        case .object(let object) where object is JinjaGenerator:
            return try .list(value.elements(rendering).reversed())
        default:
            guard value.isIterable else {
                throw JinjaError(.arguments, "argument must be iterable")
            }
        }
        let name =
            switch value {
            case .list: "list_reverseiterator"
            case .dictionary: "dict_reversekeyiterator"
            case .object(let object): object.typeName + "_reverseiterator"
            default: "reversed"
            }
        var items = try value.elements(rendering)
        return .object(try JinjaGenerator(name, over: value) { items.popLast() })
    }

    private func join(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        let values = try arguments.bind(rawValue, ["d", "attribute"])
        let path = try values[1].given.map { try JinjaAttributePath($0) }
        let separator = try values[0].map { try rendering.string($0) } ?? ""
        var result = ""
        let iterator = try value.makeIterator()
        var isFirst = true
        while let item = try iterator.next() {
            if !isFirst { result += separator }
            isFirst = false
            result += try rendering.string(path?.value(of: item) ?? item)
            try rendering.charge(bytes: 16)
            guard result.utf8.count <= rendering.limits.textBytes else {
                try rendering.charge(bytes: result.utf8.count)
                break
            }
        }
        try rendering.charge(bytes: result.utf8.count)
        return .text(result)
    }
}

/// A path such as `a.b.0` that filters follow into values.
struct JinjaAttributePath {
    private let parts: [JinjaValue]

    init(_ value: JinjaValue) throws {
        guard let text = value.string else {
            if case .none = value { parts = [] } else { parts = [value] }
            return
        }
        parts = JinjaText.split(text, at: ".", limit: -1).map { part in
            let isNumber =
                !part.utf8.isEmpty && part.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
            return isNumber ? .integer(Int(part) ?? .max) : .text(part)
        }
    }

    func value(of item: JinjaValue, fallback: JinjaValue? = nil) throws -> JinjaValue {
        var item = item
        for part in parts {
            item = try JinjaAccess.element(item, part)
            if let fallback, case .undefined = item { item = fallback }
        }
        return item
    }
}
