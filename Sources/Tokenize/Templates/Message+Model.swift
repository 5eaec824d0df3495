import FledgeCore

extension ChatTemplate {
    /// A dialogue as models' own templates read it.
    ///
    /// - Parameter thoughtMember: The member that thoughts go to; nil to leave them in the content.
    /// - Throws: ``FledgeError`` for calls that are no JSON.
    static func modelMessages(
        _ messages: [Message], system: String, thoughtMember: String?
    ) throws -> [JSONValue] {
        var items = [JSONValue]()
        if !system.isEmpty { items.append(["role": "system", "content": .string(system)]) }
        var callNames = [String]()
        for message in messages.map(\.joined) {
            switch message.role {
            case .user, .system:
                items.append([
                    "role": .string(message.role.rawValue), "content": .string(message.content),
                ])
            case .assistant:
                items.append(answer(message.content, thoughtMember: thoughtMember))
            case .observation:
                for (index, text) in message.results.enumerated() {
                    var item: JSONValue = ["role": "tool", "content": .string(text)]
                    if callNames.indices.contains(index) {
                        item["name"] = .string(callNames[index])
                    }
                    items.append(item)
                }
            case .function:
                let parts = try CallMessage(
                    message.content, callWords: Words(open: "<tool_call>", close: "</tool_call>"),
                    thoughtWords: Words(open: "<think>\n", close: "\n</think>\n\n"))
                callNames = parts.calls.map(\.name)
                var item = answer(parts.text.stripped, thoughtMember: thoughtMember)
                item["tool_calls"] = .array(
                    parts.calls.map { ["type": "function", "function": $0.json] })
                items.append(item)
            }
        }
        return items
    }

    /// An answer, with its thought where the template reads it.
    private static func answer(_ content: String, thoughtMember: String?) -> JSONValue {
        var item: JSONValue = ["role": "assistant", "content": .string(content)]
        guard let thoughtMember, let end = content.byteOffset(of: "</think>") else { return item }
        // An answer to a prompt that opened the thought has the closing word alone.
        let open = content.byteOffset(of: "<think>")
        guard open.map({ content.bytes(0..<$0).stripped.isEmpty && $0 < end }) ?? true else {
            return item
        }
        let start = open.map { $0 + "<think>".utf8.count } ?? 0
        let rest = content.bytes(end + "</think>".utf8.count..<content.utf8.count)
        item["content"] = .string(String(Substring(rest.utf8.drop { $0 == 0x0A })))
        let thought = content.bytes(start..<end).stripped
        if !thought.isEmpty { item[thoughtMember] = .string(thought) }
        return item
    }

    /// The tools of a row as a template reads them; null for none.
    ///
    /// - Throws: ``FledgeError`` for what is no list.
    static func toolList(_ text: String) throws -> JSONValue {
        if text.isEmpty { return .null }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text, file: "tools")
        } catch {
            throw FledgeError(
                .data, "The description of the tools is not valid JSON.", cause: error)
        }
        if value.isNull { return .null }
        guard let tools = value.arrayValue else {
            throw FledgeError(.data, "The tools are \(value.kind), expected a list.")
        }
        return tools.isEmpty ? .null : value
    }
}
