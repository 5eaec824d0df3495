import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Rows in the form of chat completions; what the reference makes of them was read from a run of it.
@Suite struct OpenAIAlignmentTests {
    private func description() -> DatasetDescription {
        var description = DatasetDescription(name: "chat", path: "chat.jsonl")
        description.formatting = .openai
        description.columns.messages = "messages"
        description.columns.tools = "tools"
        (description.tags.role, description.tags.content) = ("role", "content")
        (description.tags.user, description.tags.assistant) = ("user", "assistant")
        description.tags.observation = "tool"
        return description
    }

    private func align(
        _ json: String, _ quirks: ReferenceQuirks = []
    ) throws -> AlignedSample {
        let record = Record(
            try JSONValue(parsing: json, file: "chat.jsonl"),
            at: .init(file: "chat.jsonl", line: 4))
        return try Aligner(description(), records: [record], quirks: quirks).align(record)
    }

    private let call = #"""
        {"messages": [{"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": null, "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "sun", "arguments": "{\"day\": 1}"}},
        {"id": "2", "type": "function", "function": {"name": "rain", "arguments": {"day": "é"}}}]},
        {"role": "tool", "content": "yes"}, {"role": "tool", "content": "no"},
        {"role": "assistant", "content": [{"type": "text", "text": "Su"}, {"type": "text", "text": "nny."}]}],
        "tools": [{"type": "function", "function": {"name": "sun"}}]}
        """#

    @Test func callsAndResultsBecomeTurns() throws {
        let sample = try align(call)
        #expect(sample.fault == nil && sample.source.line == 4)
        #expect(sample.prompt.map(\.role) == [.user, .function, .observation])
        #expect(
            sample.prompt[1].content
                == #"[{"name": "sun", "arguments": {"day": 1}}, {"name": "rain", "arguments": {"day": "é"}}]"#
        )
        #expect(sample.prompt[2].content == "yes\n</tool_response>\n<tool_response>\nno")
        #expect(sample.response == [Message(.assistant, "Sunny.")])
        #expect(sample.tools == #"[{"type": "function", "function": {"name": "sun"}}]"#)
        #expect(sample.system == "")
    }

    @Test func oneResultIsATurnToo() throws {
        let row =
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}, {"role": "tool", "content": "c"}, {"role": "assistant", "content": "d"}], "tools": null}"#
        let sample = try align(row)
        #expect(sample.fault == nil)
        #expect(sample.prompt.last == Message(.observation, "c"))
    }

    @Test func argumentsInQuotesStaySoWhenAsked() throws {
        let sample = try align(call, .openAIAlignment)
        #expect(sample.prompt[1].content.contains(#""arguments": "{\"day\": 1}""#))
    }

    @Test func systemTextsAreTheUsersUnlessAskedOtherwise() throws {
        let rows = { (system: String, tools: String) in
            #"{"messages": ["# + system
                + #"{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "tools": "#
                + tools + "}"
        }
        let system = #"{"role": "system", "content": "Be kind."}, "#
        let thinking = #"{"role": "system", "content": "detailed thinking on"}, "#
        for (head, tools, plain, quirk) in [
            ("", "null", "", "detailed thinking off"), ("", "[1]", "", ""),
            (system, "null", "Be kind.", "Be kind.\ndetailed thinking off"),
            (system, "[1]", "Be kind.", "Be kind.\n"),
            (thinking, "null", "detailed thinking on", "detailed thinking on"),
        ] {
            #expect(try align(rows(head, tools)).system == plain)
            #expect(try align(rows(head, tools), .openAIAlignment).system == quirk)
        }
    }

    @Test func whatCannotBeIsNamed() throws {
        let unknown = #"{"messages": [{"role": "narrator", "content": "x"}], "tools": null}"#
        let error = #expect(throws: FledgeError.self) { try align(unknown) }
        #expect(error?.location?.line == 4)
        let image =
            #"{"messages": [{"role": "user", "content": [{"type": "image_url"}]}], "tools": null}"#
        #expect(throws: FledgeError.self) { try align(image) }
        let twice =
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "tools": null}"#
        #expect(try align(twice).fault?.contains("message 2") == true)
        // Results that nothing follows are left out, as in the reference.
        let trailing =
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "tool", "content": "c"}], "tools": null}"#
        #expect(try align(trailing).response == [Message(.assistant, "b")])
    }

    @Test func weightsAreRead() throws {
        let row =
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0.25}], "tools": null}"#
        #expect(try align(row).response[0].weight == 0.25)
        let wrong = row.replacing("0.25", with: "-1")
        #expect(throws: FledgeError.self) { try align(wrong) }
    }
}
