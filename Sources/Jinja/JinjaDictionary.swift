/// A dictionary that keeps its order; keys are compared as Python compares them.
final class JinjaDictionary {
    let keys: [JinjaValue]
    let values: [JinjaValue]
    let depth: Int
    /// How many keys and values there are at all levels.
    let weight: Int
    private let index: [JinjaKey: Int]?

    var count: Int { keys.count }

    fileprivate init(_ builder: Builder) throws {
        keys = builder.keys
        values = builder.values
        index = builder.index
        var (depth, weight) = (0, keys.count)
        for item in keys { depth = max(depth, item.depth) }
        for item in values {
            depth = max(depth, item.depth)
            weight = min(weight, JinjaLimits.containerWeight) + item.containerWeight
        }
        self.depth = try JinjaLimits.checked(depth: 1 + depth)
        self.weight = try JinjaLimits.checked(weight: weight)
    }

    /// The value of a text key.
    func value(_ key: String) -> JinjaValue? {
        position(key, in: keys, index).map { values[$0] }
    }

    /// The value of any key; unhashable ones are errors.
    func value(_ key: JinjaValue) throws -> JinjaValue? {
        if let text = key.string { return value(text) }
        let key = try JinjaKey(key)
        if let index { return index[key].map { values[$0] } }
        for (position, candidate) in keys.enumerated()
        where JinjaComparison.equal(candidate, key.value) {
            return values[position]
        }
        return nil
    }

    /// Collects entries; a later value of a key replaces the earlier one in its place.
    struct Builder {
        fileprivate var keys = [JinjaValue]()
        fileprivate var values = [JinjaValue]()
        fileprivate var index: [JinjaKey: Int]?

        init(capacity: Int = 0) {
            keys.reserveCapacity(capacity)
            values.reserveCapacity(capacity)
        }

        init(_ dictionary: JinjaDictionary) {
            (keys, values, index) = (dictionary.keys, dictionary.values, dictionary.index)
        }

        mutating func set(_ key: JinjaValue, _ value: JinjaValue) throws {
            let hashed = try JinjaKey(key)
            let found: Int?
            if let text = key.string {
                found = position(text, in: keys, index)
            } else if let index {
                found = index[hashed]
            } else {
                found = keys.firstIndex { JinjaComparison.equal($0, key) }
            }
            if let found {
                values[found] = value
                return
            }
            keys.append(key)
            values.append(value)
            if index != nil {
                index?[hashed] = keys.count - 1
            } else if keys.count > 12 {
                var index = [JinjaKey: Int](minimumCapacity: 32)
                for (position, key) in keys.enumerated() { index[try JinjaKey(key)] = position }
                self.index = index
            }
        }

        consuming func finish() throws -> JinjaDictionary { try JinjaDictionary(self) }
    }
}

private func position(_ key: String, in keys: [JinjaValue], _ index: [JinjaKey: Int]?) -> Int? {
    if let index { return index[JinjaKey(text: key)] }
    for (position, candidate) in keys.enumerated() {
        switch candidate {
        case .text(let text), .markup(let text):
            if JinjaText.equal(text, key) { return position }
        default: continue
        }
    }
    return nil
}

/// A value as a key: only what Python can hash, with equal hashes for `1`, `1.0` and `True`.
struct JinjaKey: Hashable {
    let value: JinjaValue

    init(text: String) { value = .text(text) }

    init(_ value: JinjaValue) throws {
        try JinjaKey.check(value)
        self.value = value
    }

    private static func check(_ value: JinjaValue) throws {
        switch value {
        case .list, .dictionary:
            throw JinjaError(.type, "unhashable type: '\(value.typeName)'")
        case .tuple(let list):
            guard list.weight <= 1000 else {
                throw JinjaError(.limit, "A key has more than 1000 elements.")
            }
            for item in list.items { try check(item) }
        default: return
        }
    }

    static func == (left: JinjaKey, right: JinjaKey) -> Bool {
        JinjaComparison.equal(left.value, right.value)
    }

    func hash(into hasher: inout Hasher) { JinjaKey.hash(value, into: &hasher) }

    private static func hash(_ value: JinjaValue, into hasher: inout Hasher) {
        switch value {
        case .text(let text), .markup(let text):
            text.withBytes { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        case .integer(let value): hasher.combine(Double(value))
        case .bool(let value): hasher.combine(Double(value ? 1 : 0))
        case .float(let value): hasher.combine(value)
        case .large(let digits): hasher.combine(Double(digits))
        case .tuple(let list): for item in list.items { hash(item, into: &hasher) }
        case .object(let object): hasher.combine(ObjectIdentifier(object))
        default: hasher.combine(0)
        }
    }
}
