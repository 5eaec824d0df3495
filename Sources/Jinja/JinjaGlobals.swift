/// The functions that every template can call.
enum JinjaGlobals {
    private static let names: Set = [
        "range", "dict", "namespace", "cycler", "joiner", "lipsum", "raise_exception",
        "strftime_now",
    ]

    /// The function of a name.
    static func function(_ name: String) throws -> JinjaValue? {
        guard names.contains(name) else { return nil }
        return .object(
            try JinjaFunction(name) { arguments, rendering in
                try call(name, arguments, rendering)
            })
    }

    private static func call(
        _ name: String, _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaValue {
        switch name {
        case "raise_exception":
            let message = try arguments.bind(name, ["message"], required: 1)[0] ?? .none
            throw JinjaError(.raised, try rendering.string(message))
        case "strftime_now":
            let format = try arguments.bind(name, ["format"], required: 1)[0] ?? .none
            guard let text = format.string else {
                throw JinjaError(
                    .type, "strftime() argument 1 must be str, not \(format.typeName)")
            }
            try rendering.charge(bytes: text.utf8.count * 64)
            return .text(rendering.clock.text(text))
        case "range":
            let bounds = try arguments.positionalOnly(name, 1...3).map { try $0.index() }
            return .object(
                try JinjaRange(
                    bounds.count > 1 ? bounds[0] : 0, bounds.count > 1 ? bounds[1] : bounds[0],
                    bounds.count > 2 ? bounds[2] : 1))
        case "dict": return .dictionary(try entries(arguments, rendering))
        case "namespace":
            let namespace = JinjaNamespace()
            rendering.keep(namespace)
            try rendering.charge(elements: 4)
            let entries = try entries(arguments, rendering)
            for (index, key) in entries.keys.enumerated() {
                if let key = key.string { try namespace.set(key, entries.values[index]) }
            }
            return .object(namespace)
        case "cycler":
            guard !arguments.positional.isEmpty, arguments.keywords.isEmpty else {
                throw JinjaError(.runtime, "at least one item has to be provided")
            }
            return .object(try JinjaCycler(arguments.positional))
        case "joiner":
            let separator = try arguments.bind(name, ["sep"])[0] ?? .text(", ")
            var isUsed = false
            return .object(
                try JinjaFunction("joiner", holding: separator) { _, _ in
                    defer { isUsed = true }
                    return isUsed ? separator : .text("")
                })
        default: throw JinjaError(.unsupported, "The function \(name) is not supported.")
        }
    }

    /// What Python's `dict` makes of its arguments.
    private static func entries(
        _ arguments: JinjaArguments, _ rendering: JinjaRendering
    ) throws -> JinjaDictionary {
        guard arguments.positional.count <= 1 else {
            throw JinjaError(
                .type,
                "dict expected at most 1 argument, got \(arguments.positional.count)")
        }
        var builder = JinjaDictionary.Builder()
        switch arguments.positional.first {
        case .dictionary(let dictionary): builder = JinjaDictionary.Builder(dictionary)
        case .undefined?, nil: break
        case let value?:
            for item in try value.elements(rendering) {
                let pair = try item.elements(rendering)
                guard pair.count == 2 else {
                    throw JinjaError(
                        .value,
                        "dictionary update sequence element has length \(pair.count); 2 is required"
                    )
                }
                try builder.set(pair[0], pair[1])
            }
        }
        for (name, value) in arguments.keywords { try builder.set(.text(name), value) }
        return try builder.finish()
    }
}
