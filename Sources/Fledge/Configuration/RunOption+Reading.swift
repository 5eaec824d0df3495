import FledgeCore
import Yams

extension RunOption {
    /// The value that a YAML node stands for, in the form of the option.
    ///
    /// The form decides how a scalar is read, not YAML's own rules: `1e-4` is a number though YAML
    /// 1.1 takes it for a text, and `eval_strategy: no` is the word, not false.
    func value(of node: Node, at location: FledgeError.Location) throws -> OptionValue {
        // A path that is empty is none, and so is a number.
        let isEmpty = node.scalar?.string.isEmpty == true && (isPath || kind != .text)
        if node.isNull || isEmpty {
            guard acceptsNull || isEmptyByNull else {
                throw wrong(node.isNull ? "null" : "empty", location)
            }
            return isEmptyByNull ? .list([]) : .null
        }
        guard let value = read(node) else { throw wrong(node.shown, location) }
        guard isPath else { return value }
        switch value {
        case .text(let path): return .text(HomePath.expanded(path))
        case .list(let paths): return .list(paths.map { HomePath.expanded($0) })
        default: return value
        }
    }

    /// Lists have no null: an unset one is empty.
    private var isEmptyByNull: Bool { kind == .list }

    private func wrong(_ found: String, _ location: FledgeError.Location) -> FledgeError {
        FledgeError(
            .configuration, "\(name) is \(found); it should be \(form)\(limit(found)).",
            at: location)
    }

    /// The largest size, for what is beyond it.
    private func limit(_ found: String) -> String {
        guard let number = Double(found) else { return "" }
        switch kind {
        case .integer where number.magnitude > Double(Self.largestInteger):
            return ", at most \(Self.largestInteger)"
        case .number where number.magnitude > Self.largestNumber:
            return ", at most \(Int(Self.largestNumber))"
        default: return ""
        }
    }

    /// The value that a word stands for; nil where it has another form.
    func value(ofText text: String) -> OptionValue? { read(Node(text)) }

    private func read(_ node: Node) -> OptionValue? {
        switch kind {
        case .flag:
            return node.scalar.flatMap { Self.flag($0.string) }.map { .flag($0) }
        case .integer(let least):
            guard let number = node.scalar.flatMap({ Self.integer($0.string) }), number >= least,
                number.magnitude <= Self.largestInteger || name.hasSuffix("seed")
            else { return nil }
            return .integer(number)
        case .number(let bounds):
            guard let number = node.scalar.flatMap({ Self.number($0.string) }),
                Self.fits(number, bounds), abs(number) <= Self.largestNumber
            else { return nil }
            return .number(number)
        case .text, .openChoice:
            return node.scalar.map { .text($0.string) }
        case .choice(let words):
            guard let word = node.scalar?.string else { return nil }
            // YAML reads no, off and False as one value; here it is the word for it.
            let isNo = Self.yamlFlag(word) == false && words.contains("no")
            return words.contains(word) ? .text(word) : isNo ? .text("no") : nil
        case .list:
            return Self.words(node).map { .list($0) }
        case .numbers:
            guard let words = Self.words(node) else { return nil }
            let numbers = words.compactMap(Self.number)
            return numbers.count == words.count ? .numbers(numbers) : nil
        case .mapping:
            if let json = try? node.scalar.map({ try JSONValue(parsing: $0.string) }) {
                return json.members == nil ? nil : .json(json)
            }
            guard case .mapping = node else { return nil }
            return node.json.map { .json($0) }
        case .anything:
            return node.json.map { .json($0) }
        }
    }

    /// Beyond these, products of options would leave the range of machine integers.
    private static let largestInteger: UInt = 1 << 31
    private static let largestNumber = 1e9

    /// What YAML 1.1 reads as a flag where a key takes flags and texts.
    static func yamlFlag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "y": true
        case "false", "no", "off", "n": false
        default: nil
        }
    }

    static func flag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "y", "1": true
        case "false", "no", "off", "n", "0": false
        default: nil
        }
    }

    static func integer(_ text: String) -> Int? {
        let plain = text.replacing("_", with: "")
        // 010 is 8 in YAML 1.1 and 10 in YAML 1.2: nobody can tell which is meant.
        let digits = plain.drop { $0 == "-" || $0 == "+" }
        if digits.count > 1, digits.first == "0", digits.allSatisfy(\.isNumber) { return nil }
        // 1e3 and 8.0 are whole numbers too.
        return Int(plain) ?? Double(plain).flatMap { Int(exactly: $0) }
    }

    static func number(_ text: String) -> Double? {
        guard let value = Double(text.replacing("_", with: "")), value.isFinite else { return nil }
        return value
    }

    private static func fits(_ number: Double, _ bounds: Bounds) -> Bool {
        switch bounds {
        case .any: true
        case .atLeast(let least): number >= least
        case .above(let least): number > least
        case .between(let least, let most): (least...most).contains(number)
        case .fraction: number >= 0 && number < 1
        case .probability: number >= 0 && Float(number) < 1
        }
    }

    private static func words(_ node: Node) -> [String]? {
        switch node {
        case .scalar(let scalar):
            return scalar.string.split(separator: ",").map { $0.trimmed }.filter { !$0.isEmpty }
        case .sequence(let sequence):
            let words = sequence.compactMap { $0.scalar?.string }
            return words.count == sequence.count ? words : nil
        case .mapping, .alias:
            return nil
        }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}

extension Node {
    /// Whether it is an unquoted null.
    var isNull: Bool {
        guard case .scalar(let scalar) = self, scalar.style == .plain || scalar.style == .any
        else { return false }
        return ["", "~", "null", "Null", "NULL", "None"].contains(scalar.string)
    }

    /// The value for messages.
    var shown: String {
        switch self {
        case .scalar(let scalar): scalar.string
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .alias: "an alias"
        }
    }

    /// The value as JSON, scalars by YAML's rules.
    var json: JSONValue? {
        switch self {
        case .scalar(let scalar):
            if isNull { return .null }
            guard scalar.style == .plain || scalar.style == .any else {
                return .string(scalar.string)
            }
            if let integer = Int(scalar.string) { return .integer(integer) }
            if let number = RunOption.number(scalar.string) { return .number(number) }
            switch scalar.string.lowercased() {
            case "true": return true
            case "false": return false
            default: return .string(scalar.string)
            }
        case .sequence(let sequence):
            let items = sequence.compactMap(\.json)
            return items.count == sequence.count ? .array(items) : nil
        case .mapping(let mapping):
            var members = [JSONValue.Member]()
            for (key, value) in mapping {
                guard let name = key.scalar?.string, let json = value.json else { return nil }
                members.append(.init(name, json))
            }
            return .object(members)
        case .alias:
            return nil
        }
    }
}
