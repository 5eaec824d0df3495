/// The methods of lists and tuples that change nothing.
enum JinjaListMethod: String {
    case index, count, copy

    func call(
        _ list: JinjaList, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        switch self {
        case .copy:
            _ = try arguments.positionalOnly("copy", 0...0)
            return try .list(list.items)
        case .count:
            let wanted = try arguments.positionalOnly("count", 1...1)[0]
            return .integer(list.items.count { JinjaComparison.equal($0, wanted) })
        case .index:
            let values = try arguments.positionalOnly("index", 1...3)
            let count = list.items.count
            func bound(_ index: Int, _ fallback: Int) throws -> Int {
                guard values.count > index else { return fallback }
                let bound = try values[index].index()
                return min(max(bound < 0 ? bound + count : bound, 0), count)
            }
            let (start, end) = (try bound(1, 0), try bound(2, count))
            for place in start..<max(start, end)
            where JinjaComparison.equal(list.items[place], values[0]) {
                return .integer(place)
            }
            throw JinjaError(.value, "\(try JinjaPrinter.repr(values[0])) is not in list")
        }
    }
}

/// The methods of dictionaries that change nothing.
enum JinjaDictionaryMethod: String {
    case get, items, keys, values, copy, fromkeys

    func call(_ dictionary: JinjaDictionary, _ arguments: JinjaArguments) throws -> JinjaValue {
        switch self {
        case .get:
            let values = try arguments.positionalOnly("get", 1...2)
            return try dictionary.value(values[0]) ?? (values.count > 1 ? values[1] : .none)
        case .fromkeys:
            throw JinjaError(.unsupported, "The method fromkeys is not supported.")
        default: _ = try arguments.positionalOnly(rawValue, 0...0)
        }
        switch self {
        case .items: return .object(JinjaDictionaryView(.items, of: dictionary))
        case .keys: return .object(JinjaDictionaryView(.keys, of: dictionary))
        case .values: return .object(JinjaDictionaryView(.values, of: dictionary))
        default: return .dictionary(dictionary)
        }
    }
}
