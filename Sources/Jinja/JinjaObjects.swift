/// `namespace()`: the one value that a template can change.
final class JinjaNamespace: JinjaObject {
    private var names = [String]()
    private var values = [JinjaValue]()
    private var deepest = 1

    override var typeName: String { "Namespace" }
    override var qualifiedTypeName: String { "jinja2.utils.Namespace" }
    override var depth: Int { deepest }

    override func attribute(_ name: String) -> JinjaValue? {
        for (index, candidate) in names.enumerated() where JinjaText.equal(candidate, name) {
            return values[index]
        }
        return nil
    }

    func set(_ name: String, _ value: JinjaValue) throws {
        // One that holds itself is not deeper for it; printing it stops at a limit of its own.
        if case .object(let object) = value, object === self {
        } else {
            deepest = try JinjaLimits.checked(depth: max(deepest, 1 + value.depth))
        }
        for (index, candidate) in names.enumerated() where JinjaText.equal(candidate, name) {
            values[index] = value
            return
        }
        names.append(name)
        values.append(value)
    }

    func clear() {
        names = []
        values = []
    }

    override func write(to printer: inout JinjaPrinter) throws {
        try printer.nested {
            $0.put("<Namespace {")
            for (index, name) in names.enumerated() {
                if index > 0 { $0.put(", ") }
                $0.quote(name)
                $0.put(": ")
                try $0.write(values[index])
            }
            $0.put("}>")
        }
    }
}

/// The `loop` of a `for` statement.
final class JinjaLoop: JinjaObject {
    private var iterator: JinjaIterator
    /// The elements, where their number is known.
    private var total: Int?
    private var index = -1
    private var previous, current: JinjaValue?
    private var ahead: JinjaValue?
    private var hasLookedAhead = false
    private var lastChanged: [JinjaValue]?
    private let level: Int
    /// Renders the loop's body over other elements, if the loop is recursive.
    private let recursion: ((JinjaValue, Int) throws -> JinjaValue)?

    init(
        _ iterator: JinjaIterator, count: Int?, level: Int = 0,
        recursion: ((JinjaValue, Int) throws -> JinjaValue)? = nil
    ) {
        (self.iterator, total, self.level, self.recursion) = (iterator, count, level, recursion)
    }

    override var typeName: String { "LoopContext" }
    override var qualifiedTypeName: String { "jinja2.runtime.LoopContext" }
    override var isCallable: Bool { true }
    override func count() throws -> Int? { try length() }

    func next() throws -> JinjaValue? {
        let item = hasLookedAhead ? ahead : try iterator.next()
        hasLookedAhead = false
        ahead = nil
        guard let item else { return nil }
        index += 1
        (previous, current) = (current, item)
        return item
    }

    /// Lets go of the elements when the loop is over, so that what still holds it holds nothing.
    func finish() {
        iterator = JinjaIterator([])
        (previous, current, ahead, lastChanged) = (nil, nil, nil, nil)
    }

    private func peek() throws -> JinjaValue? {
        if !hasLookedAhead {
            ahead = try iterator.next()
            // An iterator that ended is asked again, as in Jinja.
            hasLookedAhead = ahead != nil
        }
        return ahead
    }

    private func length() throws -> Int {
        if let total { return total }
        var rest = [JinjaValue]()
        while let item = try iterator.next() { rest.append(item) }
        iterator = JinjaIterator(rest)
        let count = rest.count + index + 1 + (hasLookedAhead ? 1 : 0)
        total = count
        return count
    }

    override func attribute(_ name: String) throws -> JinjaValue? {
        switch name {
        case "index": return .integer(index + 1)
        case "index0": return .integer(index)
        case "first": return .bool(index == 0)
        case "last": return .bool(try peek() == nil)
        case "length": return .integer(try length())
        case "revindex": return .integer(try length() - index)
        case "revindex0": return .integer(try length() - index - 1)
        case "depth": return .integer(level + 1)
        case "depth0": return .integer(level)
        case "previtem":
            return index == 0 ? .undefined(hint: "there is no previous item") : previous
        case "nextitem": return try peek() ?? .undefined(hint: "there is no next item")
        case "cycle":
            return .object(
                try JinjaFunction("cycle") { [index] arguments, _ in
                    let items = arguments.positional
                    guard !items.isEmpty else {
                        throw JinjaError(.type, "no items for cycling given")
                    }
                    return items[index % items.count]
                })
        case "changed":
            return .object(
                try JinjaFunction("changed") { [self] arguments, _ in
                    let values = arguments.positional
                    let isSame =
                        lastChanged.map {
                            $0.count == values.count
                                && zip($0, values).allSatisfy { JinjaComparison.equal($0, $1) }
                        } ?? false
                    lastChanged = values
                    return .bool(!isSame)
                })
        default: return nil
        }
    }

    override func call(
        _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        guard let recursion else {
            throw JinjaError(
                .type, "The loop must have the 'recursive' marker to be called recursively.")
        }
        guard arguments.positional.count == 1, arguments.keywords.isEmpty else {
            throw JinjaError(.type, "loop() takes one argument")
        }
        return try recursion(arguments.positional[0], level + 1)
    }

    override func write(to printer: inout JinjaPrinter) throws {
        printer.put("<LoopContext \(index + 1)/\(try length())>")
    }
}

/// A function of the environment or of a value.
final class JinjaFunction: JinjaObject {
    typealias Body = (JinjaArguments, JinjaRendering) throws -> JinjaValue

    let name: String
    private let isMethod: Bool
    private let heldDepth: Int
    private let body: Body

    /// Creates a function.
    ///
    /// - Parameter held: A value that the body holds.
    init(_ name: String, holding held: JinjaValue = .none, _ body: @escaping Body) throws {
        (self.name, isMethod, self.body) = (name, false, body)
        heldDepth = try JinjaLimits.checked(depth: 1 + held.depth)
    }

    /// Creates a method of a value.
    init(_ name: String, of value: JinjaValue, _ body: @escaping Body) throws {
        (self.name, isMethod, self.body) = (name, true, body)
        heldDepth = try JinjaLimits.checked(depth: 1 + value.depth)
    }

    override var depth: Int { heldDepth }

    override var typeName: String { isMethod ? "builtin_function_or_method" : "function" }
    override var isCallable: Bool { true }

    override func call(
        _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        try body(arguments, rendering)
    }

    override func write(to printer: inout JinjaPrinter) { printer.put("<function \(name)>") }
}

/// `cycler` and `joiner`.
final class JinjaCycler: JinjaObject {
    private let items: [JinjaValue]
    private let heldDepth: Int
    private var position = 0

    init(_ items: [JinjaValue]) throws {
        self.items = items
        heldDepth = try JinjaLimits.checked(depth: 1 + items.reduce(0) { max($0, $1.depth) })
    }

    override var typeName: String { "Cycler" }
    override var depth: Int { heldDepth }
    override var qualifiedTypeName: String { "jinja2.utils.Cycler" }

    override func attribute(_ name: String) throws -> JinjaValue? {
        switch name {
        case "current": return items[position]
        case "pos": return .integer(position)
        case "next", "reset":
            return .object(
                try JinjaFunction(name, holding: .object(self)) { [self] _, _ in
                    defer { position = name == "next" ? (position + 1) % items.count : 0 }
                    return name == "next" ? items[position] : .none
                })
        default: return nil
        }
    }
}
