/// What a template says, as it was parsed.
enum JinjaSyntax {
    /// An expression, its place, and how deep it is.
    struct Expression: Sendable {
        var form: Form
        /// The byte of the source where it begins, or where its operator stands.
        var offset: Int
        var depth: Int
    }

    indirect enum Form: Sendable {
        case literal(JinjaLiteral)
        case name(String)
        case list([Expression])
        case tuple([Expression])
        case dictionary([(key: Expression, value: Expression)])
        case negative(Expression)
        case positive(Expression)
        case not(Expression)
        case and(Expression, Expression)
        case or(Expression, Expression)
        case arithmetic(JinjaArithmetic.Operator, Expression, Expression)
        case comparison(Expression, [(JinjaComparison.Operator, Expression)])
        case concatenation([Expression])
        case conditional(test: Expression, then: Expression, otherwise: Expression?)
        case attribute(Expression, String)
        case element(Expression, Expression)
        case slice(Expression, [Expression?])
        case call(Expression, Arguments)
        /// A filter; without a subject inside filter blocks.
        case filter(Expression?, String, Arguments)
        case test(Expression, String, Arguments)
    }

    struct Arguments: Sendable {
        var positional = [Expression]()
        var keywords = [(name: String, value: Expression)]()
        var list: Expression?
        var dictionary: Expression?

        var all: [Expression] {
            positional + keywords.map(\.value) + [list, dictionary].compactMap { $0 }
        }
    }

    /// What can be assigned to.
    indirect enum Target: Sendable {
        case name(String)
        case attribute(String, String, offset: Int)
        case tuple([Target])
    }

    struct Statement: Sendable {
        var form: StatementForm
        var offset: Int
    }

    indirect enum StatementForm: Sendable {
        case data(String)
        case output(Expression)
        case conditional([(test: Expression, body: [Statement])], otherwise: [Statement])
        case loop(Loop)
        case assign(Target, Expression)
        case assignBlock(Target, filter: Expression?, body: [Statement])
        case macro(String, Function)
        case callBlock(Function, call: Expression)
        case generation(Function)
        case filterBlock(Expression, body: [Statement])
        case with([(target: Target, value: Expression)], body: [Statement])
        case block(String, body: [Statement])
        case leave, skip
        case unsupported(String)
    }

    struct Loop: Sendable {
        var target: Target
        var elements: Expression
        var test: Expression?
        var isRecursive: Bool
        var body: [Statement]
        var otherwise: [Statement]
        /// Whether the body speaks of `loop`.
        var usesLoop: Bool
    }

    /// The parameters and the body of a macro or a call block.
    struct Function: Sendable {
        var parameters: [(name: String, fallback: Expression?)]
        var body: [Statement]
        var usesCaller = false
        var usesKeywords = false
        var usesRest = false
        /// How deep the statements of the body are inside each other.
        var depth = 1
    }
}

/// A constant of a template.
enum JinjaLiteral: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case large(String)
    case float(Double)
    case text(String)

    var value: JinjaValue {
        switch self {
        case .none: .none
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .large(let digits): .large(digits)
        case .float(let value): .float(value)
        case .text(let value): .text(value)
        }
    }
}
