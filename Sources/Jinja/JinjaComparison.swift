/// Equality, order and membership as in Python.
enum JinjaComparison {
    enum Operator: Sendable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, contained, notContained
    }

    static func equal(_ left: JinjaValue, _ right: JinjaValue) -> Bool {
        switch (left, right) {
        case (.text(let a), .text(let b)), (.text(let a), .markup(let b)),
            (.markup(let a), .text(let b)), (.markup(let a), .markup(let b)):
            return JinjaText.equal(a, b)
        case (.none, .none), (.undefined, .undefined): return true
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            return a.items.count == b.items.count
                && zip(a.items, b.items).allSatisfy { equal($0, $1) }
        case (.dictionary(let a), .dictionary(let b)):
            guard a.count == b.count else { return false }
            for (index, key) in a.keys.enumerated() {
                guard let other = try? b.value(key), equal(a.values[index], other) else {
                    return false
                }
            }
            return true
        case (.object(let a), .object(let b)): return a.equals(b)
        case (.large(let a), .large(let b)): return a == b
        case (.float(let a), _): return right.double.map { a == $0 } ?? false
        case (_, .float(let b)): return left.double.map { $0 == b } ?? false
        default:
            guard let a = left.int, let b = right.int else { return false }
            return a == b
        }
    }

    /// Whether two values are one object in Python, as far as a template can rely on it.
    static func same(_ left: JinjaValue, _ right: JinjaValue) -> Bool {
        switch (left, right) {
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): a === b
        case (.dictionary(let a), .dictionary(let b)): a === b
        case (.object(let a), .object(let b)): a === b
        case (.undefined(let a), .undefined(let b)): a === b
        case (.none, .none): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.float(let a), .float(let b)): a == b
        case (.text(let a), .text(let b)): JinjaText.equal(a, b)
        default: false
        }
    }

    /// Whether `left` comes before `right`; for values without an order an error that names the
    /// operator.
    static func precedes(
        _ left: JinjaValue, _ right: JinjaValue, _ symbol: String = "<"
    ) throws -> Bool {
        if let a = left.string, let b = right.string { return JinjaText.precedes(a, b) }
        if let a = left.int, let b = right.int { return a < b }
        if case .large(let a) = left, case .large(let b) = right {
            func key(_ digits: String) -> (Bool, Int, String) {
                let isNegative = digits.utf8.first == UInt8(ascii: "-")
                return (!isNegative, isNegative ? -digits.utf8.count : digits.utf8.count, digits)
            }
            let (first, second) = (key(a), key(b))
            if !first.0, !second.0, first.1 == second.1 { return a > b }
            return (first.0 ? 1 : 0, first.1, first.2) < (second.0 ? 1 : 0, second.1, second.2)
        }
        if let a = left.double, let b = right.double { return a < b }
        switch (left, right) {
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            for (first, second) in zip(a.items, b.items) where !equal(first, second) {
                return try precedes(first, second, symbol)
            }
            return a.items.count < b.items.count
        case (.undefined(let value), _), (_, .undefined(let value)): throw value.error
        default:
            throw JinjaError(
                .type,
                "'\(symbol)' not supported between instances of '\(left.typeName)' and "
                    + "'\(right.typeName)'")
        }
    }

    private static func isNaN(_ value: JinjaValue) -> Bool {
        if case .float(let value) = value { value.isNaN } else { false }
    }

    static func compare(
        _ left: JinjaValue, _ comparison: Operator, _ right: JinjaValue
    ) throws -> Bool {
        switch comparison {
        case .equal: return equal(left, right)
        case .notEqual: return !equal(left, right)
        case .less: return try precedes(left, right, "<")
        case .greater: return try precedes(right, left, ">", swapped: true)
        case .lessOrEqual:
            let after = try precedes(right, left, "<=", swapped: true)
            return !isNaN(left) && !isNaN(right) && !after
        case .greaterOrEqual:
            let before = try precedes(left, right, ">=")
            return !isNaN(left) && !isNaN(right) && !before
        case .contained: return try contains(right, left)
        case .notContained: return try !contains(right, left)
        }
    }

    private static func precedes(
        _ left: JinjaValue, _ right: JinjaValue, _ symbol: String, swapped: Bool
    ) throws -> Bool {
        // The operand that is written first speaks first.
        if case .undefined(let value) = right { throw value.error }
        do { return try precedes(left, right, symbol) } catch let error as JinjaError {
            guard error.kind == .type else { throw error }
            // The message names the operands in the order of the source.
            throw JinjaError(
                .type,
                "'\(symbol)' not supported between instances of '\(right.typeName)' and "
                    + "'\(left.typeName)'")
        }
    }

    /// An upper bound of the steps that a comparison takes.
    static func cost(_ left: JinjaValue, _ right: JinjaValue) -> Int {
        min(left.weight, right.weight)
    }

    /// `item in container`.
    static func contains(_ container: JinjaValue, _ item: JinjaValue) throws -> Bool {
        switch container {
        case .text(let text), .markup(let text):
            guard let part = item.string else {
                throw JinjaError(
                    .type,
                    "'in <string>' requires string as left operand, not \(item.typeName)")
            }
            return JinjaText.contains(text, part)
        case .list(let list), .tuple(let list): return list.items.contains { equal($0, item) }
        case .dictionary(let dictionary): return try dictionary.value(item) != nil
        case .undefined: return false
        case .object(let range as JinjaRange): return range.contains(item)
        case .object(let object):
            if let iterator = try object.makeIterator() {
                while let candidate = try iterator.next() {
                    if equal(candidate, item) { return true }
                }
                return false
            }
        default: break
        }
        throw JinjaError(.type, "argument of type '\(container.typeName)' is not iterable")
    }
}
