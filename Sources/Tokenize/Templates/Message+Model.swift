import FledgeCore

extension ChatTemplate {
    /// A dialogue as models' own templates read it.
    ///
    /// - Parameters:
    ///   - hasSystem: Whether there is a system message, be it empty; nil where an empty text is none.
    ///   - thoughts: Where thoughts are put.
    ///   - splitsContent: Whether thoughts inside of contents are taken out for the member that the
    ///     template reads.
    /// - Throws: ``FledgeError`` for calls that are no JSON.
    static func modelMessages(
        _ messages: [Message], hasSystem: Bool? = nil, system: String, thoughts: ThoughtPlaces,
        splitsContent: Bool
    ) throws -> [JSONValue] {
        var items = [JSONValue]()
        if hasSystem ?? !system.isEmpty {
            items.append(["role": "system", "content": .string(system)])
        }
        var (callNames, callIDs) = ([String](), [String]())
        for message in messages {
            switch message.role {
            case .user, .system:
                items.append([
                    "role": .string(message.role.rawValue), "content": .string(message.content),
                ])
            case .assistant:
                items.append(
                    answer(
                        message.content, message.thought, thoughts.answers,
                        splitsContent ? thoughts.member : nil))
            case .observation:
                for (index, text) in message.results.enumerated() {
                    var item: JSONValue = ["role": "tool", "content": .string(text)]
                    let ids = message.callIDs.isEmpty ? callIDs : message.callIDs
                    var call = index
                    if ids.indices.contains(index) {
                        item["tool_call_id"] = .string(ids[index])
                        // Results may come in another order than their calls.
                        call = callIDs.firstIndex(of: ids[index]) ?? index
                    }
                    if callNames.indices.contains(call) {
                        item["name"] = .string(callNames[call])
                    }
                    items.append(item)
                }
            case .function:
                let parts = try CallMessage(
                    message, callWords: usualCallWords, thoughtWords: usualThoughtWords)
                callNames = parts.calls.map(\.name)
                callIDs = message.callIDs.count == callNames.count ? message.callIDs : []
                var member: String?
                if splitsContent, case .member(let name) = thoughts.calls { member = name }
                let text =
                    message.textBeforeCall.isEmpty
                    ? parts.text.stripped
                    : message.repeatedCalls(usualCallWords) ?? message.textBeforeCall
                var item = answer(text, message.thought, thoughts.calls, member)
                item["tool_calls"] = .array(
                    parts.calls.enumerated().map { index, call in
                        callIDs.isEmpty
                            ? ["type": "function", "function": call.json]
                            : [
                                "id": .string(callIDs[index]), "type": "function",
                                "function": call.json,
                            ]
                    })
                items.append(item)
            }
        }
        return items
    }

    /// An answer, with its thought where the template reads it.
    ///
    /// - Parameters:
    ///   - thought: The thought that stands apart, which is put into a place.
    ///   - member: The member for a thought inside of the content; nil to leave it there.
    private static func answer(
        _ content: String, _ thought: String?, _ place: ThoughtPlaces.Place, _ member: String?
    ) -> JSONValue {
        var item: JSONValue = ["role": "assistant", "content": .string(content)]
        // A content that has its thought already keeps that one.
        if let thought, !content.holds("<think>"), !content.holds("</think>") {
            switch place {
            case .member(let name): item[name] = .string(thought)
            case .content, .plainContent:
                let words = usualThoughtWords
                item["content"] = .string(words.open + thought + words.close + content)
            case .nowhere: break
            }
            return item
        }
        guard let member, let end = content.byteOffset(of: "</think>") else { return item }
        // An answer to a prompt that opened the thought has the closing word alone.
        let open = content.byteOffset(of: "<think>")
        guard open.map({ content.bytes(0..<$0).stripped.isEmpty && $0 < end }) ?? true else {
            return item
        }
        let start = open.map { $0 + "<think>".utf8.count } ?? 0
        let rest = content.bytes(end + "</think>".utf8.count..<content.utf8.count)
        item["content"] = .string(String(Substring(rest.utf8.drop { $0 == 0x0A })))
        let inner = content.bytes(start..<end).stripped
        if !inner.isEmpty { item[member] = .string(inner) }
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
