/// The tests behind `is`.
enum JinjaTest: String {
    case odd, even, divisibleby, defined, undefined, filter, test, none, boolean, `false`, `true`
    case integer, float, lower, upper, string, mapping, number, sequence, iterable, callable
    case sameas, escaped, `in`, eq, ne, gt, ge, lt, le

    /// The test of a name; some have several.
    static func named(_ name: String) -> JinjaTest? {
        switch name {
        case "==", "equalto": .eq
        case "!=": .ne
        case ">", "greaterthan": .gt
        case ">=": .ge
        case "<", "lessthan": .lt
        case "<=": .le
        default: JinjaTest(rawValue: name)
        }
    }

    func apply(
        _ value: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> Bool {
        switch self {
        case .eq, .ne, .gt, .ge, .lt, .le, .in, .sameas, .divisibleby:
            let other: JinjaValue
            if arguments.keywords.isEmpty, arguments.positional.count == 1 {
                other = arguments.positional[0]
            } else {
                let name = self == .divisibleby ? "num" : self == .in ? "seq" : "other"
                other = try arguments.bind(rawValue, [name], required: 1)[0] ?? .none
            }
            return try compare(value, other, rendering)
        default: _ = try arguments.bind(rawValue, [])
        }
        switch self {
        case .defined: if case .undefined = value { return false } else { return true }
        case .undefined: if case .undefined = value { return true } else { return false }
        case .none: if case .none = value { return true } else { return false }
        case .boolean: if case .bool = value { return true } else { return false }
        case .true: if case .bool(true) = value { return true } else { return false }
        case .false: if case .bool(false) = value { return true } else { return false }
        case .string: return value.string != nil
        case .mapping: if case .dictionary = value { return true } else { return false }
        case .float: if case .float = value { return true } else { return false }
        case .integer:
            switch value {
            case .integer, .large: return true
            default: return false
            }
        case .number:
            switch value {
            case .integer, .large, .float, .bool: return true
            default: return false
            }
        case .sequence:
            switch value {
            case .text, .markup, .list, .tuple, .dictionary: return true
            case .undefined: return true
            case .object(let object): return object.hasItems
            default: return false
            }
        case .iterable: return value.isIterable
        case .callable:
            if case .object(let object) = value { return object.isCallable }
            if case .undefined = value { return true }
            return false
        case .escaped: if case .markup = value { return true } else { return false }
        case .lower: return JinjaText.isLower(try rendering.string(value))
        case .upper: return JinjaText.isUpper(try rendering.string(value))
        case .odd, .even:
            let rest = try JinjaArithmetic.apply(.remainder, value, .integer(2), rendering)
            return JinjaComparison.equal(rest, .integer(self == .odd ? 1 : 0))
        case .filter:
            _ = try JinjaKey(value)
            return value.string.flatMap(JinjaFilter.init) != nil
        default:
            _ = try JinjaKey(value)
            return value.string.flatMap(JinjaTest.named) != nil
        }
    }

    private func compare(
        _ value: JinjaValue, _ other: JinjaValue, _ rendering: JinjaRendering
    ) throws -> Bool {
        try rendering.charge(
            elements: self == .in ? other.weight : JinjaComparison.cost(value, other))
        switch self {
        case .eq: return JinjaComparison.equal(value, other)
        case .ne: return !JinjaComparison.equal(value, other)
        case .gt: return try JinjaComparison.compare(value, .greater, other)
        case .ge: return try JinjaComparison.compare(value, .greaterOrEqual, other)
        case .lt: return try JinjaComparison.compare(value, .less, other)
        case .le: return try JinjaComparison.compare(value, .lessOrEqual, other)
        case .in: return try JinjaComparison.contains(other, value)
        case .sameas: return JinjaComparison.same(value, other)
        default:
            let rest = try JinjaArithmetic.apply(.remainder, value, other, rendering)
            return JinjaComparison.equal(rest, .integer(0))
        }
    }
}
