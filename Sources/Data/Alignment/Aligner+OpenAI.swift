internal import FledgeColumnar
import FledgeCore
import FledgeTokenize

/// What is special about OpenAI's chat completions.
extension Aligner {
    /// Where the reference joins results of tools that follow each other: as one model family does.
    static let resultSeparator = "\n</tool_response>\n<tool_response>\n"

    /// The system text as the reference changes it, for models of one family.
    static func referenceSystem(_ system: String, hasTools: Bool) -> String {
        let thinking = "detailed thinking off"
        if system.isEmpty { return hasTools ? "" : thinking }
        if hasTools { return system + "\n" }
        let isSet = system.contains("detailed thinking on") || system.contains(thinking)
        return isSet ? system : system + "\n" + thinking
    }

    /// The calls as a JSON list of names and arguments.
    func callText(_ calls: [JSONValue], _ record: Record) throws -> String {
        try JSONValue.array(
            calls.map { call in
                if readsAsReference {
                    guard let function = call["function"], function.members != nil else {
                        throw unexpected(record, "tool_calls", call, "an object with a function")
                    }
                    return quirks.contains(.openAIAlignment)
                        ? function : Self.withParsedArguments(function)
                }
                // A call by itself is the function that others have inside of them.
                guard let function = call["function"]?.members == nil ? call : call["function"],
                    let name = function["name"]?.stringValue, !name.isEmpty
                else {
                    throw FledgeError(
                        .data,
                        "A call of the data set \(description.name) has no name: found "
                            + "\(call.members?.map(\.key).listed ?? call.kind), expected a function "
                            + "with name and arguments.", at: record.location)
                }
                let given = function["arguments"] ?? .null
                // No arguments are often written as nothing.
                let arguments = given.isNull || given == "" ? JSONValue.object([]) : given
                let plain: JSONValue = ["name": .string(name), "arguments": arguments]
                return quirks.contains(.openAIAlignment) ? plain : Self.withParsedArguments(plain)
            }
        ).serialized()
    }

    /// Arguments are JSON in a text, which calls in templates hold as it is.
    private static func withParsedArguments(_ function: JSONValue) -> JSONValue {
        guard let text = function["arguments"]?.stringValue,
            let arguments = try? JSONValue(parsing: text, file: "arguments"),
            arguments.members != nil
        else { return function }
        var function = function
        function["arguments"] = arguments
        return function
    }
}
