#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Python's arithmetic.
enum JinjaArithmetic {
    enum Operator: String, Sendable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case floorDivide = "//"
        case remainder = "%"
        case power = "** or pow()"
    }

    static func apply(
        _ operation: Operator, _ left: JinjaValue, _ right: JinjaValue, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        if case .integer(let a) = left, case .integer(let b) = right {
            return try integers(operation, a, b)
        }
        // A text's own `%` comes before anything that the other side could say.
        if operation == .remainder, let format = left.string {
            let isSafe = if case .markup = left { true } else { false }
            let text = try JinjaFormat.percent(format, right, escaping: isSafe, rendering)
            return isSafe ? .markup(text) : .text(text)
        }
        if case .undefined(let value) = left { throw value.error }
        if case .undefined(let value) = right { throw value.error }
        if let a = left.int, let b = right.int { return try integers(operation, a, b) }
        if isNumber(left), isNumber(right) {
            guard let a = left.double, let b = right.double, isFloat(left) || isFloat(right) else {
                throw tooLarge
            }
            return try floats(operation, a, b)
        }
        switch operation {
        case .add: if let sum = try sum(left, right, rendering) { return sum }
        case .multiply:
            if let count = right.int, let product = try repeated(left, count, rendering) {
                return product
            }
            if let count = left.int, let product = try repeated(right, count, rendering) {
                return product
            }
        default: break
        }
        if operation == .add, left.string != nil {
            throw JinjaError(
                .type, "can only concatenate str (not \"\(right.typeName)\") to str")
        }
        throw JinjaError(
            .type,
            "unsupported operand type(s) for \(operation.rawValue): '\(left.typeName)' and "
                + "'\(right.typeName)'")
    }

    static let tooLarge = JinjaError(
        .unsupported, "Arithmetic with whole numbers beyond 64 bits is not supported.")

    private static func isNumber(_ value: JinjaValue) -> Bool {
        if case .large = value { return true }
        return isFloat(value) || value.int != nil
    }

    private static func isFloat(_ value: JinjaValue) -> Bool {
        if case .float = value { true } else { false }
    }

    private static func sum(
        _ left: JinjaValue, _ right: JinjaValue, _ rendering: JinjaRendering
    ) throws -> JinjaValue? {
        switch (left, right) {
        case (.text(let a), .text(let b)): return .text(try rendering.joined(a, b))
        case (.markup(let a), .markup(let b)): return .markup(try rendering.joined(a, b))
        case (.markup(let a), .text(let b)):
            return .markup(try rendering.joined(a, JinjaFormat.escaped(b)))
        case (.text(let a), .markup(let b)):
            return .markup(try rendering.joined(JinjaFormat.escaped(a), b))
        case (.list(let a), .list(let b)):
            try rendering.charge(elements: a.items.count + b.items.count)
            return try .list(a.items + b.items)
        case (.tuple(let a), .tuple(let b)):
            try rendering.charge(elements: a.items.count + b.items.count)
            return try .tuple(a.items + b.items)
        default: return nil
        }
    }

    private static func repeated(
        _ value: JinjaValue, _ count: Int, _ rendering: JinjaRendering
    ) throws -> JinjaValue? {
        let count = max(count, 0)
        func text(_ text: String) throws -> String {
            try rendering.charge(bytes: text.utf8.count, times: count)
            return String(repeating: text, count: count)
        }
        func items(_ list: JinjaList) throws -> [JinjaValue] {
            let (total, overflow) = list.items.count.multipliedReportingOverflow(by: count)
            try rendering.charge(
                elements: JinjaLimits.checked(weight: overflow ? .max : total))
            return (0..<count).flatMap { _ in list.items }
        }
        switch value {
        case .text(let value): return .text(try text(value))
        case .markup(let value): return .markup(try text(value))
        case .list(let list): return try .list(items(list))
        case .tuple(let list): return try .tuple(items(list))
        default: return nil
        }
    }

    static func integers(_ operation: Operator, _ a: Int, _ b: Int) throws -> JinjaValue {
        func checked(_ result: (partialValue: Int, overflow: Bool)) throws -> JinjaValue {
            if result.overflow { throw tooLarge }
            return .integer(result.partialValue)
        }
        switch operation {
        case .add: return try checked(a.addingReportingOverflow(b))
        case .subtract: return try checked(a.subtractingReportingOverflow(b))
        case .multiply: return try checked(a.multipliedReportingOverflow(by: b))
        case .divide:
            guard b != 0 else { throw JinjaError(.zeroDivision, "division by zero") }
            return .float(Double(a) / Double(b))
        case .floorDivide, .remainder:
            guard b != 0 else {
                throw JinjaError(.zeroDivision, "integer division or modulo by zero")
            }
            if a == .min, b == -1 {
                if operation == .remainder { return .integer(0) }
                throw tooLarge
            }
            let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
            let rounds = remainder != 0 && (remainder < 0) != (b < 0)
            return .integer(
                operation == .remainder
                    ? (rounds ? remainder + b : remainder) : (rounds ? quotient - 1 : quotient))
        case .power:
            if b < 0 { return try floats(.power, Double(a), Double(b)) }
            var (result, base, exponent) = (1, a, b)
            while exponent > 0 {
                if exponent & 1 == 1 {
                    let (value, overflow) = result.multipliedReportingOverflow(by: base)
                    if overflow { throw tooLarge }
                    result = value
                }
                exponent >>= 1
                if exponent > 0 {
                    let (value, overflow) = base.multipliedReportingOverflow(by: base)
                    if overflow { throw tooLarge }
                    base = value
                }
            }
            return .integer(result)
        }
    }

    private static func floats(_ operation: Operator, _ a: Double, _ b: Double) throws -> JinjaValue
    {
        switch operation {
        case .add: return .float(a + b)
        case .subtract: return .float(a - b)
        case .multiply: return .float(a * b)
        case .divide:
            guard b != 0 else { throw JinjaError(.zeroDivision, "float division by zero") }
            return .float(a / b)
        case .floorDivide, .remainder:
            guard b != 0 else { throw JinjaError(.zeroDivision, "float floor division by zero") }
            var remainder = fmod(a, b)
            var quotient = (a - remainder) / b
            if remainder != 0, (remainder < 0) != (b < 0) {
                remainder += b
                quotient -= 1
            } else if remainder == 0 {
                remainder = b < 0 ? -0.0 : 0.0
            }
            if operation == .remainder { return .float(remainder) }
            let floor = quotient.rounded(.down)
            return .float(
                quotient == 0
                    ? (a / b < 0 || (a / b).sign == .minus ? -0.0 : 0.0)
                    : quotient - floor > 0.5 ? floor + 1 : floor)
        case .power:
            if a == 0, b < 0 {
                throw JinjaError(.zeroDivision, "0.0 cannot be raised to a negative power")
            }
            let result = pow(a, b)
            if result.isInfinite, a.isFinite, b.isFinite {
                throw JinjaError(.overflow, "(34, 'Numerical result out of range')")
            }
            if result.isNaN, !a.isNaN, !b.isNaN {
                throw JinjaError(.unsupported, "Complex numbers are not supported.")
            }
            return .float(result)
        }
    }

    static func negated(_ value: JinjaValue) throws -> JinjaValue {
        switch value {
        case .float(let value): return .float(-value)
        case .undefined(let value): throw value.error
        case .large: throw tooLarge
        default:
            guard let int = value.int else {
                throw JinjaError(.type, "bad operand type for unary -: '\(value.typeName)'")
            }
            guard int != .min else { throw tooLarge }
            return .integer(-int)
        }
    }

    static func positive(_ value: JinjaValue) throws -> JinjaValue {
        switch value {
        case .float, .large: return value
        case .undefined(let value): throw value.error
        default:
            guard let int = value.int else {
                throw JinjaError(.type, "bad operand type for unary +: '\(value.typeName)'")
            }
            return .integer(int)
        }
    }
}
