/// Something that can be computed.
protocol JinjaExpression: AnyObject, Sendable {
    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue
}

/// Where a variable is: in a slot of the frame or of one that it is written inside.
struct JinjaReference: Sendable {
    var levels: Int
    var slot: Int
}

extension JinjaFrame {
    @inline(__always)
    func value(_ reference: JinjaReference) -> JinjaValue {
        if reference.levels == 0 { return slots[reference.slot] }
        return outerValue(reference)
    }

    private func outerValue(_ reference: JinjaReference) -> JinjaValue {
        var frame: JinjaFrame? = self
        for _ in 0..<reference.levels { frame = frame?.parent }
        return frame?.slots[reference.slot] ?? .missing
    }

    func set(_ reference: JinjaReference, _ value: JinjaValue) {
        if reference.levels == 0 {
            slots[reference.slot] = value
        } else {
            var frame: JinjaFrame? = self
            for _ in 0..<reference.levels { frame = frame?.parent }
            frame?.slots[reference.slot] = value
        }
    }
}

final class JinjaConstant: JinjaExpression {
    let literal: JinjaLiteral
    init(_ literal: JinjaLiteral) { self.literal = literal }
    func evaluate(_ frame: JinjaFrame) -> JinjaValue { literal.value }
}

final class JinjaVariable: JinjaExpression {
    let name: String
    let reference: JinjaReference

    init(_ name: String, _ reference: JinjaReference) {
        (self.name, self.reference) = (name, reference)
    }

    func evaluate(_ frame: JinjaFrame) -> JinjaValue {
        let value = frame.value(reference)
        if case .missing = value { return .undefined(JinjaUndefined(.variable(name))) }
        return value
    }
}

/// A list or a tuple.
final class JinjaSequence: JinjaExpression {
    let items: [any JinjaExpression]
    let isTuple: Bool

    init(_ items: [any JinjaExpression], isTuple: Bool) {
        (self.items, self.isTuple) = (items, isTuple)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        let values = try items.map { try $0.evaluate(frame) }
        return isTuple ? try .tuple(values) : try .list(values)
    }
}

final class JinjaMapping: JinjaExpression {
    let keys, values: [any JinjaExpression]

    init(keys: [any JinjaExpression], values: [any JinjaExpression]) {
        (self.keys, self.values) = (keys, values)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        var builder = JinjaDictionary.Builder(capacity: keys.count)
        for (key, value) in zip(keys, values) {
            try builder.set(key.evaluate(frame), value.evaluate(frame))
        }
        return .dictionary(try builder.finish())
    }
}

final class JinjaSign: JinjaExpression {
    let value: any JinjaExpression
    let isNegative: Bool
    let offset: Int

    init(_ value: any JinjaExpression, isNegative: Bool, at offset: Int) {
        (self.value, self.isNegative, self.offset) = (value, isNegative, offset)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        let value = try value.evaluate(frame)
        do {
            return try isNegative
                ? JinjaArithmetic.negated(value) : JinjaArithmetic.positive(value)
        } catch let error as JinjaError { throw error.located(offset) }
    }
}

/// `not`, `and` and `or`.
final class JinjaLogic: JinjaExpression {
    enum Operator: Sendable { case not, and, or }

    let operation: Operator
    let left, right: any JinjaExpression

    init(_ operation: Operator, _ left: any JinjaExpression, _ right: any JinjaExpression) {
        (self.operation, self.left, self.right) = (operation, left, right)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        let value = try left.evaluate(frame)
        switch operation {
        case .not: return .bool(!value.isTrue)
        case .and: return value.isTrue ? try right.evaluate(frame) : value
        case .or: return value.isTrue ? value : try right.evaluate(frame)
        }
    }
}

final class JinjaCalculation: JinjaExpression {
    let operation: JinjaArithmetic.Operator
    let left, right: any JinjaExpression
    let offset: Int

    init(
        _ operation: JinjaArithmetic.Operator, _ left: any JinjaExpression,
        _ right: any JinjaExpression, at offset: Int
    ) {
        (self.operation, self.left, self.right, self.offset) = (operation, left, right, offset)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        let (first, second) = (try left.evaluate(frame), try right.evaluate(frame))
        do {
            return try JinjaArithmetic.apply(operation, first, second, frame.rendering)
        } catch let error as JinjaError { throw error.located(offset) }
    }
}

/// One comparison or several in a chain, each with its left value computed once.
final class JinjaComparisonChain: JinjaExpression {
    let first: any JinjaExpression
    let operators: [JinjaComparison.Operator]
    let others: [any JinjaExpression]
    let offset: Int

    init(
        _ first: any JinjaExpression, _ operators: [JinjaComparison.Operator],
        _ others: [any JinjaExpression], at offset: Int
    ) {
        (self.first, self.operators, self.others) = (first, operators, others)
        self.offset = offset
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        var left = try first.evaluate(frame)
        for (index, other) in others.enumerated() {
            let right = try other.evaluate(frame)
            do {
                switch operators[index] {
                case .contained, .notContained:
                    try frame.rendering.charge(elements: right.weight)
                default:
                    try frame.rendering.charge(elements: JinjaComparison.cost(left, right))
                }
                guard try JinjaComparison.compare(left, operators[index], right) else {
                    return .bool(false)
                }
            } catch let error as JinjaError { throw error.located(offset) }
            left = right
        }
        return .bool(true)
    }
}

/// `~`.
final class JinjaConcatenation: JinjaExpression {
    let parts: [any JinjaExpression]
    init(_ parts: [any JinjaExpression]) { self.parts = parts }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        var text = ""
        for part in parts {
            text += try frame.rendering.string(part.evaluate(frame))
            try frame.rendering.charge(bytes: text.utf8.count)
        }
        return .text(text)
    }
}

/// `a if b else c`.
final class JinjaChoice: JinjaExpression {
    let test, first: any JinjaExpression
    let second: (any JinjaExpression)?
    let line: Int

    init(
        _ test: any JinjaExpression, _ first: any JinjaExpression,
        _ second: (any JinjaExpression)?, line: Int
    ) {
        (self.test, self.first, self.second, self.line) = (test, first, second, line)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        if try test.evaluate(frame).isTrue { return try first.evaluate(frame) }
        return try second?.evaluate(frame)
            ?? .undefined(
                hint: "the inline if-expression on line \(line) evaluated to false and no else "
                    + "section was defined.")
    }
}

final class JinjaAttribute: JinjaExpression {
    let subject: any JinjaExpression
    let name: String
    let offset: Int
    /// Whether dictionaries have something else under this name than their elements.
    private let isBuiltin: Bool

    init(_ subject: any JinjaExpression, _ name: String, at offset: Int) {
        (self.subject, self.name, self.offset) = (subject, name, offset)
        isBuiltin = JinjaAccess.isBuiltinOfDictionaries(name)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        let value = try subject.evaluate(frame)
        if !isBuiltin, case .dictionary(let dictionary) = value,
            let element = dictionary.value(name)
        {
            return element
        }
        do { return try JinjaAccess.attribute(value, name) } catch let error as JinjaError {
            throw error.located(offset)
        }
    }
}

final class JinjaElement: JinjaExpression {
    let subject, key: any JinjaExpression
    let offset: Int

    init(_ subject: any JinjaExpression, _ key: any JinjaExpression, at offset: Int) {
        (self.subject, self.key, self.offset) = (subject, key, offset)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        let (value, key) = (try subject.evaluate(frame), try key.evaluate(frame))
        if let text = value.string { try frame.rendering.charge(bytes: text.utf8.count) }
        do { return try JinjaAccess.element(value, key) } catch let error as JinjaError {
            throw error.located(offset)
        }
    }
}

final class JinjaSlice: JinjaExpression {
    let subject: any JinjaExpression
    let parts: [(any JinjaExpression)?]
    let offset: Int

    init(_ subject: any JinjaExpression, _ parts: [(any JinjaExpression)?], at offset: Int) {
        (self.subject, self.parts, self.offset) = (subject, parts, offset)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        let value = try subject.evaluate(frame)
        let bounds = try parts.map { try $0?.evaluate(frame) }
        do {
            try frame.rendering.charge(elements: value.weight)
            return try JinjaAccess.slice(value, bounds)
        } catch let error as JinjaError { throw error.located(offset) }
    }
}
