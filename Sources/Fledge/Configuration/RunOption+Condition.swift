extension RunOption {
    /// With which values of other keys a key matters.
    public struct Condition: Hashable, Sendable {
        /// One key, and its values with which another one matters.
        private struct Alternative: Hashable {
            let key: String
            let values: [String]
        }

        private var alternatives: [Alternative]

        /// The key matters with some values of another one; with any when none is given.
        public static func with(_ key: String, _ values: String...) -> Condition {
            Condition(alternatives: [Alternative(key: key, values: values)])
        }

        /// The key matters also with some values of one more.
        public func or(_ key: String, _ values: String...) -> Condition {
            Condition(alternatives: alternatives + [Alternative(key: key, values: values)])
        }

        /// Whether a run meets it.
        func isMet(_ all: OptionValues) -> Bool {
            alternatives.contains { alternative in
                switch all[alternative.key] {
                case .text(let word):
                    alternative.values.isEmpty || alternative.values.contains(word)
                case .flag(let flag): alternative.values.contains(flag ? "true" : "false")
                case .null: false
                default: alternative.values.isEmpty
                }
            }
        }

        /// `with stage: dpo or kto`, for a sentence.
        var description: String {
            alternatives.map { alternative in
                let values = alternative.values.joined(separator: " or ")
                return "with \(alternative.key)" + (values.isEmpty ? "" : ": \(values)")
            }.joined(separator: ", or ")
        }
    }
}
