/// Gives the elements of a value one after another.
final class JinjaIterator {
    private let items: [JinjaValue]
    private var position = 0
    private let producer: (() throws -> JinjaValue?)?

    init(_ items: [JinjaValue]) { (self.items, producer) = (items, nil) }

    /// Elements that are made when they are asked for.
    init(_ producer: @escaping () throws -> JinjaValue?) { (items, self.producer) = ([], producer) }

    func next() throws -> JinjaValue? {
        if let producer { return try producer() }
        guard position < items.count else { return nil }
        position += 1
        return items[position - 1]
    }

    /// What is left.
    func rest(_ rendering: JinjaRendering) throws -> [JinjaValue] {
        guard producer != nil else {
            defer { position = items.count }
            return Array(items[position...])
        }
        var result = [JinjaValue]()
        while let item = try next() {
            try rendering.step()
            result.append(item)
        }
        return result
    }
}

extension JinjaValue {
    /// The elements, as a `for` loop sees them.
    func makeIterator() throws -> JinjaIterator {
        switch self {
        case .list(let list), .tuple(let list): return JinjaIterator(list.items)
        case .dictionary(let dictionary): return JinjaIterator(dictionary.keys)
        case .text(let text), .markup(let text):
            var scalars = text.unicodeScalars.makeIterator()
            return JinjaIterator { scalars.next().map { .text(String($0)) } }
        case .undefined, .missing: return JinjaIterator([])
        case .object(let object): if let iterator = try object.makeIterator() { return iterator }
        default: break
        }
        throw JinjaError(.type, "'\(typeName)' object is not iterable")
    }

    /// The elements as an array.
    func elements(_ rendering: JinjaRendering) throws -> [JinjaValue] {
        switch self {
        case .list(let list), .tuple(let list): return list.items
        default: return try makeIterator().rest(rendering)
        }
    }

    /// Whether a `for` loop would accept the value.
    var isIterable: Bool {
        switch self {
        case .list, .tuple, .dictionary, .text, .markup, .undefined: true
        case .object(let object): object.isIterable
        default: false
        }
    }

    /// `len()`.
    func count() throws -> Int {
        switch self {
        case .list(let list), .tuple(let list): return list.items.count
        case .dictionary(let dictionary): return dictionary.count
        case .text(let text), .markup(let text): return JinjaText.length(text)
        case .undefined: return 0
        case .object(let object): if let count = try object.count() { return count }
        default: break
        }
        throw JinjaError(.type, "object of type '\(typeName)' has no len()")
    }
}

/// A generator of Python: true whatever it holds, without a length, used up by reading it.
final class JinjaGenerator: JinjaObject {
    private let iterator: JinjaIterator
    private let name: String
    private let sourceDepth: Int

    init(
        _ name: String = "generator", over source: JinjaValue,
        with arguments: JinjaArguments = JinjaArguments(),
        _ producer: @escaping () throws -> JinjaValue?
    ) throws {
        (iterator, self.name) = (JinjaIterator(producer), name)
        var depth = source.depth
        for value in arguments.positional { depth = max(depth, value.depth) }
        for (_, value) in arguments.keywords { depth = max(depth, value.depth) }
        sourceDepth = try JinjaLimits.checked(depth: 1 + depth)
    }

    override var typeName: String { name }
    override var depth: Int { sourceDepth }
    override var isIterable: Bool { true }
    override func makeIterator() -> JinjaIterator? { iterator }
}

/// `range`.
final class JinjaRange: JinjaObject {
    let start, stop, step, length: Int

    /// Creates a range, which must not be too long.
    init(_ start: Int, _ stop: Int, _ step: Int) throws {
        guard step != 0 else { throw JinjaError(.value, "range() arg 3 must not be zero") }
        let (low, high) = step > 0 ? (start, stop) : (stop, start)
        let (distance, overflow) = high.subtractingReportingOverflow(low)
        let length =
            low >= high ? 0 : overflow ? .max : (distance - 1) / Int(clamping: step.magnitude) + 1
        guard length <= JinjaLimits.rangeCount else {
            throw JinjaError(
                .overflow,
                "Range too big. The sandbox blocks ranges larger than MAX_RANGE "
                    + "(\(JinjaLimits.rangeCount)).")
        }
        (self.start, self.stop, self.step) = (start, stop, step)
        self.length = length
    }

    override var typeName: String { "range" }
    override var isTrue: Bool { length > 0 }
    override func count() -> Int? { length }
    override var hasItems: Bool { true }
    override var isIterable: Bool { true }

    override func makeIterator() -> JinjaIterator? {
        var index = 0
        return JinjaIterator { [start, step, length] in
            guard index < length else { return nil }
            index += 1
            return .integer(start + (index - 1) * step)
        }
    }

    override func item(_ key: JinjaValue) -> JinjaValue? {
        guard let index = key.int else { return nil }
        let place = index < 0 ? index + length : index
        return place >= 0 && place < length ? .integer(start + place * step) : nil
    }

    /// Whether a number is among the elements.
    func contains(_ value: JinjaValue) -> Bool {
        guard let wanted = value.int ?? value.double.flatMap({ Int(exactly: $0) }), length > 0
        else { return false }
        let (distance, overflow) = wanted.subtractingReportingOverflow(start)
        guard !overflow, distance == 0 || (distance > 0) == (step > 0) else { return false }
        return distance % step == 0 && distance / step < length
    }

    override func attribute(_ name: String) throws -> JinjaValue? {
        switch name {
        case "start": .integer(start)
        case "stop": .integer(stop)
        case "step": .integer(step)
        case "count", "index":
            .object(
                try JinjaFunction(name, of: .none) { [self] arguments, _ in
                    let wanted = try arguments.positionalOnly(name, 1...1)[0]
                    let isThere = contains(wanted)
                    if name == "count" { return .integer(isThere ? 1 : 0) }
                    guard isThere, let value = wanted.double.flatMap({ Int(exactly: $0) }) else {
                        throw JinjaError(
                            .value, "\(try JinjaPrinter.repr(wanted)) is not in range")
                    }
                    return .integer((value - start) / step)
                })
        default: nil
        }
    }

    override func write(to printer: inout JinjaPrinter) {
        printer.put("range(\(start), \(stop)" + (step == 1 ? ")" : ", \(step))"))
    }

    override func equals(_ other: JinjaObject) -> Bool {
        guard let other = other as? JinjaRange, length == other.length else { return false }
        return length == 0 || start == other.start && (length == 1 || step == other.step)
    }
}

/// What `keys()`, `values()` and `items()` of a dictionary give.
final class JinjaDictionaryView: JinjaObject {
    enum Kind: String, Sendable { case keys, values, items }

    let kind: Kind
    let dictionary: JinjaDictionary

    init(_ kind: Kind, of dictionary: JinjaDictionary) {
        (self.kind, self.dictionary) = (kind, dictionary)
    }

    override var typeName: String { "dict_" + kind.rawValue }
    override var depth: Int { dictionary.depth + 1 }
    override var isTrue: Bool { dictionary.count > 0 }
    override func count() -> Int? { dictionary.count }
    override var isIterable: Bool { true }

    override func makeIterator() -> JinjaIterator? {
        switch kind {
        case .keys: return JinjaIterator(dictionary.keys)
        case .values: return JinjaIterator(dictionary.values)
        case .items:
            var index = 0
            return JinjaIterator { [dictionary] in
                guard index < dictionary.count else { return nil }
                index += 1
                return try .tuple([dictionary.keys[index - 1], dictionary.values[index - 1]])
            }
        }
    }

    override func write(to printer: inout JinjaPrinter) throws {
        var items = [JinjaValue]()
        let iterator = makeIterator()
        while let item = try iterator?.next() { items.append(item) }
        try printer.write("dict_\(kind.rawValue)([", items, "])")
    }

    override func equals(_ other: JinjaObject) -> Bool {
        guard let other = other as? JinjaDictionaryView, kind == other.kind else { return false }
        switch kind {
        case .values: return self === other
        case .items:
            return JinjaComparison.equal(.dictionary(dictionary), .dictionary(other.dictionary))
        case .keys:
            return dictionary.count == other.dictionary.count
                && dictionary.keys.allSatisfy { key in
                    if case .some(.some) = try? other.dictionary.value(key) { true } else { false }
                }
        }
    }
}
