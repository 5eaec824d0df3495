internal import FledgeColumnar
public import FledgeCore

/// What rows seem to be, judged by their keys: the entry of `dataset_info.json` that would fit them.
public struct DatasetFit: Hashable, Sendable {
    /// `formatting`, `ranking`, `columns` and `tags` as they would be written; only what is needed.
    public let entry: JSONValue

    /// What a run learns from, which decides between readings of the same columns.
    public struct Purpose: Hashable, Sendable {
        /// Whether rows have to hold a better and a worse answer.
        public var wantsPairs: Bool
        /// Whether rows have to say whether their answer is good.
        public var wantsMarks: Bool

        /// Creates a purpose; plain answers when all is left out.
        public init(wantsPairs: Bool = false, wantsMarks: Bool = false) {
            (self.wantsPairs, self.wantsMarks) = (wantsPairs, wantsMarks)
        }
    }

    /// Judges a row; `nil` when nothing in it looks like a question or an answer.
    public init?(_ row: JSONValue, for purpose: Purpose = Purpose()) {
        guard let members = row.members else { return nil }
        // Numbers and texts are marks where marks are wanted; elsewhere they may label anything.
        func isMark(_ value: JSONValue) -> Bool {
            purpose.wantsMarks ? value.truth != nil : value.boolValue != nil
        }
        var entry: [(String, JSONValue)] = []
        let pair = Self.columns(members, of: Self.answers) { $0.isAnswer }
        let isPair = pair.count == 2
        let hasQuestion = members.contains { Self.questions.contains($0.key) }
        let others = members.filter { member in
            !(isPair && pair.contains { $0.1 == member.key })
                && !(hasQuestion && Self.response.1.contains(member.key))
        }
        let isAsked = members.contains {
            Self.questions.contains($0.key) && $0.value.stringValue != nil
        }
        let dialogue = Dialogue(in: others, rolesOf: members)
        // Beside a pair and its question a whole dialogue is a copy of one of the two.
        if let dialogue, !(isPair && isAsked && dialogue.endsWithAnswer) {
            entry.append(("formatting", .string(dialogue.isOpenAI ? "openai" : "sharegpt")))
            var columns = [("messages", dialogue.column)]
            columns += Self.columns(members, of: [("system", ["system", "system_prompt"])]) {
                $0.stringValue != nil
            }
            columns += Self.columns(members, of: [("tools", ["tools", "functions"])]) {
                !$0.isNull
            }
            columns += Self.columns(members, of: Self.feedback, where: isMark)
            if isPair {
                entry.append(("ranking", true))
                columns += pair
            } else if Self.questions.contains(dialogue.column) {
                // A question as messages, with its answer in a column of its own.
                columns += Self.columns(members, of: [Self.response]) { $0.isAnswer }
            }
            entry.append(("columns", Self.object(columns)))
            if !dialogue.tags.isEmpty { entry.append(("tags", Self.object(dialogue.tags))) }
        } else {
            var columns = Self.columns(members, of: Self.alpaca) {
                $0.stringValue != nil || $0.isNull
            }
            if !columns.contains(where: { $0.0 == "prompt" }) {
                // Where nothing else is a question, the input is one.
                columns.removeAll { $0.0 == "query" }
                columns += Self.columns(members, of: [("prompt", ["input", "inputs", "context"])]) {
                    $0.stringValue != nil
                }
            }
            let hasResponse = columns.contains { $0.0 == "response" }
            if !hasResponse {
                columns += Self.columns(members, of: [Self.response]) { $0.isAnswer }
            }
            columns += Self.columns(members, of: [("history", ["history"])]) {
                $0.arrayValue != nil
            }
            columns += Self.columns(members, of: Self.feedback, where: isMark)
            if isPair {
                columns.removeAll { $0.0 == "response" }
                columns += pair
                entry.append(("ranking", true))
            }
            guard isPair || columns.contains(where: { $0.0 == "prompt" }) else { return nil }
            entry.append(("columns", Self.object(columns)))
        }
        self.entry = .object(entry.map { JSONValue.Member($0.0, $0.1) })
    }

    private static let questions = [
        "instruction", "prompt", "question", "problem", "query", "user", "text",
    ]
    private static let response: (String, [String]) = (
        "response",
        ["output", "response", "answer", "completion", "solution", "target", "assistant"]
    )
    private static let alpaca: [(String, [String])] = [
        ("prompt", questions), ("query", ["input", "context"]), response,
        ("system", ["system", "system_prompt"]),
    ]
    private static let answers: [(String, [String])] = [
        ("chosen", ["chosen", "preferred"]), ("rejected", ["rejected", "dispreferred"]),
    ]
    private static let feedback: [(String, [String])] = [("kto_tag", ["kto_tag", "label"])]

    /// The columns of a row for some meanings: of each the first that is there and fits.
    private static func columns(
        _ members: [JSONValue.Member], of meanings: [(String, [String])],
        where fits: (JSONValue) -> Bool
    ) -> [(String, String)] {
        meanings.compactMap { meaning, names in
            names.first { name in members.contains { $0.key == name && fits($0.value) } }
                .map { (meaning, $0) }
        }
    }

    private static func object(_ pairs: [(String, String)]) -> JSONValue {
        .object(pairs.map { JSONValue.Member($0.0, .string($0.1)) })
    }

    /// A sentence for whoever has to write the entry.
    public var advice: String {
        "The rows would fit with \(entry.serialized()) in dataset_info.json."
    }
}

extension JSONValue {
    /// Whether an answer can be read of it: a text, a message, or a list of those.
    fileprivate var isAnswer: Bool {
        switch self {
        case .string: true
        case .object: self["role"] != nil || self["from"] != nil
        case .array(let items): !items.isEmpty && items.allSatisfy { $0.members != nil }
        default: false
        }
    }
}

/// A column of messages, and how they are written.
private struct Dialogue {
    let column: String
    let tags: [(String, String)]
    let isOpenAI: Bool
    /// Whether the last message is something that a model says.
    let endsWithAnswer: Bool

    private static let roleKeys = ["role", "from", "speaker", "author"]
    private static let contentKeys = ["content", "value", "text", "message"]
    private static let roles: [(String, [String])] = [
        ("user_tag", ["user", "human", "prompter", "User", "Human"]),
        ("assistant_tag", ["assistant", "gpt", "bot", "model", "chatbot", "Assistant"]),
        (
            "observation_tag",
            ["observation", "tool", "ipython", "tool_response", "function_response"]
        ),
        ("function_tag", ["function_call", "tool_call"]),
        ("system_tag", ["system", "System"]),
    ]

    /// Finds a column of messages.
    ///
    /// - Parameter all: All columns; those that may hold answers tell of further roles.
    init?(in members: [JSONValue.Member], rolesOf all: [JSONValue.Member]) {
        for member in members {
            guard let items = member.value.arrayValue,
                let role = Self.roleKeys.first(where: { key in
                    items.contains { $0[key]?.stringValue != nil }
                }), let content = Self.contentKeys.first(where: { Self.hold(items, $0) })
            else { continue }
            column = member.key
            let last = items.last?[role]?.stringValue
            endsWithAnswer = Self.roles[1].1.contains { $0 == last }
            isOpenAI = items.contains { $0["tool_calls"]?.isNothing == false }
            let names = (items + all.flatMap { $0.value.arrayValue ?? [$0.value] }).compactMap {
                $0[role]?.stringValue
            }
            let found = Self.roles.compactMap { tag, known in
                known.first(where: names.contains).map { (tag, $0) }
            }
            // Tags that are as they are by default need not be written, but all or none have to be. What
            // the default of the form openai is depends on quirks.
            let defaults = DatasetDescription.Tags()
            let isDefault =
                !isOpenAI && role == defaults.role && content == defaults.content
                && found.allSatisfy { tag, name in
                    [
                        "user_tag": defaults.user, "assistant_tag": defaults.assistant,
                        "observation_tag": defaults.observation,
                        "function_tag": defaults.function, "system_tag": defaults.system,
                    ][tag] == name
                }
            tags = isDefault ? [] : [("role_tag", role), ("content_tag", content)] + found
            return
        }
        return nil
    }

    /// Whether messages have a content under a key: a text, or parts with texts.
    private static func hold(_ items: [JSONValue], _ key: String) -> Bool {
        items.contains { item in
            item[key]?.stringValue != nil
                || item[key]?.arrayValue?.contains { $0["text"] != nil || $0["type"] != nil }
                    == true
        }
    }
}

extension DatasetDescription {
    /// Describes a file by what its first rows seem to be.
    ///
    /// - Parameter cacheFolder: Where the places of rows are kept, see ``RecordFile/Options``.
    /// - Throws: ``FledgeError`` when there is no such file, nothing in it looks like a question, or it
    ///   holds no pairs where these are wanted.
    init(fitting path: String, for purpose: DatasetFit.Purpose, cacheFolder: String?) throws {
        var options = RecordFile.Options()
        options.cacheFolder = cacheFolder
        options.removesPadding = true
        let source = try RecordFile.open(path, options)
        guard source.count > 0 else {
            // Nothing is no wrong kind of rows; that there are none is said later.
            self.init(name: path, path: path)
            isRanking = purpose.wantsPairs
            return
        }
        // One row may lack what others have: messages of the system, tools, a history.
        var merged: [JSONValue.Member] = []
        var first: Record?
        for index in 0..<min(source.count, 100) {
            let record = try source.record(at: index)
            first = first ?? record
            for member in record.value.members ?? [] {
                if let place = merged.firstIndex(where: { $0.key == member.key }) {
                    let items = (merged[place].value.arrayValue ?? [])
                    if let more = member.value.arrayValue, items.count + more.count < 10_000 {
                        merged[place].value = .array(items + more)
                    } else if merged[place].value.isNull {
                        merged[place].value = member.value
                    }
                } else {
                    merged.append(member)
                }
            }
        }
        guard let fit = DatasetFit(.object(merged), for: purpose) else {
            throw FledgeError(
                .data,
                "The file is not described in dataset_info.json, and its columns say nothing: found "
                    + merged.map(\.key).listed + ".",
                advice: "Describe it in dataset_info.json.", at: first?.location)
        }
        var entry = fit.entry
        guard !purpose.wantsPairs || entry["ranking"] == true else {
            throw FledgeError(
                .data,
                "The dataset is not applicable in the current training stage: \(path) has no "
                    + "preferences: found \(merged.map(\.key).listed), expected columns chosen and rejected, each "
                    + "with a text, a message or messages.",
                advice: "Describe the file in dataset_info.json, with \"ranking\": true and "
                    + "\"columns\": {\"prompt\": …, \"chosen\": …, \"rejected\": …}, or learn plain "
                    + "answers by stage: sft.", at: first?.location)
        }
        entry["file_name"] = .string(path)
        try self.init(name: path, json: entry, folder: "", file: path)
    }
}
