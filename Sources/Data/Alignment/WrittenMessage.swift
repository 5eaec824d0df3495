internal import FledgeColumnar
import FledgeCore
import FledgeTokenize

/// A message as a file holds it, its members told apart by what they mean.
struct WrittenMessage {
    /// The name of the role as it is written.
    var role = ""
    /// What is said; nil where there is no content.
    var content: String?
    /// What was thought before.
    var thought: String?
    /// The calls of tools.
    var calls: [JSONValue] = []
    /// The id of the call that a result answers.
    var callID: String?
    /// How much the message counts.
    var weight: Float = 1
    /// Whether a member says that it is to be learned.
    var isMarkedAsLearned = false
    /// The members that hold something and that nothing reads.
    var unread: [String] = []
}

/// Reads messages by the keys of their role and content.
struct MessageReader {
    let dataset: String
    /// The keys and the names of roles.
    let tags: DatasetDescription.Tags
    /// Whether nothing is read but role, content and, where they stand apart, calls.
    let isReference: Bool
    /// Whether calls are read that stand apart from the content.
    let readsCalls: Bool

    var roleKey: String { tags.role ?? "from" }
    var contentKey: String { tags.content ?? "value" }

    /// Members that hold a thought.
    private static let thoughts = ["reasoning_content", "reasoning", "thinking", "thought"]
    /// Members that say whether a message is learned.
    private static let marks = ["loss", "train", "trainable", "training"]
    /// Members that say how much a message counts.
    private static let weights = ["weight", "loss_weight"]
    /// What a message can count; more is no weight but a mistake.
    static let weightRange = 0...1e6

    /// The message of a value.
    ///
    /// - Throws: ``FledgeError`` when role or content are not there, or a member that is read holds what
    ///   it cannot hold.
    func read(_ value: JSONValue, _ record: Record) throws -> WrittenMessage {
        guard let members = value.members else { throw incomplete(value, roleKey, record) }
        var (message, content, role) = (WrittenMessage(), JSONValue.null, String?.none)
        let (roleKey, contentKey) = (roleKey, contentKey)
        let replaced = isReference ? [] : members.replaced
        for (index, member) in members.enumerated() {
            if replaced.contains(index) {
                message.unread.append(member.key + " (the first of two of this name)")
            } else if member.key == contentKey {
                content = member.value
            } else if member.key == roleKey {
                role = member.value.stringValue
            } else if !member.value.isNothing || member.isCall {
                try read(member, record, into: &message)
            }
        }
        guard let role else { throw incomplete(value, roleKey, record) }
        message.role = role
        message.content = try text(of: content, record, into: &message)
        if message.content == nil {
            // A call or a thought can be all that there is.
            guard !message.calls.isEmpty || message.thought != nil else {
                throw incomplete(value, contentKey, record)
            }
        }
        return message
    }

    private func read(
        _ member: JSONValue.Member, _ record: Record, into message: inout WrittenMessage
    ) throws {
        let (key, value) = (member.key, member.value)
        if readsCalls, key == "tool_calls" {
            message.calls = try calls(value, record)
        } else if isReference {
            return
        } else if key == "tool_call_id", let id = value.stringValue {
            message.callID = id
        } else if key == "function_call", value.members != nil {
            if message.calls.isEmpty { message.calls = [value] }
        } else if Self.thoughts.contains(key) {
            guard let thought = thought(value) else { return message.unread.append(key) }
            add(thought, key, to: &message)
        } else if Self.weights.contains(key) {
            guard let weight = value.boolValue.map({ $0 ? 1 : 0 }) ?? value.doubleValue,
                Self.weightRange.contains(weight)
            else { throw unexpected(key, value, "a number from 0 to 1000000", record) }
            message.weight *= Float(weight)
        } else if Self.marks.contains(key) {
            guard let isLearned = value.truth else { return message.unread.append(key) }
            if isLearned { message.isMarkedAsLearned = true } else { message.weight = 0 }
        } else {
            message.unread.append(key)
        }
    }

    private func add(_ thought: String, _ key: String, to message: inout WrittenMessage) {
        if message.thought == nil { message.thought = thought }
        // The same thought is often written under several names.
        if message.thought != thought { message.unread.append(key) }
    }

    // MARK: Roles

    /// What a role is; nil for one that is not known.
    ///
    /// - Parameter index: The place among the turns; a name may stand for two roles that are told apart
    ///   by it.
    func role(_ name: String, at index: Int) -> Message.Role? {
        if index % 2 == 0 {
            if name == tags.user { return .user }
            if name == tags.observation { return .observation }
        }
        if name == tags.assistant { return .assistant }
        if name == tags.function { return .function }
        if name == tags.user { return .user }
        if name == tags.observation { return .observation }
        if name == tags.system { return .system }
        if isReference { return nil }
        switch name {
        case "developer", "system": return .system
        case "assistant", "gpt": return tags.assistant == nil ? .assistant : nil
        case "user", "human": return tags.user == nil ? .user : nil
        case "tool": return .observation
        // A result, as OpenAI had it first, or a call where a result cannot stand.
        case "function": return index % 2 == 0 ? .observation : .function
        default: return nil
        }
    }

    // MARK: Content

    /// A text, or the texts of a list of parts; nil for null.
    func text(
        of value: JSONValue, _ record: Record, into message: inout WrittenMessage
    ) throws -> String? {
        if let text = value.stringValue { return text }
        guard let parts = value.arrayValue else {
            if value.isNull { return nil }
            throw unexpected(contentKey, value, "a text, or a list of parts with texts", record)
        }
        var (texts, thoughts) = ([String](), [String]())
        for part in parts {
            let type = part["type"]?.stringValue
            if !isReference, ["thinking", "reasoning", "thought"].contains(type) {
                let value = part["thinking"] ?? part["reasoning"] ?? part["text"] ?? part["summary"]
                guard let value, let thought = thought(value) else {
                    message.unread.append("\(type ?? "thinking") of parts")
                    continue
                }
                thoughts.append(thought)
            } else if let text = part.stringValue ?? part["text"]?.stringValue {
                texts.append(text)
                guard !isReference else { continue }
                message.unread += (part.members ?? []).filter {
                    !["type", "text"].contains($0.key) && !$0.value.isNothing
                        && KnownNames.reason(member: $0.key, isResult: false) == nil
                }.map { $0.key + " of parts" }
            } else {
                throw FledgeError(
                    .data,
                    "A message of the data set \(dataset) has a part of "
                        + (type.map { "type \($0)" } ?? "another kind (\(part.kind))")
                        + ", expected parts of type text.",
                    advice: "Only text can be trained on.", at: record.location)
            }
        }
        if !thoughts.isEmpty {
            add(thoughts.joined(separator: "\n"), "thoughts among parts", to: &message)
        }
        return texts.joined()
    }

    /// The text of a thought, which may be in parts; nil for anything else.
    private func thought(_ value: JSONValue) -> String? {
        if let text = value.stringValue { return text }
        guard let parts = value.arrayValue else { return nil }
        let texts = parts.map { $0.stringValue ?? $0["text"]?.stringValue }
        return texts.contains(nil) ? nil : texts.compactMap(\.self).joined()
    }

    // MARK: Calls

    private func calls(_ value: JSONValue, _ record: Record) throws -> [JSONValue] {
        if let calls = value.arrayValue { return calls }
        if isReference { return [] }
        if value.members != nil { return [value] }
        if let text = value.stringValue, let parsed = try? JSONValue(parsing: text, file: "calls"),
            parsed.stringValue == nil
        {
            return try calls(parsed, record)
        }
        throw unexpected("tool_calls", value, "a list of calls", record)
    }

    // MARK: Errors

    private func unexpected(
        _ key: String, _ found: JSONValue, _ expected: String, _ record: Record
    ) -> FledgeError {
        FledgeError(
            .data,
            "A message of the data set \(dataset) has \(found.kind) under \(key), "
                + "expected \(expected).", at: record.location)
    }

    /// Role or content are not there, or not what they have to be.
    private func incomplete(_ message: JSONValue, _ key: String, _ record: Record) -> FledgeError {
        let tag = key == roleKey ? "role_tag" : "content_tag"
        let keys = message.members?.map(\.key) ?? []
        let role = keys.first { ["role", "from"].contains($0) }
        let content = keys.first { ["content", "value"].contains($0) }
        var advice = "A message is an object with a text for role and content."
        if let role, let content, message[key] == nil {
            advice =
                "The rows would fit with \"tags\": {\"role_tag\": \"\(role)\", \"content_tag\": "
                + "\"\(content)\", \"user_tag\": …, \"assistant_tag\": …}."
        }
        return FledgeError(
            .data,
            "A message of the data set \(dataset) has "
                + "\(message[key].map { "\($0.kind) under" } ?? "no") \(key) (its \(tag)): "
                + "found \(message.members == nil ? message.kind : keys.listed).",
            advice: advice, at: record.location)
    }
}

extension JSONValue.Member {
    /// Whether it holds calls, also such as have nothing in them.
    fileprivate var isCall: Bool { key == "tool_calls" && value.arrayValue?.isEmpty == false }
}

extension JSONValue {
    /// A truth value, also as a text or as 0 or 1.
    var truth: Bool? {
        switch self {
        case .bool(let value): value
        case .string(let text):
            switch text {
            case "true", "True", "TRUE", "1", "1.0": true
            case "false", "False", "FALSE", "0", "0.0": false
            default: nil
            }
        default: doubleValue == 1 ? true : doubleValue == 0 ? false : nil
        }
    }
}
