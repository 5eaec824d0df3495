/// How a statement ended.
enum JinjaFlow { case next, leave, skip }

/// Something that can be done.
protocol JinjaStatement: AnyObject, Sendable {
    func execute(_ frame: JinjaFrame) throws -> JinjaFlow
}

/// What a scope does with its variables when it is entered.
enum JinjaLoad: Sendable {
    /// Looked up among the values that the template was given.
    case resolve(slot: Int, name: String)
    /// Taken from the scope around.
    case alias(slot: Int, JinjaReference)
    /// Not assigned yet.
    case empty(slot: Int)
}

/// Statements with the scope that they run in.
struct JinjaBody: Sendable {
    var loads: [JinjaLoad] = []
    var statements: [any JinjaStatement] = []

    func enter(_ frame: JinjaFrame) throws {
        for load in loads {
            switch load {
            case .empty(let slot): frame.slots[slot] = .missing
            case .alias(let slot, let reference): frame.slots[slot] = frame.value(reference)
            case .resolve(let slot, let name):
                frame.slots[slot] =
                    try frame.rendering.context.value(name) ?? JinjaGlobals.function(name)
                    ?? .missing
            }
        }
    }

    func execute(_ frame: JinjaFrame) throws -> JinjaFlow {
        for statement in statements {
            try frame.rendering.step()
            let flow = try statement.execute(frame)
            if case .next = flow { continue }
            return flow
        }
        return .next
    }

    func run(_ frame: JinjaFrame) throws -> JinjaFlow {
        try enter(frame)
        return try execute(frame)
    }
}

final class JinjaTextOutput: JinjaStatement {
    let text: String
    init(_ text: String) { self.text = text }

    func execute(_ frame: JinjaFrame) throws -> JinjaFlow {
        try frame.rendering.write(text)
        return .next
    }
}

final class JinjaOutput: JinjaStatement {
    let value: any JinjaExpression
    let offset: Int
    init(_ value: any JinjaExpression, at offset: Int) {
        (self.value, self.offset) = (value, offset)
    }

    func execute(_ frame: JinjaFrame) throws -> JinjaFlow {
        do {
            try frame.rendering.write(frame.rendering.string(value.evaluate(frame)))
        } catch let error as JinjaError { throw error.located(offset) }
        return .next
    }
}

final class JinjaConditional: JinjaStatement {
    let branches: [(test: any JinjaExpression, body: JinjaBody)]
    let otherwise: JinjaBody
    let offset: Int

    init(
        _ branches: [(test: any JinjaExpression, body: JinjaBody)], otherwise: JinjaBody,
        at offset: Int
    ) {
        (self.branches, self.otherwise, self.offset) = (branches, otherwise, offset)
    }

    func execute(_ frame: JinjaFrame) throws -> JinjaFlow {
        try chosen(frame).execute(frame)
    }

    private func chosen(_ frame: JinjaFrame) throws -> JinjaBody {
        do {
            for branch in branches where try branch.test.evaluate(frame).isTrue {
                return branch.body
            }
        } catch let error as JinjaError { throw error.located(offset) }
        return otherwise
    }
}

/// `break` and `continue`.
final class JinjaJump: JinjaStatement {
    let flow: JinjaFlow
    init(_ flow: JinjaFlow) { self.flow = flow }
    func execute(_ frame: JinjaFrame) -> JinjaFlow { flow }
}

/// What values are assigned to.
indirect enum JinjaTarget: Sendable {
    case variable(JinjaReference)
    case attribute(JinjaReference, String)
    case tuple([JinjaTarget])

    func assign(_ value: JinjaValue, _ frame: JinjaFrame) throws {
        switch self {
        case .variable(let reference): frame.set(reference, value)
        case .attribute(let reference, let name):
            guard case .object(let object) = frame.value(reference),
                let namespace = object as? JinjaNamespace
            else { throw JinjaTarget.notANamespace }
            try namespace.set(name, value)
        case .tuple(let targets):
            if case .undefined = value {
                guard targets.isEmpty else { throw JinjaTarget.wrongCount(targets.count, 0) }
            }
            let items: [JinjaValue]
            do { items = try value.elements(frame.rendering) } catch let error as JinjaError {
                guard error.kind == .type, !value.isIterable else { throw error }
                throw JinjaError(
                    .type, "cannot unpack non-iterable \(value.typeName) object")
            }
            guard items.count == targets.count else {
                throw JinjaTarget.wrongCount(targets.count, items.count)
            }
            for (target, item) in zip(targets, items) { try target.assign(item, frame) }
        }
    }

    /// Namespaces are looked at before the value is computed.
    func check(_ frame: JinjaFrame) throws {
        switch self {
        case .variable: return
        case .attribute(let reference, _):
            guard case .object(let object) = frame.value(reference), object is JinjaNamespace
            else { throw JinjaTarget.notANamespace }
        case .tuple(let targets): for target in targets { try target.check(frame) }
        }
    }

    private static let notANamespace = JinjaError(
        .runtime, "cannot assign attribute on non-namespace object")

    private static func wrongCount(_ expected: Int, _ found: Int) -> JinjaError {
        JinjaError(
            .value,
            found < expected
                ? "not enough values to unpack (expected \(expected), got \(found))"
                : "too many values to unpack (expected \(expected))")
    }
}

final class JinjaAssignment: JinjaStatement {
    let target: JinjaTarget
    let value: any JinjaExpression
    let offset: Int

    init(_ target: JinjaTarget, _ value: any JinjaExpression, at offset: Int) {
        (self.target, self.value, self.offset) = (target, value, offset)
    }

    func execute(_ frame: JinjaFrame) throws -> JinjaFlow {
        do {
            if case .variable(let reference) = target {
                frame.set(reference, try value.evaluate(frame))
            } else {
                try target.check(frame)
                try target.assign(value.evaluate(frame), frame)
            }
        } catch let error as JinjaError { throw error.located(offset) }
        return .next
    }
}

/// Statements whose text is collected: `set` blocks, and filter blocks, which write it again.
final class JinjaCollection: JinjaStatement {
    let body: JinjaBody
    /// Where the collected text is for the filter.
    let slot: Int
    let filter: (any JinjaExpression)?
    /// What gets the text; `nil` writes it.
    let target: JinjaTarget?
    let offset: Int

    init(
        _ body: JinjaBody, slot: Int, filter: (any JinjaExpression)?, target: JinjaTarget?,
        at offset: Int
    ) {
        (self.body, self.slot, self.filter, self.target) = (body, slot, filter, target)
        self.offset = offset
    }

    func execute(_ frame: JinjaFrame) throws -> JinjaFlow {
        let rendering = frame.rendering
        var flow = JinjaFlow.next
        let text = try rendering.collecting { flow = try body.run(frame) }
        // What was collected before a jump is lost, as in Jinja.
        guard case .next = flow else { return flow }
        var value = JinjaValue.text(text)
        if let filter {
            frame.slots[slot] = value
            value = try filter.evaluate(frame)
        }
        do {
            if let target {
                try target.assign(value, frame)
            } else {
                try rendering.write(rendering.string(value))
            }
        } catch let error as JinjaError { throw error.located(offset) }
        return .next
    }
}

final class JinjaWith: JinjaStatement {
    let values: [(target: JinjaTarget, value: any JinjaExpression)]
    let body: JinjaBody
    let offset: Int

    init(
        _ values: [(target: JinjaTarget, value: any JinjaExpression)], _ body: JinjaBody,
        at offset: Int
    ) {
        (self.values, self.body, self.offset) = (values, body, offset)
    }

    func execute(_ frame: JinjaFrame) throws -> JinjaFlow {
        try body.enter(frame)
        do {
            for (target, value) in values { try target.assign(value.evaluate(frame), frame) }
        } catch let error as JinjaError { throw error.located(offset) }
        return try body.execute(frame)
    }
}

/// A scope of its own without anything else: `block`.
final class JinjaGroup: JinjaStatement {
    let body: JinjaBody
    init(_ body: JinjaBody) { self.body = body }
    func execute(_ frame: JinjaFrame) throws -> JinjaFlow { try body.run(frame) }
}

/// A statement of Jinja that reaches for other templates.
final class JinjaUnsupported: JinjaStatement {
    let name: String
    let offset: Int
    init(_ name: String, at offset: Int) { (self.name, self.offset) = (name, offset) }

    func execute(_ frame: JinjaFrame) throws -> JinjaFlow {
        throw JinjaError(.unsupported, "The statement \(name) is not supported.", at: offset)
    }
}
