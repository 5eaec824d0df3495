internal import FledgeCore

extension ResumeRules {
    /// What has other content than it had, or is there on one side alone.
    static func differences(digests before: RunDigests, _ now: RunDigests) -> [Difference] {
        let rows = Rows(before, now)
        let names = Set(before.values.keys).union(now.values.keys).sorted()
        return names.compactMap { name in
            let (old, new) = (before.values[name], now.values[name])
            guard old != new else { return nil }
            let key = String(name.prefix { $0 != " " })
            let rest = String(name.dropFirst(key.utf8.count + 1))
            let sentence: String
            switch key {
            case RunDigests.dataset:
                guard rows.comparesFiles else { return nil }
                sentence = change(
                    old, new, of: "dataset: \(rest)",
                    "has other content, or another description, than before")
            case RunDigests.tokenized:
                guard let words = rows.tokenizedDifference else { return nil }
                sentence = words
            case "adapter_name_or_path", "ref_model_adapters", "reward_model_adapters",
                "teacher_model_adapters":
                sentence = change(
                    old, new, of: "\(key) \(rest)", "holds other weights than before")
            case "template": sentence = "template or tokenizer write something else than before"
            default:
                sentence = change(
                    old, new, of: key, "holds other weights, or another config.json, than before")
            }
            return Difference(key: key, sentence: sentence, breaksRun: true)
        }
    }

    private static func change(
        _ old: String?, _ new: String?, of name: String, _ words: String
    ) -> String {
        if old == nil { return "\(name) is there, and was not before" }
        return new == nil ? "\(name) was there, and no longer is" : "\(name) \(words)"
    }

    /// How two runs' rows are compared: those that were tokenised before by themselves, others by the
    /// files that they are made of.
    private struct Rows {
        /// Whether the files of the data sets are compared.
        let comparesFiles: Bool
        /// What differs about tokenised rows, as a sentence; nil where nothing does.
        let tokenizedDifference: String?

        init(_ before: RunDigests, _ now: RunDigests) {
            let key = RunDigests.tokenized
            let (old, new) = (before.values[key], now.values[key])
            if let old, let new {
                comparesFiles = false
                tokenizedDifference =
                    old == new ? nil : "tokenized_path holds other rows than before"
                return
            }
            let isUnknown = old != new && (!before.holdsFiles || !now.holdsFiles)
            comparesFiles = !isUnknown
            tokenizedDifference =
                isUnknown
                ? change(old, new, of: key, "")
                    + ", and whether its rows are those of the data sets cannot be told" : nil
        }
    }
}
