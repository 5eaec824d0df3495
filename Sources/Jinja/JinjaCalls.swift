/// The arguments of a call as they are written.
final class JinjaArgumentList: Sendable {
    let positional: [any JinjaExpression]
    let keywords: [(name: String, value: any JinjaExpression)]
    let list, dictionary: (any JinjaExpression)?

    init(
        _ positional: [any JinjaExpression],
        _ keywords: [(name: String, value: any JinjaExpression)],
        list: (any JinjaExpression)?, dictionary: (any JinjaExpression)?
    ) {
        (self.positional, self.keywords) = (positional, keywords)
        (self.list, self.dictionary) = (list, dictionary)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaArguments {
        var result = JinjaArguments()
        if !positional.isEmpty { result.positional = try positional.map { try $0.evaluate(frame) } }
        if !keywords.isEmpty {
            result.keywords = try keywords.map { ($0.name, try $0.value.evaluate(frame)) }
        }
        if let list {
            result.positional += try list.evaluate(frame).elements(frame.rendering)
        }
        if let dictionary {
            guard case .dictionary(let entries) = try dictionary.evaluate(frame) else {
                throw JinjaError(.type, "argument after ** must be a mapping")
            }
            for (index, key) in entries.keys.enumerated() {
                guard let name = key.string else {
                    throw JinjaError(.type, "keywords must be strings")
                }
                if result.keywords.contains(where: { JinjaText.equal($0.name, name) }) {
                    throw JinjaError(
                        .type, "got multiple values for keyword argument '\(name)'")
                }
                result.keywords.append((name, entries.values[index]))
            }
        }
        return result
    }
}

final class JinjaCall: JinjaExpression {
    let subject: any JinjaExpression
    let arguments: JinjaArgumentList
    let offset: Int

    init(_ subject: any JinjaExpression, _ arguments: JinjaArgumentList, at offset: Int) {
        (self.subject, self.arguments, self.offset) = (subject, arguments, offset)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        try evaluate(frame, caller: nil)
    }

    /// Calls with the body of a call block as a further argument.
    func evaluate(_ frame: JinjaFrame, caller: JinjaValue?) throws -> JinjaValue {
        let function = try subject.evaluate(frame)
        do {
            var values = try arguments.evaluate(frame)
            if let caller {
                guard !values.keywords.contains(where: { $0.name == "caller" }) else {
                    throw JinjaError(
                        .type, "got multiple values for keyword argument 'caller'")
                }
                values.keywords.append(("caller", caller))
            }
            return try JinjaCall.call(function, values, frame.rendering)
        } catch let error as JinjaError { throw error.located(offset) }
    }

    static func call(
        _ function: JinjaValue, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        try rendering.step()
        switch function {
        case .object(let object): return try object.call(arguments, rendering)
        case .undefined(let value): throw value.error
        default: throw JinjaError(.type, "'\(function.typeName)' object is not callable")
        }
    }
}

/// A call of a member, which for texts and dictionaries needs no function value.
final class JinjaMethodCall: JinjaExpression {
    let subject: any JinjaExpression
    let name: String
    let arguments: JinjaArgumentList
    let offset: Int
    private let textMethod: JinjaTextMethod?
    private let dictionaryMethod: JinjaDictionaryMethod?

    init(
        _ subject: any JinjaExpression, _ name: String, _ arguments: JinjaArgumentList,
        at offset: Int
    ) {
        (self.subject, self.name, self.arguments) = (subject, name, arguments)
        self.offset = offset
        textMethod = JinjaTextMethod(rawValue: name)
        dictionaryMethod = JinjaDictionaryMethod(rawValue: name)
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        let value = try subject.evaluate(frame)
        do {
            if let textMethod, let text = value.string {
                let isSafe = if case .markup = value { true } else { false }
                try frame.rendering.step()
                return try textMethod.call(
                    text, isSafe: isSafe, arguments.evaluate(frame), frame.rendering)
            }
            if let dictionaryMethod, case .dictionary(let dictionary) = value {
                try frame.rendering.step()
                return try dictionaryMethod.call(dictionary, arguments.evaluate(frame))
            }
            let function = try JinjaAccess.attribute(value, name)
            return try JinjaCall.call(function, arguments.evaluate(frame), frame.rendering)
        } catch let error as JinjaError { throw error.located(offset) }
    }
}

/// A filter; an unknown one is an error only when it is reached.
final class JinjaFilterCall: JinjaExpression {
    let filter: JinjaFilter?
    let name: String
    let subject: any JinjaExpression
    let arguments: JinjaArgumentList
    let offset: Int

    init(
        _ name: String, _ subject: any JinjaExpression, _ arguments: JinjaArgumentList,
        at offset: Int
    ) {
        filter = JinjaFilter(rawValue: name)
        (self.name, self.subject, self.arguments) = (name, subject, arguments)
        self.offset = offset
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        let value = try subject.evaluate(frame)
        do {
            let arguments = try arguments.evaluate(frame)
            guard let filter else {
                throw JinjaError(.runtime, "No filter named \(JinjaText.quoted(name)) found.")
            }
            try frame.rendering.step()
            return try filter.apply(value, arguments, frame.rendering)
        } catch let error as JinjaError { throw error.located(offset) }
    }
}

/// What is behind `is`.
final class JinjaTestCall: JinjaExpression {
    let test: JinjaTest?
    let name: String
    let subject: any JinjaExpression
    let arguments: JinjaArgumentList
    let offset: Int

    init(
        _ name: String, _ subject: any JinjaExpression, _ arguments: JinjaArgumentList,
        at offset: Int
    ) {
        test = JinjaTest.named(name)
        (self.name, self.subject, self.arguments) = (name, subject, arguments)
        self.offset = offset
    }

    func evaluate(_ frame: JinjaFrame) throws -> JinjaValue {
        let value = try subject.evaluate(frame)
        do {
            let arguments = try arguments.evaluate(frame)
            guard let test else {
                throw JinjaError(.runtime, "No test named \(JinjaText.quoted(name)) found.")
            }
            return .bool(try test.apply(value, arguments, frame.rendering))
        } catch let error as JinjaError { throw error.located(offset) }
    }
}

/// The text that a filter block collected.
final class JinjaCollected: JinjaExpression {
    let slot: Int
    init(slot: Int) { self.slot = slot }
    func evaluate(_ frame: JinjaFrame) -> JinjaValue { frame.slots[slot] }
}
