import FledgeCore
import FledgeTokenize

/// Brings the rows of a data set into the common form.
public struct Aligner: Sendable {
    private let description: DatasetDescription
    /// The columns that any row of the file has; others are mistakes, missing ones read as null.
    private let known: Set<[UInt8]>

    /// Creates an aligner for rows that were read together.
    public init(_ description: DatasetDescription, records: [Record]) throws {
        self.description = description
        var known = Set<[UInt8]>()
        for record in records {
            for member in record.value.members ?? [] { known.insert(Array(member.key.utf8)) }
        }
        self.known = known
        guard description.formatting != .openai else {
            throw FledgeError(
                .unsupported, "The formatting openai of \(description.name) is not supported yet.",
                advice: "Write the rows as sharegpt.",
                at: FledgeError.Location(file: description.path))
        }
        guard let first = records.first else { return }
        for (meaning, column) in required where !known.contains(Array(column.utf8)) {
            throw missing(meaning, column, in: first)
        }
    }

    /// The columns that must exist in the file.
    private var required: [(String, String)] {
        let columns = description.columns
        var wanted: [(String, String?)] = [
            ("system", columns.system), ("tools", columns.tools), ("kto_tag", columns.ktoTag),
        ]
        if description.formatting == .alpaca {
            wanted += [
                ("prompt", columns.prompt), ("query", columns.query),
                ("history", columns.history),
            ]
            if !description.isRanking { wanted.append(("response", columns.response)) }
        } else {
            wanted.append(("messages", columns.messages ?? "conversations"))
        }
        if description.isRanking {
            wanted += [("chosen", columns.chosen), ("rejected", columns.rejected)]
        }
        return wanted.compactMap { meaning, column in column.map { (meaning, $0) } }
    }

    /// The row in the common form.
    public func align(_ record: Record) throws -> AlignedSample {
        var sample =
            switch description.formatting {
            case .alpaca: try alpaca(record)
            case .sharegpt, .openai: try sharegpt(record)
            }
        sample.source = record.location
        sample.tools = try text(description.columns.tools, record, acceptingJSON: true)
        return sample
    }

    // MARK: Alpaca

    private func alpaca(_ record: Record) throws -> AlignedSample {
        let columns = description.columns
        var prompt = [Message]()
        if let turns = value(columns.history, record)?.arrayValue {
            for turn in turns {
                guard let pair = turn.arrayValue, pair.count == 2,
                    let question = pair[0].stringValue, let answer = pair[1].stringValue
                else {
                    throw unexpected(
                        record, columns.history, turn, "a list of a question and its answer")
                }
                prompt += [Message(.user, question), Message(.assistant, answer)]
            }
        }
        let query = try [text(columns.prompt, record), text(columns.query, record)]
        prompt.append(
            Message(.user, query.filter { !$0.isEmpty }.joined(separator: "\n")))
        var response = [Message]()
        if let tag = value(columns.ktoTag, record)?.boolValue {
            let answer = Message(.assistant, try text(columns.response, record))
            let none = Message(.assistant, "")
            response = tag ? [answer, none] : [none, answer]
        } else if description.isRanking, let chosen = value(columns.chosen, record)?.stringValue,
            let rejected = value(columns.rejected, record)?.stringValue
        {
            response = [Message(.assistant, chosen), Message(.assistant, rejected)]
        } else if let answer = value(columns.response, record)?.stringValue {
            response = [Message(.assistant, answer)]
        }
        let system = try text(columns.system, record)
        return AlignedSample(prompt: prompt, response: response, system: system)
    }

    // MARK: ShareGPT

    private func sharegpt(_ record: Record) throws -> AlignedSample {
        let column = description.columns.messages ?? "conversations"
        let found = value(column, record) ?? .null
        guard var items = found.arrayValue else {
            throw unexpected(record, column, found, "a list of messages")
        }
        var sample = AlignedSample(prompt: [], response: [])
        if let tag = description.tags.system, let first = items.first,
            try role(first, record).utf8.elementsEqual(tag.utf8)
        {
            sample.system = try content(first, record)
            items.removeFirst()
        } else {
            sample.system = try text(description.columns.system, record)
        }
        var messages = [Message]()
        for (index, item) in items.enumerated() {
            let name = try role(item, record)
            guard let role = roles(at: index).first(where: { $0.tag == name })?.role else {
                sample.fault = "message \(index + 1) has the role \(name), which cannot stand there"
                break
            }
            messages.append(Message(role, try content(item, record)))
        }
        let isOdd = messages.count % 2 == 1
        if sample.fault == nil, isOdd != description.isRanking {
            sample.fault =
                "\(messages.count) messages, expected an \(isOdd ? "even" : "odd") number"
        }
        if sample.fault != nil { return sample }
        let columns = description.columns
        if let tag = value(columns.ktoTag, record)?.boolValue {
            sample.prompt = Array(messages.dropLast())
            let answer = Array(messages.suffix(1))
            let none = [Message(.assistant, "")]
            sample.response = tag ? answer + none : none + answer
        } else if description.isRanking, let chosen = value(columns.chosen, record),
            let rejected = value(columns.rejected, record), chosen.members != nil,
            rejected.members != nil
        {
            sample.prompt = messages
            sample.response = [try answer(chosen, record), try answer(rejected, record)]
        } else {
            sample.prompt = Array(messages.dropLast())
            sample.response = Array(messages.suffix(1))
        }
        return sample
    }

    /// The roles that may stand at a place, questions and answers in turn.
    private func roles(at index: Int) -> [(tag: String?, role: Message.Role)] {
        let tags = description.tags
        return index % 2 == 0
            ? [(tags.user, .user), (tags.observation, .observation)]
            : [(tags.assistant, .assistant), (tags.function, .function)]
    }

    private func answer(_ value: JSONValue, _ record: Record) throws -> Message {
        let name = try role(value, record)
        let roles = roles(at: 0) + roles(at: 1) + [(description.tags.system, .system)]
        guard let role = roles.first(where: { $0.tag == name })?.role else {
            throw unexpected(record, description.columns.chosen, .string(name), "a known role")
        }
        return Message(role, try content(value, record))
    }

    private func role(_ message: JSONValue, _ record: Record) throws -> String {
        try member(message, description.tags.role ?? "from", "role_tag", record)
    }

    private func content(_ message: JSONValue, _ record: Record) throws -> String {
        try member(message, description.tags.content ?? "value", "content_tag", record)
    }

    private func member(
        _ message: JSONValue, _ key: String, _ tag: String, _ record: Record
    ) throws -> String {
        if let text = message[key]?.stringValue { return text }
        let keys = message.members?.map(\.key) ?? []
        let role = keys.first { ["role", "from"].contains($0) }
        let content = keys.first { ["content", "value"].contains($0) }
        var advice = "A message is an object with a text for role and content."
        if let role, let content, message[key] == nil {
            advice =
                "The rows would fit with \"tags\": {\"role_tag\": \"\(role)\", \"content_tag\": "
                + "\"\(content)\", \"user_tag\": …, \"assistant_tag\": …}."
        }
        throw FledgeError(
            .data,
            "A message of the data set \(description.name) has "
                + "\(message[key].map { "\($0.kind) under" } ?? "no") \(key) (its \(tag)): "
                + "found \(message.members == nil ? message.kind : keys.joined(separator: ", ")).",
            advice: advice, at: record.location)
    }

    // MARK: Values

    private func value(_ column: String?, _ record: Record) -> JSONValue? {
        column.flatMap { record.value[$0] }
    }

    /// The text of a column; null and absent read as empty.
    private func text(
        _ column: String?, _ record: Record, acceptingJSON: Bool = false
    ) throws -> String {
        guard let value = value(column, record) else { return "" }
        switch value {
        case .string(let text): return text
        case .null, .bool(false): return ""
        case .array, .object:
            if acceptingJSON { return value.serialized() }
        default: break
        }
        throw unexpected(record, column, value, "a text")
    }

    private func unexpected(
        _ record: Record, _ column: String?, _ found: JSONValue, _ expected: String
    ) -> FledgeError {
        FledgeError(
            .data,
            "The column \(column ?? "?") of the data set \(description.name) holds \(found.kind), "
                + "expected \(expected).", at: record.location)
    }

    /// Names the missing column and the mapping that would fit the row.
    private func missing(_ meaning: String, _ column: String, in record: Record) -> FledgeError {
        let keys = record.value.members?.map(\.key) ?? []
        let guesses: [(String, [String])] =
            description.formatting == .alpaca
            ? [
                ("prompt", ["instruction", "prompt", "question", "query", "text"]),
                ("query", ["input", "context"]),
                ("response", ["output", "response", "answer", "completion", "target"]),
                ("history", ["history"]), ("system", ["system"]),
            ] : [("messages", ["conversations", "messages", "conversation", "dialogue"])]
        let mapping = guesses.compactMap { meaning, names in
            names.first { keys.contains($0) }.map { "\"\(meaning)\": \"\($0)\"" }
        }
        let advice =
            mapping.isEmpty
            ? "Name the columns under \"columns\" in dataset_info.json."
            : "The rows would fit with \"columns\": {\(mapping.joined(separator: ", "))} in "
                + "dataset_info.json."
        return FledgeError(
            .data,
            "The data set \(description.name) has no column \(column) (its \(meaning)): found "
                + "\(keys.isEmpty ? "none" : keys.joined(separator: ", ")).",
            advice: advice, at: record.location)
    }
}
