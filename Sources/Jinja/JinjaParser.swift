/// Makes a syntax tree of a template's tokens; this file has the statements.
struct JinjaParser {
    private let tokens: [JinjaToken]
    private var index = 0
    /// How deep statements and expressions are inside each other at the moment.
    private var depth = 0
    /// The deepest since the innermost macro began.
    private var deepest = 0
    /// How many loops surround the statement within its function.
    private var loops = 0
    /// Mentions of names with a special meaning, in the order of the source.
    private var mentions = [(name: String, isStored: Bool)]()
    private var names = Set<String>()
    private static let special: Set = ["loop", "caller", "kwargs", "varargs"]

    private init(_ tokens: [JinjaToken]) { self.tokens = tokens }

    static func parse(_ source: JinjaSource) throws -> [JinjaSyntax.Statement] {
        guard source.bytes.count <= JinjaLimits.templateBytes else {
            throw JinjaError(
                .limit, "The template is longer than \(JinjaLimits.templateBytes) bytes.")
        }
        var parser = JinjaParser(try JinjaLexer.tokens(of: source))
        return try parser.statements(until: [])
    }

    // MARK: Tokens

    var current: JinjaToken { tokens[index] }
    var following: JinjaToken { tokens[min(index + 1, tokens.count - 1)] }

    mutating func advance() -> JinjaToken {
        defer { index = min(index + 1, tokens.count - 1) }
        return tokens[index]
    }

    mutating func skip(name: String) -> Bool {
        guard current.isName(name) else { return false }
        _ = advance()
        return true
    }

    mutating func skip(symbol: String) -> Bool {
        guard current.isSymbol(symbol) else { return false }
        _ = advance()
        return true
    }

    mutating func expect(symbol: String) throws {
        guard skip(symbol: symbol) else { throw unexpected(symbol) }
    }

    mutating func expect(_ kind: JinjaToken.Kind, _ description: String) throws -> JinjaToken {
        guard current.kind == kind else { throw unexpected(description) }
        return advance()
    }

    func unexpected(_ expected: String) -> JinjaError {
        let found =
            current.kind == .end
            ? "unexpected end of template, expected \(JinjaText.quoted(expected))."
            : "expected token \(JinjaText.quoted(expected)), got "
                + JinjaText.quoted(current.description)
        return JinjaError(.syntax, found, at: current.offset)
    }

    /// Parses something inside of what is being parsed.
    mutating func nested<R>(_ body: (inout JinjaParser) throws -> R) throws -> R {
        depth += 1
        deepest = max(deepest, depth)
        defer { depth -= 1 }
        guard depth <= JinjaLimits.syntaxDepth else { throw tooDeep }
        return try body(&self)
    }

    private var tooDeep: JinjaError {
        JinjaError(
            .limit, "The template is nested more than \(JinjaLimits.syntaxDepth) levels deep.",
            at: current.offset)
    }

    /// An expression over others, which must not be too deep.
    mutating func make(
        _ form: JinjaSyntax.Form, at offset: Int, over parts: [JinjaSyntax.Expression] = []
    ) throws -> JinjaSyntax.Expression {
        let depth = 1 + parts.reduce(0) { max($0, $1.depth) }
        deepest = max(deepest, self.depth + depth)
        guard depth <= JinjaLimits.syntaxDepth else { throw tooDeep }
        return JinjaSyntax.Expression(form: form, offset: offset, depth: depth)
    }

    mutating func mention(_ name: String, isStored: Bool) throws {
        if names.insert(name).inserted, names.count > JinjaLimits.nameCount {
            throw JinjaError(
                .limit, "The template has more than \(JinjaLimits.nameCount) names.",
                at: current.offset)
        }
        if JinjaParser.special.contains(name) { mentions.append((name, isStored)) }
    }

    /// Whether a name was read before it was assigned, since a mark in the mentions.
    private func uses(_ name: String, since mark: Int) -> Bool {
        mentions[mark...].first { $0.name == name }.map { !$0.isStored } ?? false
    }

    // MARK: Statements

    private mutating func statements(until ends: [String]) throws -> [JinjaSyntax.Statement] {
        var result = [JinjaSyntax.Statement]()
        while true {
            let token = current
            switch token.kind {
            case .data:
                _ = advance()
                result.append(.init(form: .data(token.value), offset: token.offset))
            case .variableBegin:
                _ = advance()
                let value = try tuple()
                _ = try expect(.variableEnd, "end of print statement")
                result.append(.init(form: .output(value), offset: token.offset))
            case .blockBegin:
                _ = advance()
                if current.kind == .name, ends.contains(where: { current.isName($0) }) {
                    return result
                }
                result.append(contentsOf: try nested { try $0.statement(ends) })
                _ = try expect(.blockEnd, "end of statement block")
            case .end where ends.isEmpty: return result
            case .end:
                throw JinjaError(
                    .syntax,
                    "Unexpected end of template. Jinja was looking for the following tags: "
                        + ends.map { "'\($0)'" }.joined(separator: " or ") + ".", at: token.offset)
            default: throw unexpected("template data / text")
            }
        }
    }

    /// The statements up to one of the tags, which is the current token afterwards.
    private mutating func body(_ ends: String...) throws -> [JinjaSyntax.Statement] {
        _ = skip(symbol: ":")
        _ = try expect(.blockEnd, "end of statement block")
        return try statements(until: ends)
    }

    /// The statements up to a tag and that tag.
    private mutating func closedBody(_ end: String) throws -> [JinjaSyntax.Statement] {
        let result = try body(end)
        _ = advance()
        return result
    }

    private mutating func statement(_ ends: [String]) throws -> [JinjaSyntax.Statement] {
        let tag = try expect(.name, "tag name")
        let form: JinjaSyntax.StatementForm
        switch tag.value {
        case "if": form = try conditional()
        case "for": form = try loop()
        case "set": form = try assignment()
        case "macro": form = try macro()
        case "call": form = try callBlock()
        case "generation":
            form = .generation(try function([]) { try $0.closedBody("endgeneration") })
        case "filter":
            let filter = try self.filter(nil, isFirst: true)
            form = .filterBlock(filter, body: try closedBody("endfilter"))
        case "with": form = try with()
        case "print":
            var result = [JinjaSyntax.Statement]()
            while current.kind != .blockEnd {
                if !result.isEmpty { try expect(symbol: ",") }
                result.append(.init(form: .output(try expression()), offset: tag.offset))
            }
            return result
        case "break", "continue":
            guard loops > 0 else {
                throw JinjaError(.syntax, "'\(tag.value)' outside loop", at: tag.offset)
            }
            form = tag.value == "break" ? .leave : .skip
        case "block":
            let name = try expect(.name, "name").value
            _ = skip(name: "scoped")
            let body = try closedBody("endblock")
            _ = skip(name: name)
            form = .block(name, body: body)
        case "include", "import", "from", "extends", "autoescape":
            while current.kind != .blockEnd, current.kind != .end { _ = advance() }
            form = .unsupported(tag.value)
        default:
            let wanted = ends.map { "'\($0)'" }.joined(separator: " or ")
            throw JinjaError(
                .syntax,
                "Encountered unknown tag \(JinjaText.quoted(tag.value))."
                    + (ends.isEmpty
                        ? "" : " Jinja was looking for the following tags: \(wanted)."),
                at: tag.offset)
        }
        return [JinjaSyntax.Statement(form: form, offset: tag.offset)]
    }

    private mutating func conditional() throws -> JinjaSyntax.StatementForm {
        var branches = [(test: JinjaSyntax.Expression, body: [JinjaSyntax.Statement])]()
        while true {
            let test = try tuple(conditional: false)
            branches.append((test, try body("elif", "else", "endif")))
            let end = advance()
            if end.isName("elif") { continue }
            let otherwise = end.isName("else") ? try closedBody("endif") : []
            return .conditional(branches, otherwise: otherwise)
        }
    }

    private mutating func loop() throws -> JinjaSyntax.StatementForm {
        let start = mentions.count
        let target = try self.target(until: "in")
        guard skip(name: "in") else { throw unexpected("in") }
        let elements = try tuple(conditional: false, until: "recursive")
        let test = skip(name: "if") ? try expression() : nil
        let isRecursive = skip(name: "recursive")
        let mark = mentions.count
        // A recursive loop is a function of its own, but can be left like any other.
        loops += 1
        let body: [JinjaSyntax.Statement]
        do {
            defer { loops -= 1 }
            body = try self.body("endfor", "else")
        }
        let usesLoop = uses("loop", since: mark)
        let otherwise = advance().isName("else") ? try closedBody("endfor") : []
        if mentions[start...].contains(where: { $0.name == "loop" && $0.isStored }) {
            throw JinjaError(
                .syntax, "Can't assign to special loop variable in for-loop target",
                at: elements.offset)
        }
        return .loop(
            JinjaSyntax.Loop(
                target: target, elements: elements, test: test, isRecursive: isRecursive,
                body: body, otherwise: otherwise, usesLoop: usesLoop))
    }

    private mutating func assignment() throws -> JinjaSyntax.StatementForm {
        let target = try self.target(namespaces: true)
        if skip(symbol: "=") { return .assign(target, try tuple()) }
        let filter = current.isSymbol("|") ? try self.filter(nil, isFirst: false) : nil
        return .assignBlock(target, filter: filter, body: try closedBody("endset"))
    }

    /// Parses the body of something that is called, and finds out what it needs.
    private mutating func function(
        _ parameters: [(name: String, fallback: JinjaSyntax.Expression?)],
        _ body: (inout JinjaParser) throws -> [JinjaSyntax.Statement]
    ) throws -> JinjaSyntax.Function {
        let mark = mentions.count
        let (outerDeepest, outerLoops) = (deepest, loops)
        (deepest, loops) = (depth, 0)
        var result = JinjaSyntax.Function(parameters: parameters, body: try body(&self))
        result.depth = deepest - depth + 1
        (deepest, loops) = (max(outerDeepest, deepest), outerLoops)
        func isParameter(_ name: String) -> Bool { parameters.contains { $0.name == name } }
        result.usesCaller = uses("caller", since: mark) && !isParameter("caller")
        result.usesKeywords = uses("kwargs", since: mark) && !isParameter("kwargs")
        result.usesRest = uses("varargs", since: mark) && !isParameter("varargs")
        if uses("caller", since: mark),
            parameters.contains(where: { $0.name == "caller" && $0.fallback == nil })
        {
            throw JinjaError(
                .syntax,
                "When defining macros or call blocks the special \"caller\" argument must be "
                    + "omitted or be given a default.", at: current.offset)
        }
        return result
    }

    private mutating func macro() throws -> JinjaSyntax.StatementForm {
        let name = try assignable()
        let parameters = try signature()
        return .macro(name, try function(parameters) { try $0.closedBody("endmacro") })
    }

    private mutating func callBlock() throws -> JinjaSyntax.StatementForm {
        let place = current.offset
        let parameters = current.isSymbol("(") ? try signature() : []
        let call = try expression()
        guard case .call = call.form else {
            throw JinjaError(.syntax, "expected call", at: place)
        }
        return .callBlock(try function(parameters) { try $0.closedBody("endcall") }, call: call)
    }

    private mutating func signature() throws -> [(name: String, fallback: JinjaSyntax.Expression?)]
    {
        var result = [(name: String, fallback: JinjaSyntax.Expression?)]()
        try expect(symbol: "(")
        while !current.isSymbol(")") {
            if !result.isEmpty { try expect(symbol: ",") }
            let name = try assignable()
            if skip(symbol: "=") {
                result.append((name, try expression()))
            } else if result.last?.fallback != nil {
                throw JinjaError(
                    .syntax, "non-default argument follows default argument", at: current.offset)
            } else if result.contains(where: { JinjaText.equal($0.name, name) }) {
                throw JinjaError(
                    .syntax, "duplicate argument '\(name)' in function definition",
                    at: current.offset)
            } else {
                result.append((name, nil))
            }
        }
        try expect(symbol: ")")
        return result
    }

    private mutating func with() throws -> JinjaSyntax.StatementForm {
        var values = [(target: JinjaSyntax.Target, value: JinjaSyntax.Expression)]()
        while current.kind != .blockEnd {
            if !values.isEmpty { try expect(symbol: ",") }
            let target = try self.target()
            try expect(symbol: "=")
            values.append((target, try expression()))
        }
        return .with(values, body: try closedBody("endwith"))
    }

    // MARK: Targets

    private static let constants: Set = ["true", "false", "none", "True", "False", "None"]

    private mutating func assignable() throws -> String {
        let token = try expect(.name, "name")
        guard !JinjaParser.constants.contains(token.value) else { throw unassignable(token) }
        try mention(token.value, isStored: true)
        return token.value
    }

    private func unassignable(_ token: JinjaToken) -> JinjaError {
        JinjaError(
            .syntax, "can't assign to \(JinjaText.quoted(token.description))", at: token.offset)
    }

    /// One target or several with commas between them.
    private mutating func target(
        until end: String? = nil, namespaces: Bool = false
    ) throws -> JinjaSyntax.Target {
        var targets = [JinjaSyntax.Target]()
        var isTuple = false
        func ended(_ parser: JinjaParser) -> Bool {
            let token = parser.current
            return token.kind == .variableEnd || token.kind == .blockEnd || token.isSymbol(")")
                || end.map { token.isName($0) } ?? false
        }
        while !ended(self) {
            targets.append(try nested { try $0.simpleTarget(namespaces: namespaces) })
            guard skip(symbol: ",") else { break }
            isTuple = true
        }
        if isTuple { return .tuple(targets) }
        guard let only = targets.first else {
            throw JinjaError(
                .syntax, "Expected an expression, got \(JinjaText.quoted(current.description))",
                at: current.offset)
        }
        return only
    }

    private mutating func simpleTarget(namespaces: Bool) throws -> JinjaSyntax.Target {
        let token = current
        if skip(symbol: "(") {
            // Inside parentheses Jinja reads an ordinary expression.
            if skip(symbol: ")") { return .tuple([]) }
            let target = try self.target()
            try expect(symbol: ")")
            return target
        }
        guard token.kind == .name else { throw unassignable(token) }
        if namespaces, following.isSymbol(".") {
            _ = advance()
            _ = advance()
            try mention(token.value, isStored: false)
            let attribute = try expect(.name, "name").value
            return .attribute(token.value, attribute, offset: token.offset)
        }
        return .name(try assignable())
    }
}
