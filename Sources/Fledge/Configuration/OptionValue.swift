public import FledgeCore

/// The value of an option, in the form that its kind demands.
public enum OptionValue: Hashable, Sendable {
    /// Not set.
    case null
    /// True or false.
    case flag(Bool)
    /// A whole number.
    case integer(Int)
    /// A number.
    case number(Double)
    /// A text.
    case text(String)
    /// Texts.
    case list([String])
    /// Numbers.
    case numbers([Double])
    /// Anything structured.
    case json(JSONValue)
}

extension OptionValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
    ExpressibleByArrayLiteral
{
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
    /// A flag.
    public init(booleanLiteral value: Bool) { self = .flag(value) }
    /// A whole number.
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// A text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// A list of texts.
    public init(arrayLiteral elements: String...) { self = .list(elements) }
}

extension OptionValue: CustomStringConvertible {
    /// The value as YAML would hold it.
    public var description: String {
        switch self {
        case .null: "null"
        case .flag(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): JSONWriter.text(of: value)
        case .text(let value): value
        case .list(let values): values.isEmpty ? "null" : values.joined(separator: ",")
        case .numbers(let values): values.map(JSONWriter.text(of:)).joined(separator: ",")
        case .json(let value): value.serialized()
        }
    }

    /// The value in a file that lists all arguments.
    public var json: JSONValue {
        switch self {
        case .null: .null
        case .flag(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .number(let value): .number(value)
        case .text(let value): .string(value)
        case .list(let values): .array(values.map { .string($0) })
        case .numbers(let values): .array(values.map { .number($0) })
        case .json(let value): value
        }
    }
}
