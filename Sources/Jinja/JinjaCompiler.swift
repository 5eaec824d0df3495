/// Turns syntax into something that runs: names become slots, filters and methods are looked up.
struct JinjaCompiler {
    private let source: JinjaSource
    private let scope: JinjaScope
    /// Where an unknown filter is an error only when it is reached: inside of conditions.
    private let isSoft: Bool
    /// Where the text of the filter block around is.
    private let collected: Int?

    private init(
        _ source: JinjaSource, _ scope: JinjaScope, isSoft: Bool = false, collected: Int? = nil
    ) {
        (self.source, self.scope, self.isSoft) = (source, scope, isSoft)
        self.collected = collected
    }

    private var soft: JinjaCompiler {
        JinjaCompiler(source, scope, isSoft: true, collected: collected)
    }

    private func inner(_ layout: JinjaScope.Layout? = nil, collected: Int? = nil) -> JinjaCompiler {
        JinjaCompiler(
            source, JinjaScope(parent: scope, layout: layout ?? scope.layout),
            collected: collected)
    }

    /// A whole template and the number of its slots.
    static func compile(
        _ statements: [JinjaSyntax.Statement], _ source: JinjaSource
    ) throws -> (body: JinjaBody, slotCount: Int) {
        let layout = JinjaScope.Layout(parent: nil)
        let compiler = JinjaCompiler(source, JinjaScope(parent: nil, layout: layout))
        compiler.scope.visit(statements)
        let body = try compiler.body(statements)
        return (body, layout.count)
    }

    /// The statements of a scope that was looked at already.
    private func body(_ statements: [JinjaSyntax.Statement]) throws -> JinjaBody {
        let compiled = try statements.map(statement)
        return JinjaBody(loads: scope.loads, statements: compiled)
    }

    // MARK: Statements

    private func statement(_ statement: JinjaSyntax.Statement) throws -> any JinjaStatement {
        let offset = statement.offset
        switch statement.form {
        case .data(let text): return JinjaTextOutput(text)
        case .output(let value): return JinjaOutput(try expression(value), at: offset)
        case .leave: return JinjaJump(.leave)
        case .skip: return JinjaJump(.skip)
        case .unsupported(let name): return JinjaUnsupported(name, at: offset)
        case .conditional(let branches, let otherwise):
            let compiled = try branches.map {
                (
                    test: try soft.expression($0.test),
                    body: JinjaBody(statements: try $0.body.map(soft.statement))
                )
            }
            return JinjaConditional(
                compiled, otherwise: JinjaBody(statements: try otherwise.map(soft.statement)),
                at: offset)
        case .assign(let target, let value):
            let value = try expression(value)
            return JinjaAssignment(self.target(target), value, at: offset)
        case .loop(let loop): return try self.loop(loop, at: offset)
        case .macro(let name, let function):
            let code = try self.function(name, function)
            return JinjaMacroDefinition(code, scope.reference(name))
        case .generation(let function):
            return JinjaCallBlock(try self.function("caller", function), nil)
        case .callBlock(let function, let call):
            return JinjaCallBlock(
                try self.function(nil, function), try expression(call) as? JinjaCall)
        case .assignBlock(let target, let filter, let body):
            let slot = scope.layout.makeSlot()
            let inner = inner(collected: slot)
            inner.scope.visit(body)
            if let filter { inner.scope.visit(filter) }
            let compiledFilter = try filter.map(inner.expression)
            return JinjaCollection(
                try inner.body(body), slot: slot, filter: compiledFilter,
                target: self.target(target), at: offset)
        case .filterBlock(let filter, let body):
            let slot = scope.layout.makeSlot()
            let inner = inner(collected: slot)
            inner.scope.visit(body)
            inner.scope.visit(filter)
            let compiledFilter = try inner.expression(filter)
            return JinjaCollection(
                try inner.body(body), slot: slot, filter: compiledFilter, target: nil, at: offset)
        case .with(let values, let body):
            let inner = inner()
            for value in values { inner.scope.visit(value.target, asParameter: true) }
            inner.scope.visit(body)
            let compiled = try values.map {
                (target: inner.target($0.target), value: try expression($0.value))
            }
            return JinjaWith(compiled, try inner.body(body), at: offset)
        case .block(_, let body):
            let inner = inner()
            inner.scope.visit(body)
            return JinjaGroup(try inner.body(body))
        }
    }

    private func target(_ target: JinjaSyntax.Target) -> JinjaTarget {
        switch target {
        case .name(let name): .variable(scope.reference(name))
        case .attribute(let name, let attribute, _): .attribute(scope.reference(name), attribute)
        case .tuple(let targets): .tuple(targets.map(self.target))
        }
    }

    private func loop(_ loop: JinjaSyntax.Loop, at offset: Int) throws -> any JinjaStatement {
        // A recursive loop calls itself, so it is a function with a frame of its own.
        let layout = loop.isRecursive ? JinjaScope.Layout(parent: scope.layout) : nil
        let (inner, testing, otherwise) = (inner(layout), inner(layout), inner(layout))
        let usesLoop = loop.usesLoop || loop.isRecursive
        let loopSlot = usesLoop ? inner.scope.declare("loop") : nil
        inner.scope.visit(loop.target, asParameter: true)
        inner.scope.visit(loop.body)
        otherwise.scope.visit(loop.otherwise)
        var test: (body: JinjaBody, target: JinjaTarget, condition: any JinjaExpression)?
        if let condition = loop.test {
            testing.scope.visit(loop.target, asParameter: true)
            testing.scope.visit(condition)
            let compiled = try testing.expression(condition)
            test = (
                JinjaBody(loads: testing.scope.loads), testing.target(loop.target), compiled
            )
        }
        let target = inner.target(loop.target)
        let body = try inner.body(loop.body)
        let otherwiseBody = try otherwise.body(loop.otherwise)
        return JinjaLoopStatement(
            target: target, elements: try expression(loop.elements), test: test, body: body,
            otherwise: otherwiseBody, hasOtherwise: !loop.otherwise.isEmpty, loopSlot: loopSlot,
            recursiveSlots: layout?.count, at: offset)
    }

    private func function(
        _ name: String?, _ function: JinjaSyntax.Function
    ) throws -> JinjaFunctionCode {
        let layout = JinjaScope.Layout(parent: scope.layout)
        let inner = inner(layout)
        let slots = function.parameters.map { inner.scope.declare($0.name) }
        let caller = function.usesCaller ? inner.scope.declare("caller") : nil
        let keywords = function.usesKeywords ? inner.scope.declare("kwargs") : nil
        let rest = function.usesRest ? inner.scope.declare("varargs") : nil
        for parameter in function.parameters {
            if let fallback = parameter.fallback { inner.scope.visit(fallback) }
        }
        inner.scope.visit(function.body)
        let parameters = try zip(function.parameters, slots).map {
            (name: $0.name, slot: $1, fallback: try $0.fallback.map(inner.expression))
        }
        let body = try inner.body(function.body)
        return JinjaFunctionCode(
            name, parameters, body, slotCount: layout.count, callerSlot: caller,
            keywordsSlot: keywords, restSlot: rest, depth: function.depth)
    }

    // MARK: Expressions

    private func expression(_ expression: JinjaSyntax.Expression) throws -> any JinjaExpression {
        let offset = expression.offset
        switch expression.form {
        case .literal(let literal): return JinjaConstant(literal)
        case .name(let name): return JinjaVariable(name, scope.reference(name))
        case .list(let items): return JinjaSequence(try items.map(self.expression), isTuple: false)
        case .tuple(let items): return JinjaSequence(try items.map(self.expression), isTuple: true)
        case .dictionary(let items):
            return JinjaMapping(
                keys: try items.map { try self.expression($0.key) },
                values: try items.map { try self.expression($0.value) })
        case .negative(let value):
            return JinjaSign(try self.expression(value), isNegative: true, at: offset)
        case .positive(let value):
            return JinjaSign(try self.expression(value), isNegative: false, at: offset)
        case .not(let value):
            let value = try self.expression(value)
            return JinjaLogic(.not, value, value)
        case .and(let left, let right):
            return JinjaLogic(.and, try self.expression(left), try self.expression(right))
        case .or(let left, let right):
            return JinjaLogic(.or, try self.expression(left), try self.expression(right))
        case .arithmetic(let operation, let left, let right):
            return JinjaCalculation(
                operation, try self.expression(left), try self.expression(right), at: offset)
        case .comparison(let first, let others):
            return JinjaComparisonChain(
                try self.expression(first), others.map(\.0),
                try others.map { try self.expression($0.1) }, at: offset)
        case .concatenation(let parts):
            return JinjaConcatenation(try parts.map(self.expression))
        case .conditional(let test, let first, let second):
            return JinjaChoice(
                try soft.expression(test), try soft.expression(first),
                try second.map(soft.expression), line: source.line(of: offset))
        case .attribute(let value, let name):
            return JinjaAttribute(try self.expression(value), name, at: offset)
        case .element(let value, let key):
            return JinjaElement(try self.expression(value), try self.expression(key), at: offset)
        case .slice(let value, let parts):
            return JinjaSlice(
                try self.expression(value), try parts.map { try $0.map(self.expression) },
                at: offset)
        case .call(let value, let arguments):
            if case .attribute(let subject, let name) = value.form {
                return JinjaMethodCall(
                    try self.expression(subject), name, try self.arguments(arguments), at: offset)
            }
            return JinjaCall(
                try self.expression(value), try self.arguments(arguments), at: offset)
        case .filter(let value, let name, let arguments):
            guard isSoft || JinjaFilter(rawValue: name) != nil else {
                throw JinjaError(
                    .syntax, "No filter named \(JinjaText.quoted(name)).", at: offset)
            }
            let subject: any JinjaExpression =
                if let value {
                    try self.expression(value)
                } else {
                    JinjaCollected(slot: collected ?? 0)
                }
            return JinjaFilterCall(name, subject, try self.arguments(arguments), at: offset)
        case .test(let value, let name, let arguments):
            guard isSoft || JinjaTest.named(name) != nil else {
                throw JinjaError(
                    .syntax, "No test named \(JinjaText.quoted(name)).", at: offset)
            }
            return JinjaTestCall(
                name, try self.expression(value), try self.arguments(arguments), at: offset)
        }
    }

    private func arguments(_ arguments: JinjaSyntax.Arguments) throws -> JinjaArgumentList {
        JinjaArgumentList(
            try arguments.positional.map(expression),
            try arguments.keywords.map { (name: $0.name, value: try expression($0.value)) },
            list: try arguments.list.map(expression),
            dictionary: try arguments.dictionary.map(expression))
    }
}
