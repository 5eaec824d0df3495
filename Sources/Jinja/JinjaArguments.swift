/// What a call passes.
struct JinjaArguments {
    var positional = [JinjaValue]()
    var keywords = [(name: String, value: JinjaValue)]()

    /// The value of each parameter, `nil` where none was passed.
    ///
    /// - Parameters:
    ///   - function: The name that messages give the function.
    ///   - required: How many of the first parameters must be there.
    func bind(
        _ function: String, _ parameters: [String], required: Int = 0
    ) throws -> [JinjaValue?] {
        guard positional.count <= parameters.count else {
            throw JinjaError(
                .type,
                "\(function)() takes at most \(parameters.count) arguments "
                    + "(\(positional.count) given)")
        }
        var values: [JinjaValue?] = positional
        values += [JinjaValue?](repeating: nil, count: parameters.count - positional.count)
        for (name, value) in keywords {
            guard let index = parameters.firstIndex(of: name) else {
                throw JinjaError(
                    .type, "\(function)() got an unexpected keyword argument '\(name)'")
            }
            guard values[index] == nil else {
                throw JinjaError(
                    .type, "\(function)() got multiple values for argument '\(name)'")
            }
            values[index] = value
        }
        for index in 0..<required where values[index] == nil {
            throw JinjaError(
                .type,
                "\(function)() missing required argument '\(parameters[index])'")
        }
        return values
    }

    /// The arguments of a function that takes no names.
    func positionalOnly(
        _ function: String, _ count: ClosedRange<Int>
    ) throws -> [JinjaValue] {
        guard keywords.isEmpty else {
            throw JinjaError(.type, "\(function)() takes no keyword arguments")
        }
        guard count.contains(positional.count) else {
            throw JinjaError(
                .type,
                "\(function) expected \(count.lowerBound) to \(count.upperBound) arguments, got "
                    + "\(positional.count)")
        }
        return positional
    }
}

extension JinjaValue? {
    /// A whole number, or the default where nothing was passed; anything else is an error.
    func int(_ fallback: Int) throws -> Int {
        guard let self else { return fallback }
        return try self.index()
    }

    /// A truth value, or the default.
    func bool(_ fallback: Bool) -> Bool { self?.isTrue ?? fallback }

    /// The value unless it is absent or `None`.
    var given: JinjaValue? {
        if case .some(.none) = self { return nil }
        return self
    }
}

extension JinjaValue {
    /// The whole number that Python accepts as an index or a count.
    func index() throws -> Int {
        if let int { return int }
        if case .undefined(let value) = self { throw value.error }
        if case .large = self { throw JinjaArithmetic.tooLarge }
        throw JinjaError(
            .type, "'\(typeName)' object cannot be interpreted as an integer")
    }

    /// The text that a method of texts accepts.
    func expectText(_ function: String) throws -> String {
        if let string { return string }
        throw JinjaError(.type, "\(function) argument must be str, not \(typeName)")
    }
}
