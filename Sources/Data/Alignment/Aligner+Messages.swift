internal import FledgeColumnar
import FledgeCore
import FledgeTokenize

/// Rows that are lists of messages.
extension Aligner {
    /// Questions and answers in turn, as ShareGPT exports them.
    func sharegpt(_ record: Record) throws -> AlignedSample {
        let (items, opened) = try opened(record)
        var sample = opened
        var messages = [Message]()
        for (index, item) in items.enumerated() {
            let name = try role(item, record)
            guard let role = roles(at: index).first(where: { $0.tag == name })?.role else {
                sample.fault = Self.misplaced(index, name)
                break
            }
            messages.append(
                Message(role, try content(item, record), weight: try weight(item, record)))
        }
        try divide(messages, record, into: &sample)
        return sample
    }

    /// The system text that the messages begin with, and the others.
    func opened(_ record: Record) throws -> (items: [JSONValue], sample: AlignedSample) {
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
        return (items, sample)
    }

    /// Checks that turns alternate, and tells the answer from what precedes it.
    func divide(
        _ messages: [Message], _ record: Record, into sample: inout AlignedSample
    ) throws {
        let isOdd = messages.count % 2 == 1
        if sample.fault == nil, isOdd != description.isRanking {
            sample.fault =
                "\(messages.count) messages, expected an \(isOdd ? "even" : "odd") number"
        }
        if sample.fault != nil { return }
        let columns = description.columns
        if let tag = value(columns.ktoTag, record)?.boolValue, let last = messages.last {
            sample.prompt = Array(messages.dropLast())
            sample.mark(last, isDesirable: tag)
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
    }

    static func misplaced(_ index: Int, _ name: String) -> String {
        "message \(index + 1) has the role \(name), which cannot stand there"
    }

    /// The roles that may stand at a place, questions and answers in turn.
    func roles(at index: Int) -> [(tag: String?, role: Message.Role)] {
        let tags = description.tags
        return index % 2 == 0
            ? [(tags.user, .user), (tags.observation, .observation)]
            : [(tags.assistant, .assistant), (tags.function, .function)]
    }

    /// The role that a tag of the description stands for.
    func knownRole(_ name: String) -> Message.Role? {
        let roles = roles(at: 0) + roles(at: 1) + [(description.tags.system, .system)]
        return roles.first { $0.tag == name }?.role
    }

    private func answer(_ value: JSONValue, _ record: Record) throws -> Message {
        let name = try role(value, record)
        guard let role = knownRole(name) else {
            throw unexpected(record, description.columns.chosen, .string(name), "a known role")
        }
        return Message(role, try content(value, record), weight: try weight(value, record))
    }

    func role(_ message: JSONValue, _ record: Record) throws -> String {
        try member(message, description.tags.role ?? "from", "role_tag", record)
    }

    func content(_ message: JSONValue, _ record: Record) throws -> String {
        try member(message, description.tags.content ?? "value", "content_tag", record)
    }

    /// How much a message counts, under `weight` as fine-tuning services write it, or `loss_weight`.
    func weight(_ message: JSONValue, _ record: Record) throws -> Float {
        guard let value = message["weight"] ?? message["loss_weight"], !value.isNull else {
            return 1
        }
        guard let weight = value.doubleValue, weight >= 0, weight.isFinite else {
            throw unexpected(record, "weight", value, "a number from 0 on")
        }
        return Float(weight)
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
}
