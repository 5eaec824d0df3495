/// The code of a macro or of a call block.
final class JinjaFunctionCode: Sendable {
    let name: String?
    let parameters: [(name: String, slot: Int, fallback: (any JinjaExpression)?)]
    let body: JinjaBody
    let slotCount: Int
    /// Where the special arguments go, if the body speaks of them.
    let callerSlot, keywordsSlot, restSlot: Int?
    /// How deep the body's statements are inside each other.
    let depth: Int

    init(
        _ name: String?,
        _ parameters: [(name: String, slot: Int, fallback: (any JinjaExpression)?)],
        _ body: JinjaBody, slotCount: Int, callerSlot: Int?, keywordsSlot: Int?, restSlot: Int?,
        depth: Int
    ) {
        (self.name, self.parameters, self.body) = (name, parameters, body)
        (self.slotCount, self.depth) = (slotCount, depth)
        (self.callerSlot, self.keywordsSlot, self.restSlot) = (callerSlot, keywordsSlot, restSlot)
    }
}

/// A macro with the variables that it was defined among.
final class JinjaMacro: JinjaObject {
    private let code: JinjaFunctionCode
    private let frame: JinjaFrame

    init(_ code: JinjaFunctionCode, _ frame: JinjaFrame) { (self.code, self.frame) = (code, frame) }

    override var typeName: String { "Macro" }
    override var qualifiedTypeName: String { "jinja2.runtime.Macro" }
    override var isCallable: Bool { true }

    private var shownName: String { code.name.map(JinjaText.quoted) ?? "None" }

    override func attribute(_ name: String) throws -> JinjaValue? {
        switch name {
        case "name": return code.name.map { .text($0) } ?? JinjaValue.none
        case "arguments": return try .tuple(code.parameters.map { .text($0.name) })
        case "caller": return .bool(code.callerSlot != nil)
        case "catch_kwargs": return .bool(code.keywordsSlot != nil)
        case "catch_varargs": return .bool(code.restSlot != nil)
        default: return nil
        }
    }

    override func write(to printer: inout JinjaPrinter) {
        printer.put("<Macro \(code.name.map(JinjaText.quoted) ?? "anonymous")>")
    }

    override func call(
        _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        .text(try text(arguments))
    }

    /// What the macro writes.
    func text(_ arguments: JinjaArguments) throws -> String {
        let rendering = frame.rendering
        return try rendering.nested(code.depth + 6) {
            let inner = JinjaFrame(rendering, parent: frame, count: code.slotCount)
            try code.body.enter(inner)
            try bind(arguments, inner)
            return try rendering.collecting { _ = try code.body.execute(inner) }
        }
    }

    private func bind(_ arguments: JinjaArguments, _ inner: JinjaFrame) throws {
        var keywords = arguments.keywords
        func take(_ name: String) -> JinjaValue? {
            guard !keywords.isEmpty,
                let index = keywords.firstIndex(where: { JinjaText.equal($0.name, name) })
            else { return nil }
            return keywords.remove(at: index).value
        }
        let count = code.parameters.count
        for (index, parameter) in code.parameters.enumerated() {
            inner.slots[parameter.slot] =
                index < arguments.positional.count
                ? arguments.positional[index] : take(parameter.name) ?? .missing
        }
        let hasOwnCaller = code.parameters.contains { $0.name == "caller" }
        if let slot = code.callerSlot, !hasOwnCaller {
            inner.slots[slot] = take("caller") ?? .undefined(hint: "No caller defined")
        }
        if let slot = code.keywordsSlot {
            var builder = JinjaDictionary.Builder()
            for (name, value) in keywords { try builder.set(.text(name), value) }
            inner.slots[slot] = .dictionary(try builder.finish())
        } else if let first = keywords.first {
            throw JinjaError(
                .type,
                keywords.contains { $0.name == "caller" }
                    ? "macro \(shownName) was invoked with two values for the special caller "
                        + "argument. This is most likely a bug."
                    : "macro \(shownName) takes no keyword argument "
                        + JinjaText.quoted(first.name))
        }
        if let slot = code.restSlot {
            inner.slots[slot] = try .tuple(Array(arguments.positional.dropFirst(count)))
        } else if arguments.positional.count > count {
            throw JinjaError(
                .type, "macro \(shownName) takes not more than \(count) argument(s)")
        }
        for parameter in code.parameters {
            guard case .missing = inner.slots[parameter.slot] else { continue }
            inner.slots[parameter.slot] =
                try parameter.fallback?.evaluate(inner)
                ?? .undefined(hint: "parameter '\(parameter.name)' was not provided")
        }
    }
}

final class JinjaMacroDefinition: JinjaStatement {
    let code: JinjaFunctionCode
    let reference: JinjaReference

    init(_ code: JinjaFunctionCode, _ reference: JinjaReference) {
        (self.code, self.reference) = (code, reference)
    }

    func execute(_ frame: JinjaFrame) -> JinjaFlow {
        // The frame holds the macro and the macro the frame.
        frame.keep()
        frame.set(reference, .object(JinjaMacro(code, frame)))
        return .next
    }
}

/// `call` blocks, and generation blocks, which write their body and note where it went.
final class JinjaCallBlock: JinjaStatement {
    let code: JinjaFunctionCode
    /// The call that gets the block; `nil` for generation blocks.
    let call: JinjaCall?

    init(_ code: JinjaFunctionCode, _ call: JinjaCall?) { (self.code, self.call) = (code, call) }

    func execute(_ frame: JinjaFrame) throws -> JinjaFlow {
        let macro = JinjaMacro(code, frame)
        let rendering = frame.rendering
        if let call {
            // The block may be kept by what it is passed to, and with it the frame.
            frame.keep()
            let value = try call.evaluate(frame, caller: .object(macro))
            try rendering.write(rendering.string(value))
        } else {
            let text = try macro.text(JinjaArguments())
            rendering.markGenerated(text)
            try rendering.write(text)
        }
        return .next
    }
}
