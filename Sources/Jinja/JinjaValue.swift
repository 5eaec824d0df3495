internal import FledgeCore

/// A value of the template language, with the meaning that Python gives it.
///
/// Lists and dictionaries never change: the sandbox that templates run in refuses every method
/// that would change one. Only a namespace does.
enum JinjaValue {
    /// A variable that was not assigned yet; never seen by a template.
    case missing
    case undefined(JinjaUndefined)
    case none
    case bool(Bool)
    case integer(Int)
    /// A whole number beyond 64 bits, as its digits; it can be passed on and printed.
    case large(String)
    case float(Double)
    case text(String)
    /// A text that was marked as safe HTML; it escapes what is joined to it.
    case markup(String)
    case list(JinjaList)
    case tuple(JinjaList)
    case dictionary(JinjaDictionary)
    case object(JinjaObject)

    /// An undefined value with a message of its own.
    static func undefined(hint: String) -> JinjaValue {
        .undefined(JinjaUndefined(.hint(hint)))
    }

    static func list(_ items: [JinjaValue]) throws -> JinjaValue { .list(try JinjaList(items)) }
    static func tuple(_ items: [JinjaValue]) throws -> JinjaValue { .tuple(try JinjaList(items)) }

    /// How many levels of containers are inside.
    var depth: Int {
        switch self {
        case .list(let list), .tuple(let list): list.depth
        case .dictionary(let dictionary): dictionary.depth
        case .object(let object): object.depth
        default: 0
        }
    }

    /// How many elements are inside.
    var containerWeight: Int {
        switch self {
        case .list(let list), .tuple(let list): list.weight
        case .dictionary(let dictionary): dictionary.weight
        default: 0
        }
    }

    /// How much there is to look at: elements at all levels, and the bytes of texts.
    var weight: Int {
        switch self {
        case .list(let list), .tuple(let list): list.weight
        case .dictionary(let dictionary): dictionary.weight
        case .text(let text), .markup(let text): text.utf8.count / 4
        case .object(let object as JinjaDictionaryView): object.dictionary.weight
        default: 1
        }
    }

    /// The characters of any text.
    var string: String? {
        switch self {
        case .text(let text), .markup(let text): text
        default: nil
        }
    }

    /// A whole number or a truth value, which Python counts as one.
    var int: Int? {
        switch self {
        case .integer(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// A number that fits a double.
    var double: Double? {
        switch self {
        case .float(let value): value
        case .large(let digits): Double(digits)
        default: int.map { Double($0) }
        }
    }

    /// Python's truth of a value.
    var isTrue: Bool {
        switch self {
        case .missing, .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .large: true
        case .float(let value): value != 0
        case .text(let text), .markup(let text): !text.utf8.isEmpty
        case .list(let list), .tuple(let list): !list.items.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .object(let object): object.isTrue
        }
    }

    /// The name of the type in Python.
    var typeName: String {
        switch self {
        case .missing, .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer, .large: "int"
        case .float: "float"
        case .text: "str"
        case .markup: "Markup"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .object(let object): object.typeName
        }
    }

    /// What messages about missing attributes call the value.
    var typeDescription: String {
        switch self {
        case .none: "None"
        case .markup: "markupsafe.Markup object"
        case .tuple(let list) where list.names != nil: "jinja2.filters._GroupTuple object"
        case .undefined, .missing: "jinja2.runtime.Undefined object"
        case .object(let object): object.qualifiedTypeName + " object"
        default: typeName + " object"
        }
    }

    /// The value of JSON.
    init(_ json: JSONValue) throws {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .largeInteger(let digits): self = .large(digits)
        case .number(let value): self = .float(value)
        case .string(let value): self = .text(value)
        case .array(let items):
            self = try .list(items.map { try JinjaValue($0) })
        case .object(let members):
            var builder = JinjaDictionary.Builder(capacity: members.count)
            for member in members {
                try builder.set(.text(member.key), JinjaValue(member.value))
            }
            self = .dictionary(try builder.finish())
        }
    }
}

/// Why a value is not there.
final class JinjaUndefined {
    enum Reason {
        case hint(String)
        case variable(String)
        case attribute(of: String, String)
        case element(of: String, String)
        case unsafe(of: String, String)
    }

    let reason: Reason

    init(_ reason: Reason) { self.reason = reason }

    /// The error of using it.
    var error: JinjaError {
        switch reason {
        case .hint(let hint): return JinjaError(.undefined, hint)
        case .variable(let name):
            return JinjaError(.undefined, "\(JinjaText.quoted(name)) is undefined")
        case .attribute(let owner, let name):
            return JinjaError(
                .undefined,
                "\(JinjaText.quoted(owner)) has no attribute \(JinjaText.quoted(name))")
        case .element(let owner, let key):
            return JinjaError(.undefined, "\(owner) has no element \(key)")
        case .unsafe(let owner, let name):
            return JinjaError(
                .security,
                "access to attribute \(JinjaText.quoted(name)) of \(JinjaText.quoted(owner)) "
                    + "object is unsafe.")
        }
    }
}

/// The elements of a list or a tuple.
final class JinjaList {
    let items: [JinjaValue]
    /// Names of the elements, for the groups of `groupby`.
    let names: [String]?
    let depth: Int
    /// How many elements there are at all levels.
    let weight: Int

    init(_ items: [JinjaValue], names: [String]? = nil) throws {
        self.items = items
        self.names = names
        var (depth, weight) = (0, items.count)
        for item in items {
            depth = max(depth, item.depth)
            weight = min(weight, JinjaLimits.containerWeight) + item.containerWeight
        }
        self.depth = try JinjaLimits.checked(depth: 1 + depth)
        self.weight = try JinjaLimits.checked(weight: weight)
    }
}

/// A value with a behaviour of its own: a namespace, a macro, an iterator.
class JinjaObject {
    /// Python's name of the type.
    var typeName: String { "object" }
    /// The same with its module.
    var qualifiedTypeName: String { typeName }
    var depth: Int { 1 }
    var isTrue: Bool { true }
    /// `len()`, where there is one.
    func count() throws -> Int? { nil }
    /// The elements, where there are any; iterators give what is left.
    func makeIterator() throws -> JinjaIterator? { nil }
    /// Whether there are elements to iterate over.
    var isIterable: Bool { false }
    /// A member that is reached with a dot.
    func attribute(_ name: String) throws -> JinjaValue? { nil }
    /// An element that is reached with brackets.
    func item(_ key: JinjaValue) throws -> JinjaValue? { nil }
    /// Whether brackets are understood at all.
    var hasItems: Bool { false }
    /// Whether it can be called.
    var isCallable: Bool { false }
    func call(_ arguments: JinjaArguments, _ rendering: JinjaRendering) throws -> JinjaValue {
        throw JinjaError(.type, "'\(typeName)' object is not callable")
    }
    /// What Python prints.
    func write(to printer: inout JinjaPrinter) throws {
        printer.put("<\(qualifiedTypeName) object>")
    }
    /// Python's `==`; identity unless told otherwise.
    func equals(_ other: JinjaObject) -> Bool { self === other }
}
