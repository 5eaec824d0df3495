import FledgeCore
import Yams

/// A configuration's keys as they were written, each with its place.
struct ConfigurationText {
    /// One key and its value.
    struct Entry {
        let key: String
        let node: Node
        let location: FledgeError.Location
    }

    private(set) var entries: [Entry] = []

    /// Reads a YAML (or JSON) text whose root is a mapping.
    init(yaml: String, file: String) throws {
        let root: Node?
        do {
            root = try Yams.compose(yaml: Self.withoutMark(yaml))
        } catch let error as YamlError {
            throw Self.explained(error, file)
        }
        guard let root else { return }
        guard case .mapping(let mapping) = root else {
            // An empty document, or comments only, is a null scalar.
            if case .scalar(let scalar) = root, scalar.string.isEmpty { return }
            throw FledgeError(
                .configuration, "A configuration is a mapping of keys to values.",
                at: Self.location(root, file))
        }
        try add(mapping, file)
    }

    /// Adds the keys of a mapping, and under them those of mappings that it merges (`<<`), of which its
    /// own ones and earlier ones count first, as in YAML 1.1.
    private mutating func add(_ mapping: Node.Mapping, _ file: String) throws {
        var merged = [Node]()
        for (key, value) in mapping {
            if case .scalar(let name) = key, name.string == "<<", name.style == .plain {
                merged += value.sequence.map(Array.init) ?? [value]
                continue
            }
            guard case .scalar(let name) = key else {
                throw FledgeError(
                    .configuration, "A key should be a word.", at: Self.location(key, file))
            }
            entries.append(
                Entry(key: name.string, node: value, location: Self.location(key, file)))
        }
        for node in merged {
            guard case .mapping(let further) = node else {
                throw FledgeError(
                    .configuration, "<< should merge a mapping.", at: Self.location(node, file))
            }
            var inside = ConfigurationText()
            try inside.add(further, file)
            entries += inside.entries.filter { entry in !entries.contains { $0.key == entry.key } }
        }
    }

    private init() {}

    /// Adds what the command line says over the file: `key=value`, `--key value`, `--key=value`, or
    /// `--key` alone for true.
    mutating func apply(overrides: [String]) throws {
        var rest = overrides[...]
        while let word = rest.popFirst() {
            let isDashed = word.hasPrefix("--")
            let body = isDashed ? String(word.dropFirst(2)) : word
            if let equals = body.firstIndex(of: "=") {
                try set(
                    String(body[..<equals]), String(body[body.index(after: equals)...]), word)
            } else if isDashed, let value = rest.first, !value.hasPrefix("--") {
                rest.removeFirst()
                try set(body, value, "\(word) \(value)")
            } else if isDashed {
                try set(body, "true", word)
            } else {
                throw FledgeError(
                    .configuration, "\(word) is neither key=value nor --key value.",
                    at: .init(file: "command line"))
            }
        }
    }

    private mutating func set(_ key: String, _ value: String, _ word: String) throws {
        let shown = RunOption.isSecret(key) ? key : word
        let location = FledgeError.Location(file: "command line (\(shown))")
        var node = Node.scalar(.init(value))
        if value.isEmpty { node = Node.scalar(.init("", .implicit, .doubleQuoted)) }
        if value.hasPrefix("{") || value.hasPrefix("[") || Self.isQuoted(value) {
            do {
                node = try Yams.compose(yaml: value) ?? node
            } catch let error as YamlError {
                throw Self.explained(error, location.file)
            }
        }
        entries.removeAll { $0.key == key }
        entries.append(Entry(key: key, node: node, location: location))
    }

    /// The text without the byte-order mark that some editors begin files with.
    private static func withoutMark(_ text: String) -> String {
        guard text.unicodeScalars.first == "\u{FEFF}" else { return text }
        return String(text.unicodeScalars.dropFirst())
    }

    /// Whether a value is a whole text in quotation marks, as YAML writes it.
    private static func isQuoted(_ value: String) -> Bool {
        guard value.hasPrefix("\"") || value.hasPrefix("'"),
            let scalar = try? Yams.compose(yaml: value)?.scalar
        else { return false }
        return scalar.style == .doubleQuoted || scalar.style == .singleQuoted
    }

    private static func location(_ node: Node, _ file: String) -> FledgeError.Location {
        .init(file: file, line: node.mark?.line, column: node.mark?.column)
    }

    private static func explained(_ error: YamlError, _ file: String) -> FledgeError {
        func at(_ mark: Mark) -> FledgeError.Location {
            .init(file: file, line: mark.line, column: mark.column)
        }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return FledgeError(
                .configuration, "This is no valid YAML: \(problem).", at: at(mark))
        case .duplicatedKeysInMapping(let duplicates, let context):
            return FledgeError(
                .configuration, "\(duplicates.joined(separator: ", ")) is given twice.",
                advice: "Remove all but one of the lines.", at: at(context.mark))
        default:
            return FledgeError(
                .configuration, "This is no valid YAML.", at: .init(file: file), cause: error)
        }
    }
}
