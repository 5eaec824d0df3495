public import FledgeCore

/// The values of all options of a run, and where they were set.
public struct OptionValues: Sendable {
    private var values: [String: OptionValue]
    private let defaults: [String: OptionValue]
    /// The keys that were set, with their places.
    public private(set) var locations: [String: FledgeError.Location] = [:]

    /// The defaults of all options.
    public static let defaults = OptionValues(of: RunOption.all)

    init(of options: [RunOption]) {
        defaults = Dictionary(
            options.map { ($0.name, $0.defaultValue) },
            uniquingKeysWith: { first, _ in first })
        values = defaults
    }

    /// What a key of the table has when it is not set.
    func defaultValue(_ name: String) -> OptionValue { defaults[name] ?? .null }

    /// The value of a key of the table.
    public subscript(name: String) -> OptionValue {
        guard let value = values[name] else { preconditionFailure("\(name) is no option") }
        return value
    }

    /// Whether a key was set, also to its default.
    public func isSet(_ name: String) -> Bool { locations[name] != nil }

    /// Gives a key a value that nobody set.
    mutating func fill(_ name: String, _ value: OptionValue) { values[name] = value }

    mutating func set(_ name: String, _ value: OptionValue, at location: FledgeError.Location) {
        values[name] = value
        locations[name] = location
    }

    /// Throws at the place of the first of some keys that was set, where a condition does not hold.
    func require(
        _ condition: Bool, _ message: @autoclosure () -> String, _ keys: [String],
        advice: String = ""
    ) throws {
        guard !condition else { return }
        let location = keys.lazy.compactMap { locations[$0] }.first
        throw FledgeError(.configuration, message(), advice: advice, at: location)
    }

    func flag(_ name: String) -> Bool { optionalFlag(name) ?? false }

    func optionalFlag(_ name: String) -> Bool? {
        if case .flag(let value) = self[name] { value } else { nil }
    }

    func integer(_ name: String) -> Int { optionalInteger(name) ?? 0 }

    func optionalInteger(_ name: String) -> Int? {
        if case .integer(let value) = self[name] { value } else { nil }
    }

    func number(_ name: String) -> Double { optionalNumber(name) ?? 0 }

    func optionalNumber(_ name: String) -> Double? {
        if case .number(let value) = self[name] { value } else { nil }
    }

    func text(_ name: String) -> String { optionalText(name) ?? "" }

    func optionalText(_ name: String) -> String? {
        if case .text(let value) = self[name] { value } else { nil }
    }

    func list(_ name: String) -> [String] {
        if case .list(let value) = self[name] { value } else { [] }
    }

    func optionalNumbers(_ name: String) -> [Double]? {
        if case .numbers(let value) = self[name] { value } else { nil }
    }

    func mapping(_ name: String) -> JSONValue? {
        if case .json(let value) = self[name] { value } else { nil }
    }

    /// A word as the case of an enumeration; the table admits no other words.
    func word<Word: RawRepresentable<String>>(_ name: String, _: Word.Type = Word.self) -> Word {
        guard let word = Word(rawValue: text(name)) else {
            preconditionFailure("\(name): the table admits \(self[name]), the type does not")
        }
        return word
    }
}
