extension JinjaFilter {
    /// The filters that give generators, which compute an element when it is asked for.
    func generated(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        switch self {
        case .map:
            return try lazily(over: value, arguments) {
                guard value.isTrue else { return nil }
                let transform = try mapping(arguments, rendering)
                let iterator = try value.makeIterator()
                return {
                    try rendering.step()
                    return try iterator.next().map(transform)
                }
            }
        case .select, .reject, .selectattr, .rejectattr:
            return try lazily(over: value, arguments) {
                guard value.isTrue else { return nil }
                let test = try condition(arguments, rendering)
                let iterator = try value.makeIterator()
                return {
                    while let item = try iterator.next() {
                        try rendering.step()
                        if try test(item) { return item }
                    }
                    return nil
                }
            }
        case .unique:
            let values = try arguments.bind(rawValue, ["case_sensitive", "attribute"])
            return try lazily(over: value, arguments) {
                let key = try sortKey(values[1], caseSensitive: values[0].bool(false), rendering)
                let iterator = try value.makeIterator()
                var seen = Set<JinjaKey>()
                return {
                    while let item = try iterator.next() {
                        try rendering.step()
                        if seen.insert(try JinjaKey(key(item))).inserted { return item }
                    }
                    return nil
                }
            }
        case .items:
            try none(arguments)
            return try lazily(over: value, arguments) {
                switch value {
                case .undefined: return nil
                case .dictionary(let dictionary):
                    let iterator = JinjaDictionaryView(.items, of: dictionary).makeIterator()
                    return { try iterator?.next() }
                default:
                    throw JinjaError(.type, "Can only get item pairs from a mapping.")
                }
            }
        case .batch: return try batched(value, arguments, rendering)
        default: return try sliced(value, arguments, rendering)
        }
    }

    /// A generator that starts when its first element is asked for.
    private func lazily(
        over value: JinjaValue, _ arguments: JinjaArguments,
        _ start: @escaping () throws -> (() throws -> JinjaValue?)?
    ) throws -> JinjaValue {
        var producer: (() throws -> JinjaValue?)?
        var hasStarted = false
        return .object(
            try JinjaGenerator(over: value, with: arguments) {
                if !hasStarted {
                    hasStarted = true
                    producer = try start()
                }
                guard let result = try producer?() else {
                    producer = nil
                    return nil
                }
                return result
            })
    }

    private func mapping(
        _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> (JinjaValue) throws -> JinjaValue {
        if arguments.positional.isEmpty,
            let attribute = arguments.keywords.first(where: { $0.name == "attribute" })
        {
            let path = try JinjaAttributePath(attribute.value)
            let fallback = arguments.keywords.first { $0.name == "default" }?.value
            if let other = arguments.keywords.first(where: {
                $0.name != "attribute" && $0.name != "default"
            }) {
                throw JinjaError(
                    .arguments, "Unexpected keyword argument \(JinjaText.quoted(other.name))")
            }
            return { try path.value(of: $0, fallback: Optional(fallback ?? .none).given) }
        }
        var arguments = arguments
        guard !arguments.positional.isEmpty else {
            throw JinjaError(.arguments, "map requires a filter argument")
        }
        let name = arguments.positional.removeFirst()
        let filter = try JinjaFilter.named(name)
        return { [arguments] in try filter.apply($0, arguments, rendering) }
    }

    private static func named(_ name: JinjaValue) throws -> JinjaFilter {
        if let filter = name.string.flatMap(JinjaFilter.init) { return filter }
        throw try missing("filter", name)
    }

    private static func missing(_ kind: String, _ name: JinjaValue) throws -> JinjaError {
        JinjaError(.runtime, "No \(kind) named \(try JinjaPrinter.repr(name)).")
    }

    /// The condition of `select` and its like.
    private func condition(
        _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> (JinjaValue) throws -> Bool {
        var arguments = arguments
        var path: JinjaAttributePath?
        if self == .selectattr || self == .rejectattr {
            guard !arguments.positional.isEmpty else {
                throw JinjaError(.arguments, "Missing parameter for attribute name")
            }
            path = try JinjaAttributePath(arguments.positional.removeFirst())
        }
        let wanted = self == .select || self == .selectattr
        guard !arguments.positional.isEmpty else {
            return { [path] in try (path?.value(of: $0) ?? $0).isTrue == wanted }
        }
        let name = arguments.positional.removeFirst()
        guard let test = name.string.flatMap(JinjaTest.named) else {
            throw try JinjaFilter.missing("test", name)
        }
        return { [path, arguments] in
            try test.apply(path?.value(of: $0) ?? $0, arguments, rendering) == wanted
        }
    }

    /// What elements are compared by: the value at a path, texts in lower case.
    func sortKey(
        _ attribute: JinjaValue?, caseSensitive: Bool, _ rendering: JinjaRendering
    ) throws -> (JinjaValue) throws -> JinjaValue {
        let path = try attribute.given.map { try JinjaAttributePath($0) }
        return { item in
            let value = try path?.value(of: item) ?? item
            try rendering.charge(elements: value.weight)
            return caseSensitive ? value : JinjaFilter.ignoringCase(value)
        }
    }

    static func ignoringCase(_ value: JinjaValue) -> JinjaValue {
        value.string.map { .text(JinjaText.lowercase($0)) } ?? value
    }

    private func batched(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        let values = try arguments.bind(rawValue, ["linecount", "fill_with"], required: 1)
        return try lazily(over: value, arguments) {
            let size = try values[0].int(1)
            let iterator = try value.makeIterator()
            var ended = false
            var ahead: JinjaValue?
            return {
                var row = [JinjaValue]()
                if let item = ahead { row.append(item) }
                ahead = nil
                while !ended {
                    try rendering.step()
                    guard let item = try iterator.next() else {
                        ended = true
                        break
                    }
                    if row.count == size {
                        ahead = item
                        return try .list(row)
                    }
                    row.append(item)
                }
                if row.isEmpty { return nil }
                if let fill = values[1].given, row.count < size {
                    try rendering.charge(elements: size - row.count)
                    row += [JinjaValue](repeating: fill, count: size - row.count)
                }
                return try .list(row)
            }
        }
    }

    private func sliced(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        let values = try arguments.bind(rawValue, ["slices", "fill_with"], required: 1)
        return try lazily(over: value, arguments) {
            let items = try value.elements(rendering)
            let count = try values[0].int(1)
            guard count != 0 else {
                throw JinjaError(.zeroDivision, "integer division or modulo by zero")
            }
            guard count > 0 else { return nil }
            let (size, extra) = items.count.quotientAndRemainder(dividingBy: count)
            var (number, position) = (0, 0)
            return {
                guard number < count else { return nil }
                try rendering.step()
                let length = size + (number < extra ? 1 : 0)
                var part = Array(items[position..<position + length])
                if let fill = values[1].given, number >= extra { part.append(fill) }
                position += length
                number += 1
                return try .list(part)
            }
        }
    }

    /// The filters that put elements in order.
    func ordered(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        /// Sorts by keys that are computed once for each element.
        func sorted(
            _ items: [JinjaValue], reverse: Bool, _ key: (JinjaValue) throws -> JinjaValue
        ) throws -> [JinjaValue] {
            try rendering.charge(elements: items.count * 8)
            let pairs = try items.map { (key: try key($0), item: $0) }
            return try JinjaSorting.sorted(pairs, reverse: reverse) {
                try JinjaComparison.precedes($0.key, $1.key)
            }.map(\.item)
        }
        switch self {
        case .dictsort:
            let values = try arguments.bind(rawValue, ["case_sensitive", "by", "reverse"])
            let by = values[1]?.string ?? "key"
            guard by == "key" || by == "value" else {
                throw JinjaError(
                    .arguments, "You can only sort by either \"key\" or \"value\"")
            }
            if case .undefined(let value) = value { throw value.error }
            guard case .dictionary(let dictionary) = value else {
                throw JinjaError(.type, "'\(value.typeName)' object has no attribute 'items'")
            }
            let items = try JinjaValue.object(JinjaDictionaryView(.items, of: dictionary))
                .elements(rendering)
            return try .list(
                sorted(items, reverse: values[2].bool(false)) { item in
                    let key = try JinjaAccess.element(item, .integer(by == "key" ? 0 : 1))
                    try rendering.charge(elements: key.weight)
                    return values[0].bool(false) ? key : JinjaFilter.ignoringCase(key)
                })
        case .sort:
            let values = try arguments.bind(
                rawValue, ["reverse", "case_sensitive", "attribute"])
            let names: [JinjaValue?] =
                values[2]?.string.map {
                    JinjaText.split($0, at: ",", limit: -1).map { .text($0) }
                } ?? [values[2]]
            let keys = try names.map {
                try sortKey($0, caseSensitive: values[1].bool(false), rendering)
            }
            return try .list(
                sorted(value.elements(rendering), reverse: values[0].bool(false)) { item in
                    try .list(keys.map { try $0(item) })
                })
        case .groupby: return try grouped(value, arguments, rendering)
        default:
            let values = try arguments.bind(rawValue, ["case_sensitive", "attribute"])
            let key = try sortKey(values[1], caseSensitive: values[0].bool(false), rendering)
            var best: (key: JinjaValue, item: JinjaValue)?
            for item in try value.elements(rendering) {
                try rendering.step()
                let candidate = (key: try key(item), item: item)
                guard let current = best else {
                    best = candidate
                    continue
                }
                let isBetter =
                    self == .min
                    ? try JinjaComparison.precedes(candidate.key, current.key)
                    : try JinjaComparison.compare(candidate.key, .greater, current.key)
                if isBetter { best = candidate }
            }
            return best?.item ?? .undefined(hint: "No aggregated item, sequence was empty.")
        }
    }

    private func grouped(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        let values = try arguments.bind(
            rawValue, ["attribute", "default", "case_sensitive"], required: 1)
        let path = try JinjaAttributePath(values[0] ?? .none)
        let isSensitive = values[2].bool(false)
        let pairs = try value.elements(rendering).map { item in
            let key = try path.value(of: item, fallback: values[1].given)
            try rendering.charge(elements: key.weight)
            return (key: isSensitive ? key : JinjaFilter.ignoringCase(key), real: key, item: item)
        }
        try rendering.charge(elements: pairs.count * 8)
        var groups = [(key: JinjaValue, real: JinjaValue, items: [JinjaValue])]()
        for pair in try JinjaSorting.sorted(
            pairs, by: { try JinjaComparison.precedes($0.key, $1.key) })
        {
            if let last = groups.last, JinjaComparison.equal(last.key, pair.key) {
                groups[groups.count - 1].items.append(pair.item)
            } else {
                groups.append((pair.key, pair.real, [pair.item]))
            }
        }
        return try .list(
            groups.map {
                .tuple(
                    try JinjaList([$0.real, try .list($0.items)], names: ["grouper", "list"]))
            })
    }
}
