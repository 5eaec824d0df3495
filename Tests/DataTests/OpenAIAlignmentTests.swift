import FledgeColumnar
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
        #expect(sample.prompt[2] == Message(results: ["yes", "no"]))
        #expect(sample.response == [Message(.assistant, "Sunny.")])
        #expect(sample.tools == #"[{"type": "function", "function": {"name": "sun"}}]"#)
        #expect(sample.system == "")
    }

    @Test func resultsAreJoinedAsInTheReferenceWhenAsked() throws {
        for quirks in [ReferenceQuirks.toolResultsJoined, .all] {
            let joined = "yes\n</tool_response>\n<tool_response>\nno"
            #expect(try align(call, quirks).prompt[2] == Message(.observation, joined))
        }
        // Where the template writes results so there is no difference.
        let qwen = try TemplateCatalog.named("qwen")
        let llama = try TemplateCatalog.named("llama3")
        func text(_ template: ChatTemplate, _ quirks: ReferenceQuirks) throws -> String {
            try template.renderOneturn(align(call, quirks).prompt + [Message(.assistant, "x")])
                .prompt.map { piece in
                    if case .text(let spans) = piece { spans.map(\.text).joined() } else { "" }
                }.joined()
        }
        #expect(try text(qwen, []) == text(qwen, .toolResultsJoined))
        #expect(try text(llama, []) != text(llama, .toolResultsJoined))
        #expect(try text(llama, []).contains("<|end_header_id|>\n\nno<|eot_id|>"))
    }

    @Test func tagsAreOpenAIsUnlessTheyAreGiven() throws {
        let row =
            #"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}, {"role": "tool", "content": "c"}, {"role": "assistant", "content": "d"}]}"#
        let old = row.replacing("\"role\"", with: "\"from\"").replacing(
            "\"content\"", with: "\"value\""
        )
        .replacing("\"user\"", with: "\"human\"").replacing("\"assistant\"", with: "\"gpt\"")
        .replacing("\"tool\"", with: "\"observation\"")
        func sample(
            _ row: String, _ tags: JSONValue?, _ quirks: ReferenceQuirks = []
        ) throws -> AlignedSample {
            var entry: JSONValue = [
                "file_name": "x.json", "formatting": "openai", "columns": ["messages": "messages"],
            ]
            entry["tags"] = tags
            let description = try DatasetCatalog(entries: ["chat": entry]).description(
                named: "chat", quirks: quirks)
            let record = Record(
                try JSONValue(parsing: row, file: "x.json"), at: .init(file: "x.json", line: 1))
            return try Aligner(description, records: [record], quirks: quirks).align(record)
        }
        let roles: [Message.Role] = [.user, .function, .observation]
        #expect(try sample(row, nil).prompt.map(\.role) == roles)
        #expect(try sample(row, nil).system == "s")
        #expect(throws: FledgeError.self) { try sample(old, nil) }
        #expect(try sample(old, nil, .openAIAlignment).prompt.map(\.role) == roles)
        #expect(throws: FledgeError.self) { try sample(row, nil, .openAIAlignment) }
        // Tags that are given stand for themselves.
        let tags: JSONValue = [
            "role_tag": "from", "content_tag": "value", "user_tag": "human",
            "assistant_tag": "gpt", "observation_tag": "observation", "system_tag": "system",
        ]
        for quirks in [ReferenceQuirks(), .all] {
            #expect(try sample(old, tags, quirks).prompt.map(\.role) == roles)
        }
        #expect(throws: FledgeError.self) { try sample(row, tags) }
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
