internal import FledgeColumnar
import FledgeCore
import FledgeTokenize

/// Rows in the form of OpenAI's chat completions.
extension Aligner {
    /// Where the reference joins results of tools that follow each other: as one model family does.
    private static let resultSeparator = "\n</tool_response>\n<tool_response>\n"

    /// Messages whose calls of tools stand apart from their content.
    func openAI(_ record: Record) throws -> AlignedSample {
        let (items, opened) = try opened(record)
        var sample = opened
        var messages = [Message]()
        var results = [String]()
        for item in items {
            let name = try role(item, record)
            guard var role = knownRole(name) else {
                throw unexpected(
                    record, description.columns.messages, .string(name), "a known role")
            }
            let calls = item["tool_calls"]?.arrayValue ?? []
            let isCall = [.assistant, .function].contains(role) && !calls.isEmpty
            if role == .observation {
                results.append(try openAIContent(item, record))
                continue
            }
            if !results.isEmpty {
                messages.append(
                    quirks.contains(.toolResultsJoined)
                        ? Message(.observation, results.joined(separator: Self.resultSeparator))
                        : Message(results: results))
                results = []
            }
            if isCall { role = .function }
            let content = try isCall ? callText(calls, record) : openAIContent(item, record)
            messages.append(Message(role, content, weight: try weight(item, record)))
        }
        for (index, message) in messages.enumerated()
        where !roles(at: index).contains(where: { $0.role == message.role }) {
            sample.fault = Self.misplaced(index, message.role.rawValue)
            break
        }
        // Results at the end have no answer that could be learned.
        try divide(messages, record, into: &sample)
        return sample
    }

    /// The system text as the reference changes it, for models of one family.
    static func referenceSystem(_ system: String, hasTools: Bool) -> String {
        let thinking = "detailed thinking off"
        if system.isEmpty { return hasTools ? "" : thinking }
        if hasTools { return system + "\n" }
        let isSet = system.contains("detailed thinking on") || system.contains(thinking)
        return isSet ? system : system + "\n" + thinking
    }

    /// A text, or the texts of a list of parts.
    private func openAIContent(_ message: JSONValue, _ record: Record) throws -> String {
        guard let parts = message[description.tags.content ?? "value"]?.arrayValue else {
            return try content(message, record)
        }
        return try parts.map { part in
            guard let text = part["text"]?.stringValue else {
                throw unexpected(
                    record, description.columns.messages, part["type"] ?? part,
                    "parts of type text")
            }
            return text
        }.joined()
    }

    /// The calls as a JSON list of names and arguments.
    private func callText(_ calls: [JSONValue], _ record: Record) throws -> String {
        try JSONValue.array(
            calls.map { call in
                guard var function = call["function"], function.members != nil else {
                    throw unexpected(record, "tool_calls", call, "an object with a function")
                }
                // Arguments are JSON in a text, which calls in templates hold as it is.
                if !quirks.contains(.openAIAlignment),
                    let text = function["arguments"]?.stringValue,
                    let arguments = try? JSONValue(parsing: text, file: "arguments"),
                    arguments.members != nil
                {
                    function["arguments"] = arguments
                }
                return function
            }
        ).serialized()
    }
}
