/// Members with a dot and elements with brackets, as the sandbox gives them.
enum JinjaAccess {
    /// `value.name`: an attribute of the Python object, else its element of that name.
    static func attribute(_ value: JinjaValue, _ name: String) throws -> JinjaValue {
        switch value {
        case .dictionary(let dictionary):
            if let member = try builtin(value, name) { return member }
            if let element = dictionary.value(name) { return element }
        case .undefined(let value): throw value.error
        case .object(let object):
            if let member = try object.attribute(name) {
                return name.utf8.first == UInt8(ascii: "_") ? unsafe(value, name) : member
            }
            if !(object is JinjaNamespace), isInternal(name) { return unsafe(value, name) }
        default: if let member = try builtin(value, name) { return member }
        }
        return .undefined(JinjaUndefined(.attribute(of: value.typeDescription, name)))
    }

    /// `value[key]`: an element, else the attribute of that name.
    static func element(_ value: JinjaValue, _ key: JinjaValue) throws -> JinjaValue {
        switch value {
        case .dictionary(let dictionary):
            if let text = key.string {
                if let element = dictionary.value(text) { return element }
            } else if let hashable = try? JinjaKey(key),
                let element = try dictionary.value(hashable.value)
            {
                return element
            }
        case .list(let list), .tuple(let list):
            if let index = key.int {
                let place = index < 0 ? index + list.items.count : index
                if list.items.indices.contains(place) { return list.items[place] }
            }
        case .text(let text):
            if let index = key.int, let part = JinjaText.character(text, at: index) {
                return .text(part)
            }
        case .markup(let text):
            if let index = key.int, let part = JinjaText.character(text, at: index) {
                return .markup(part)
            }
        case .undefined(let value): throw value.error
        case .object(let object): if let element = try object.item(key) { return element }
        default: break
        }
        guard let name = key.string else {
            return .undefined(
                JinjaUndefined(
                    .element(of: value.typeDescription, try JinjaPrinter.repr(key))))
        }
        if case .object(let object) = value {
            if let member = try object.attribute(name) {
                return name.utf8.first == UInt8(ascii: "_") ? unsafe(value, name) : member
            }
            if !(object is JinjaNamespace), isInternal(name) { return unsafe(value, name) }
        } else if let member = try builtin(value, name) {
            return member
        }
        return .undefined(JinjaUndefined(.attribute(of: value.typeDescription, name)))
    }

    static func unsafe(_ value: JinjaValue, _ name: String) -> JinjaValue {
        .undefined(JinjaUndefined(.unsafe(of: value.typeName, name)))
    }

    /// The names that every object of Python has and no template may reach.
    static func isInternal(_ name: String) -> Bool {
        name.utf8.starts(with: "__".utf8) && internals.contains(name)
    }

    private static let internals: Set = [
        "__class__", "__delattr__", "__dir__", "__doc__", "__eq__", "__format__", "__ge__",
        "__getattribute__", "__getstate__", "__gt__", "__hash__", "__init__", "__init_subclass__",
        "__le__", "__lt__", "__ne__", "__new__", "__reduce__", "__reduce_ex__", "__repr__",
        "__setattr__", "__sizeof__", "__str__", "__subclasshook__",
    ]

    /// Whether a dictionary has a method of that name, or what no template may reach.
    static func isBuiltinOfDictionaries(_ name: String) -> Bool {
        JinjaDictionaryMethod(rawValue: name) != nil || dictionaryMutations.contains(name)
            || isInternal(name)
    }

    private static let listMutations: Set = [
        "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
    ]
    private static let dictionaryMutations: Set = [
        "clear", "pop", "popitem", "setdefault", "update",
    ]

    /// A method or another attribute that Python gives values of this type.
    private static func builtin(_ value: JinjaValue, _ name: String) throws -> JinjaValue? {
        if isInternal(name) { return unsafe(value, name) }
        switch value {
        case .text, .markup:
            guard let method = JinjaTextMethod(rawValue: name), let text = value.string else {
                return nil
            }
            let isSafe = if case .markup = value { true } else { false }
            return try function(name, of: value) {
                try method.call(text, isSafe: isSafe, $0, $1)
            }
        case .dictionary(let dictionary):
            if let method = JinjaDictionaryMethod(rawValue: name) {
                return try function(name, of: value) { arguments, _ in
                    try method.call(dictionary, arguments)
                }
            }
            return dictionaryMutations.contains(name) ? unsafe(value, name) : nil
        case .list(let list):
            if let method = JinjaListMethod(rawValue: name) {
                return try function(name, of: value) { try method.call(list, $0, $1) }
            }
            return listMutations.contains(name) ? unsafe(value, name) : nil
        case .tuple(let list):
            if let index = list.names?.firstIndex(of: name) { return list.items[index] }
            guard name != "copy", let method = JinjaListMethod(rawValue: name) else { return nil }
            return try function(name, of: value) { try method.call(list, $0, $1) }
        default: return try number(value, name)
        }
    }

    private static func number(_ value: JinjaValue, _ name: String) throws -> JinjaValue? {
        let real: JinjaValue
        switch value {
        case .float, .large: real = value
        default:
            guard let int = value.int else { return nil }
            real = .integer(int)
        }
        switch (name, real) {
        case ("real", _): return real
        case ("imag", .float): return .float(0)
        case ("imag", _): return .integer(0)
        case ("conjugate", _): return try function(name, of: value) { _, _ in real }
        case ("numerator", .integer): return real
        case ("denominator", .integer): return .integer(1)
        case ("is_integer", .float(let double)):
            return try function(name, of: value) { _, _ in
                .bool(double.isFinite && double.rounded() == double)
            }
        case ("bit_length", .integer(let int)):
            return try function(name, of: value) { _, _ in
                .integer(Int.bitWidth - int.magnitude.leadingZeroBitCount)
            }
        case ("bit_count", .integer(let int)):
            return try function(name, of: value) { _, _ in .integer(int.magnitude.nonzeroBitCount) }
        default: return nil
        }
    }

    private static func function(
        _ name: String, of value: JinjaValue, _ body: @escaping JinjaFunction.Body
    ) throws -> JinjaValue {
        .object(try JinjaFunction(name, of: value, body))
    }

    /// `value[start:stop:step]`.
    static func slice(_ value: JinjaValue, _ parts: [JinjaValue?]) throws -> JinjaValue {
        if case .undefined(let value) = value { throw value.error }
        func bound(_ index: Int) throws -> Int? {
            guard index < parts.count, let part = parts[index] else { return nil }
            if case .none = part { return nil }
            guard part.int != nil else {
                throw JinjaError(
                    .type,
                    "slice indices must be integers or None or have an __index__ method")
            }
            return part.int
        }
        func bounds(_ count: Int) throws -> (start: Int, stop: Int, step: Int) {
            let step = try bound(2) ?? 1
            guard step != 0 else { throw JinjaError(.value, "slice step cannot be zero") }
            func clamped(_ index: Int, _ range: ClosedRange<Int>) -> Int {
                min(max(index < 0 ? index + count : index, range.lowerBound), range.upperBound)
            }
            let range = step > 0 ? 0...count : -1...count - 1
            let start = try bound(0).map { clamped($0, range) } ?? (step > 0 ? 0 : count - 1)
            let stop = try bound(1).map { clamped($0, range) } ?? (step > 0 ? count : -1)
            return (start, stop, step)
        }
        func indices(_ count: Int) throws -> [Int] {
            let (start, stop, step) = try bounds(count)
            if step == 1 { return start < stop ? Array(start..<stop) : [] }
            return Array(stride(from: start, to: stop, by: step))
        }
        switch value {
        case .list(let list): return try .list(indices(list.items.count).map { list.items[$0] })
        case .tuple(let list): return try .tuple(indices(list.items.count).map { list.items[$0] })
        case .text(let text): return .text(try part(of: text, indices))
        case .markup(let text): return .markup(try part(of: text, indices))
        case .object(let object as JinjaRange):
            let (start, stop, step) = try bounds(object.length)
            func place(_ index: Int) throws -> Int {
                let (distance, isTooLong) = index.multipliedReportingOverflow(by: object.step)
                let (place, isTooFar) = object.start.addingReportingOverflow(distance)
                guard !isTooLong, !isTooFar else { throw JinjaArithmetic.tooLarge }
                return place
            }
            let (newStep, overflow) = object.step.multipliedReportingOverflow(by: step)
            guard !overflow else { throw JinjaArithmetic.tooLarge }
            return .object(try JinjaRange(place(start), place(stop), newStep))
        case .dictionary: throw JinjaError(.type, "unhashable type: 'slice'")
        default:
            throw JinjaError(.type, "'\(value.typeName)' object is not subscriptable")
        }
    }

    private static func part(of text: String, _ indices: (Int) throws -> [Int]) throws -> String {
        let chosen = try indices(JinjaText.length(text))
        guard let first = chosen.first, let last = chosen.last else { return "" }
        if last - first == chosen.count - 1 {
            return text.withBytes { bytes in
                let start = JinjaText.offset(ofScalar: first, bytes)
                let end = JinjaText.offset(ofScalar: last + 1, bytes)
                return JinjaText.make(bytes[start..<end])
            }
        }
        let scalars = Array(text.unicodeScalars)
        return chosen.reduce(into: "") { $0.unicodeScalars.append(scalars[$1]) }
    }
}

extension JinjaPrinter {
    /// `repr(value)`.
    static func repr(_ value: JinjaValue) throws -> String {
        var printer = JinjaPrinter(limit: 1 << 20)
        try printer.write(value)
        return printer.text
    }
}
