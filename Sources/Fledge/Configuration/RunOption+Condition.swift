internal import FledgeCore

extension RunOption {
    /// With which values of other keys, and with which methods of training, a key matters.
    public indirect enum Condition: Hashable, Sendable {
        /// A key has one of some values; any but none when none is given.
        case value(of: String, [String])
        /// The method reads a group of keys.
        case read(KeyGroup)
        /// Something else does not hold.
        case not(Condition)
        /// All hold.
        case all([Condition])
        /// One of them holds.
        case any([Condition])

        /// The key matters with some values of another one; with any when none is given.
        public static func with(_ key: String, _ values: String...) -> Condition {
            .value(of: key, values)
        }

        /// The key matters with all but some values of another one; with none at all when none is given.
        public static func without(_ key: String, _ values: String...) -> Condition {
            .not(.value(of: key, values))
        }

        /// The key matters also with some values of one more.
        public func or(_ key: String, _ values: String...) -> Condition {
            or(.value(of: key, values))
        }

        /// The key matters also where something else holds.
        public func or(_ other: Condition) -> Condition {
            guard case .any(let several) = self else { return .any([self, other]) }
            return .any(several + [other])
        }

        /// The key matters with some values of one more only.
        public func and(_ key: String, _ values: String...) -> Condition {
            and(.value(of: key, values))
        }

        /// The key matters only where something else holds too.
        public func and(_ other: Condition) -> Condition {
            guard case .all(let several) = self else { return .all([self, other]) }
            return .all(several + [other])
        }

        /// Whether a run meets it.
        func isMet(_ run: KeyContext) -> Bool {
            switch self {
            case .value(let key, let words):
                let items = run.value(key).arrayValue ?? [run.value(key)]
                return items.contains {
                    $0 != .null && (words.isEmpty || words.contains(Self.word($0)))
                }
            case .read(let group): return run.groups.contains(group)
            case .not(let other): return !other.isMet(run)
            case .all(let several): return several.allSatisfy { $0.isMet(run) }
            case .any(let several): return several.contains { $0.isMet(run) }
            }
        }

        /// A value as it is written in a configuration; 4 and 4.0 are one.
        private static func word(_ value: JSONValue) -> String {
            value.stringValue ?? value.intValue.map(String.init) ?? value.serialized()
        }

        /// `with stage: dpo or kto`, for a sentence.
        var description: String {
            guard case .any(let several) = self else { return "with \(phrase)" }
            return several.map { "with \($0.phrase)" }.joined(separator: ", or ")
        }

        private var phrase: String {
            switch self {
            case .value(let key, let words):
                return key + (words.isEmpty ? "" : ": " + words.joined(separator: " or "))
            case .read(let group):
                let stages = [any TrainingMethod].standard.filter { $0.readGroups.contains(group) }
                return "stage: " + stages.map(\.name).joined(separator: " or ")
            case .not(.value(let key, let words)):
                return words.isEmpty
                    ? "no \(key)" : "\(key) other than " + words.joined(separator: " or ")
            case .not(let other): return "not (\(other.phrase))"
            case .all(let several): return several.map(\.phrase).joined(separator: " and ")
            case .any(let several):
                return "(" + several.map(\.phrase).joined(separator: " or ") + ")"
            }
        }
    }
}
