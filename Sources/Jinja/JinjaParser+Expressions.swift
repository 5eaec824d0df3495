/// Expressions, from the loosest operator to the tightest.
extension JinjaParser {
    /// An expression, or several with commas between them, which make a tuple.
    mutating func tuple(
        conditional: Bool = true, until end: String? = nil, isParenthesized: Bool = false
    ) throws -> JinjaSyntax.Expression {
        let start = current.offset
        var items = [JinjaSyntax.Expression]()
        var isTuple = false
        while !(current.kind == .variableEnd || current.kind == .blockEnd || current.isSymbol(")")
            || end.map({ current.isName($0) }) ?? false)
        {
            items.append(try conditional ? expression() : disjunction())
            guard skip(symbol: ",") else { break }
            isTuple = true
        }
        if !isTuple, let only = items.first { return only }
        guard isTuple || isParenthesized else {
            throw JinjaError(
                .syntax, "Expected an expression, got \(JinjaText.quoted(current.description))",
                at: current.offset)
        }
        return try make(.tuple(items), at: start, over: items)
    }

    /// Any expression without commas.
    mutating func expression() throws -> JinjaSyntax.Expression {
        try nested { parser in
            let start = parser.current.offset
            var result = try parser.disjunction()
            while parser.skip(name: "if") {
                let test = try parser.disjunction()
                let otherwise = parser.skip(name: "else") ? try parser.expression() : nil
                let parts = [test, result] + (otherwise.map { [$0] } ?? [])
                result = try parser.make(
                    .conditional(test: test, then: result, otherwise: otherwise), at: start,
                    over: parts)
            }
            return result
        }
    }

    private mutating func disjunction() throws -> JinjaSyntax.Expression {
        var left = try conjunction()
        while case let place = current.offset, skip(name: "or") {
            let right = try conjunction()
            left = try make(.or(left, right), at: place, over: [left, right])
        }
        return left
    }

    private mutating func conjunction() throws -> JinjaSyntax.Expression {
        var left = try negation()
        while case let place = current.offset, skip(name: "and") {
            let right = try negation()
            left = try make(.and(left, right), at: place, over: [left, right])
        }
        return left
    }

    private mutating func negation() throws -> JinjaSyntax.Expression {
        let place = current.offset
        guard skip(name: "not") else { return try comparison() }
        let value = try nested { try $0.negation() }
        return try make(.not(value), at: place, over: [value])
    }

    private mutating func comparison() throws -> JinjaSyntax.Expression {
        let left = try sum()
        let place = current.offset
        var operands = [(JinjaComparison.Operator, JinjaSyntax.Expression)]()
        while let operation = comparisonOperator() { operands.append((operation, try sum())) }
        if operands.isEmpty { return left }
        return try make(
            .comparison(left, operands), at: place, over: [left] + operands.map { $0.1 })
    }

    private mutating func comparisonOperator() -> JinjaComparison.Operator? {
        if current.kind == .name {
            if skip(name: "in") { return .contained }
            guard current.isName("not"), following.isName("in") else { return nil }
            _ = advance()
            _ = advance()
            return .notContained
        }
        guard current.kind == .symbol else { return nil }
        let operation: JinjaComparison.Operator
        switch current.value {
        case "==": operation = .equal
        case "!=": operation = .notEqual
        case "<": operation = .less
        case "<=": operation = .lessOrEqual
        case ">": operation = .greater
        case ">=": operation = .greaterOrEqual
        default: return nil
        }
        _ = advance()
        return operation
    }

    /// Operators of one strength, from left to right.
    private mutating func chain(
        _ operators: [String: JinjaArithmetic.Operator],
        _ operand: (inout JinjaParser) throws -> JinjaSyntax.Expression
    ) throws -> JinjaSyntax.Expression {
        var left = try operand(&self)
        while current.kind == .symbol, let operation = operators[current.value] {
            let place = advance().offset
            let right = try operand(&self)
            left = try make(
                .arithmetic(operation, left, right), at: place, over: [left, right])
        }
        return left
    }

    private mutating func sum() throws -> JinjaSyntax.Expression {
        try chain(["+": .add, "-": .subtract]) { try $0.concatenation() }
    }

    private mutating func concatenation() throws -> JinjaSyntax.Expression {
        let place = current.offset
        var parts = [try product()]
        while skip(symbol: "~") { parts.append(try product()) }
        return parts.count == 1
            ? parts[0] : try make(.concatenation(parts), at: place, over: parts)
    }

    private mutating func product() throws -> JinjaSyntax.Expression {
        try chain(["*": .multiply, "/": .divide, "//": .floorDivide, "%": .remainder]) {
            try $0.power()
        }
    }

    private mutating func power() throws -> JinjaSyntax.Expression {
        try chain(["**": .power]) { try $0.unary() }
    }

    private mutating func unary(filters: Bool = true) throws -> JinjaSyntax.Expression {
        let place = current.offset
        var value: JinjaSyntax.Expression
        if skip(symbol: "-") {
            let operand = try nested { try $0.unary(filters: false) }
            value = try make(.negative(operand), at: place, over: [operand])
        } else if skip(symbol: "+") {
            let operand = try nested { try $0.unary(filters: false) }
            value = try make(.positive(operand), at: place, over: [operand])
        } else {
            value = try primary()
        }
        value = try postfix(value)
        while filters {
            if current.isSymbol("|") {
                value = try filter(value, isFirst: false)
            } else if current.isName("is") {
                value = try test(value)
            } else if current.isSymbol("(") {
                value = try call(value)
            } else {
                break
            }
        }
        return value
    }

    private mutating func primary() throws -> JinjaSyntax.Expression {
        let token = advance()
        switch token.kind {
        case .name:
            switch token.value {
            case "true", "True": return try make(.literal(.bool(true)), at: token.offset)
            case "false", "False": return try make(.literal(.bool(false)), at: token.offset)
            case "none", "None": return try make(.literal(.none), at: token.offset)
            default:
                try mention(token.value, isStored: false)
                return try make(.name(token.value), at: token.offset)
            }
        case .text:
            var text = token.value
            while current.kind == .text { text += advance().value }
            return try make(.literal(.text(text)), at: token.offset)
        case .integer: return try make(.literal(integer(token.value)), at: token.offset)
        case .float:
            return try make(.literal(.float(Double(token.value) ?? .nan)), at: token.offset)
        case .symbol where token.value == "(":
            let value = try nested { try $0.tuple(isParenthesized: true) }
            try expect(symbol: ")")
            return value
        case .symbol where token.value == "[":
            let items = try list(until: "]") { try $0.expression() }
            return try make(.list(items), at: token.offset, over: items)
        case .symbol where token.value == "{":
            let items = try list(until: "}") { parser in
                let key = try parser.expression()
                try parser.expect(symbol: ":")
                return (key: key, value: try parser.expression())
            }
            return try make(
                .dictionary(items), at: token.offset, over: items.flatMap { [$0.key, $0.value] })
        default:
            throw JinjaError(
                .syntax, "unexpected \(JinjaText.quoted(token.description))", at: token.offset)
        }
    }

    private func integer(_ text: String) -> JinjaLiteral {
        let radix =
            switch text.utf8.dropFirst().first.map({ $0 | 0x20 }) {
            case UInt8(ascii: "x"): 16
            case UInt8(ascii: "o"): 8
            case UInt8(ascii: "b"): 2
            default: 10
            }
        let digits = radix == 10 ? text : String(text.dropFirst(2))
        if let value = Int(digits, radix: radix) { return .integer(value) }
        return .large(digits)
    }

    /// Elements with commas between them up to a bracket; one comma may end them.
    private mutating func list<T>(
        until end: String, _ element: (inout JinjaParser) throws -> T
    ) throws -> [T] {
        var items = [T]()
        while !current.isSymbol(end) {
            if !items.isEmpty {
                try expect(symbol: ",")
                if current.isSymbol(end) { break }
            }
            items.append(try element(&self))
        }
        try expect(symbol: end)
        return items
    }

    private mutating func postfix(
        _ value: JinjaSyntax.Expression
    ) throws -> JinjaSyntax.Expression {
        var value = value
        while current.kind == .symbol {
            switch current.value {
            case ".": value = try member(value)
            case "[": value = try subscription(value)
            case "(": value = try call(value)
            default: return value
            }
        }
        return value
    }

    private mutating func member(_ value: JinjaSyntax.Expression) throws -> JinjaSyntax.Expression {
        let place = advance().offset
        let token = advance()
        switch token.kind {
        case .name: return try make(.attribute(value, token.value), at: place, over: [value])
        case .integer:
            let key = try make(.literal(integer(token.value)), at: token.offset)
            return try make(.element(value, key), at: place, over: [value])
        default:
            throw JinjaError(.syntax, "expected name or number", at: token.offset)
        }
    }

    private mutating func subscription(
        _ value: JinjaSyntax.Expression
    ) throws -> JinjaSyntax.Expression {
        let place = advance().offset
        var keys = [JinjaSyntax.Expression]()
        while !current.isSymbol("]") {
            if !keys.isEmpty { try expect(symbol: ",") }
            let first = current.isSymbol(":") ? nil : try expression()
            if let first, !current.isSymbol(":") {
                keys.append(first)
                continue
            }
            var parts = [first]
            for _ in 0..<2 where skip(symbol: ":") {
                let isEmpty = current.isSymbol(":") || current.isSymbol("]")
                parts.append(isEmpty ? nil : try expression())
            }
            guard keys.isEmpty, current.isSymbol("]") else { throw unexpected("]") }
            _ = advance()
            return try make(
                .slice(value, parts), at: place, over: [value] + parts.compactMap { $0 })
        }
        try expect(symbol: "]")
        let key =
            keys.count == 1 ? keys[0] : try make(.tuple(keys), at: place, over: keys)
        return try make(.element(value, key), at: place, over: [value, key])
    }

    private mutating func call(_ value: JinjaSyntax.Expression) throws -> JinjaSyntax.Expression {
        let place = current.offset
        let arguments = try self.arguments()
        return try make(
            .call(value, arguments), at: place, over: [value] + arguments.all)
    }

    private mutating func arguments() throws -> JinjaSyntax.Arguments {
        let place = current.offset
        try expect(symbol: "(")
        var result = JinjaSyntax.Arguments()
        func ensure(_ condition: Bool) throws {
            guard condition else {
                throw JinjaError(
                    .syntax, "invalid syntax for function call expression", at: place)
            }
        }
        var isFirst = true
        while !current.isSymbol(")") {
            if !isFirst {
                try expect(symbol: ",")
                if current.isSymbol(")") { break }
            }
            isFirst = false
            if skip(symbol: "*") {
                try ensure(result.list == nil && result.dictionary == nil)
                result.list = try expression()
            } else if skip(symbol: "**") {
                try ensure(result.dictionary == nil)
                result.dictionary = try expression()
            } else if current.kind == .name, following.isSymbol("=") {
                try ensure(result.dictionary == nil)
                let name = advance().value
                _ = advance()
                try ensure(!result.keywords.contains { JinjaText.equal($0.name, name) })
                result.keywords.append((name, try expression()))
            } else {
                try ensure(
                    result.list == nil && result.dictionary == nil && result.keywords.isEmpty)
                result.positional.append(try expression())
            }
        }
        try expect(symbol: ")")
        return result
    }

    private mutating func dottedName() throws -> String {
        var name = try expect(.name, "name").value
        while skip(symbol: ".") { name += "." + (try expect(.name, "name").value) }
        return name
    }

    /// One filter or several, each behind a `|`; in a filter block the first has none.
    mutating func filter(
        _ subject: JinjaSyntax.Expression?, isFirst: Bool
    ) throws -> JinjaSyntax.Expression {
        var subject = subject
        var isFirst = isFirst
        repeat {
            if !isFirst { try expect(symbol: "|") }
            isFirst = false
            let place = current.offset
            let name = try dottedName()
            let arguments = current.isSymbol("(") ? try self.arguments() : .init()
            let parts = (subject.map { [$0] } ?? []) + arguments.all
            subject = try make(.filter(subject, name, arguments), at: place, over: parts)
        } while current.isSymbol("|")
        guard let subject else { throw unexpected("name") }
        return subject
    }

    private mutating func test(_ value: JinjaSyntax.Expression) throws -> JinjaSyntax.Expression {
        let place = advance().offset
        let isNegated = skip(name: "not")
        let name = try dottedName()
        var arguments = JinjaSyntax.Arguments()
        if current.isSymbol("(") {
            arguments = try self.arguments()
        } else if startsOperand {
            if current.isName("is") {
                throw JinjaError(
                    .syntax, "You cannot chain multiple tests with is", at: current.offset)
            }
            let operand = try primary()
            arguments.positional = [try postfix(operand)]
        }
        let test = try make(.test(value, name, arguments), at: place, over: [value] + arguments.all)
        return isNegated ? try make(.not(test), at: place, over: [test]) : test
    }

    /// Whether the current token begins the argument of a test that has no parentheses.
    private var startsOperand: Bool {
        switch current.kind {
        case .name:
            return !current.isName("else") && !current.isName("or") && !current.isName("and")
        case .text, .integer, .float: return true
        case .symbol: return current.value == "[" || current.value == "{"
        default: return false
        }
    }
}
