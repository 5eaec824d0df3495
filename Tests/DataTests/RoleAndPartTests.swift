import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Names of roles, and content in parts.
@Suite struct RoleAndPartTests {
    typealias Form = MessageMemberTests.Form

    private func align(_ messages: String, _ form: Form = .openai) throws -> AlignedSample {
        try MessageMemberTests.align(#"{"messages": [\#(messages)]}"#, form.entry)
    }

    private let dialogue =
        #"{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}"#

    @Test func developersGiveTheSystemText() throws {
        for form in [Form.openai, .taggedSharegpt] {
            for role in ["developer", "system"] {
                let sample = try align(
                    #"{"role": "\#(role)", "content": "Be kind."}, "# + dialogue, form)
                #expect(sample.system == "Be kind." && sample.prompt == [Message(.user, "a")])
            }
        }
        // Where the tags give the word another meaning, that one counts.
        var entry = Form.taggedSharegpt.entry
        entry["tags"]?["user_tag"] = "developer"
        let row =
            #"{"messages": [{"role": "developer", "content": "a"}, {"role": "assistant", "content": "b"}]}"#
        #expect(try MessageMemberTests.align(row, entry).prompt == [Message(.user, "a")])
    }

    @Test(arguments: ["critic", "Assistant", "", "narrator"]) func unknownRolesAreNamed(
        role: String
    ) throws {
        let messages = dialogue + #", {"role": "\#(role)", "content": "c"}, "# + dialogue
        let error = #expect(throws: FledgeError.self) { try align(messages) }
        let expected =
            "message 3 has the role \(role), expected one of user, assistant, tool, system"
        #expect(error?.message.contains(expected) == true)
        #expect(error?.location?.line == 7)
        let fault = try align(messages, .taggedSharegpt).fault
        #expect(fault?.contains("message 3 has the role \(role), expected one of user") == true)
    }

    @Test func rolesThatCannotStandThereAreNamed() throws {
        for form in [Form.openai, .taggedSharegpt] {
            let second =
                dialogue
                + #", {"role": "system", "content": "c"}, {"role": "assistant", "content": "d"}"#
            #expect(
                try align(second, form).fault?.contains("message 3 has the role system") == true)
            let twice = #"{"role": "user", "content": "x"}, "# + dialogue
            #expect(try align(twice, form).fault?.contains("message 2 has the role user") == true)
        }
    }

    @Test func partsAreReadWhereverContentIs() throws {
        func part(_ text: String) -> String { #"[{"type": "text", "text": "\#(text)"}]"# }
        for form in [Form.openai, .taggedSharegpt] {
            let sample = try align(
                #"{"role": "system", "content": \#(part("s"))}, {"role": "user", "content": \#(part("a"))}, {"role": "assistant", "content": "", "tool_calls": [{"name": "f", "arguments": {}}]}, {"role": "tool", "content": \#(part("r"))}, {"role": "assistant", "content": \#(part("b"))}"#,
                form)
            #expect(sample.fault == nil && sample.system == "s")
            #expect(
                sample.prompt.map(\.content) == ["a", #"[{"name": "f", "arguments": {}}]"#, "r"])
            #expect(sample.response == [Message(.assistant, "b")])
        }
        let texts = try align(
            #"{"role": "user", "content": ["x", {"text": "y"}, {"type": "input_text", "text": "z"}]}, {"role": "assistant", "content": "b"}"#
        )
        #expect(texts.prompt[0].content == "xyz")
        // Columns of answers have parts as well.
        let row = #"{"prompt": "a", "completion": [{"type": "text", "text": "b"}]}"#
        let sample = try MessageMemberTests.align(row, Form.answers.entry)
        #expect(sample.response == [Message(.assistant, "b")])
    }

    @Test(arguments: ["image_url", "input_audio", "image", "video_url", "file"])
    func otherPartsAreNamed(type: String) throws {
        for form in [Form.openai, .taggedSharegpt] {
            let error = #expect(throws: FledgeError.self) {
                try align(
                    #"{"role": "user", "content": [{"type": "\#(type)", "\#(type)": {"url": "a"}}, {"type": "text", "text": "b"}]}, {"role": "assistant", "content": "c"}"#,
                    form)
            }
            #expect(error?.message.contains("type \(type)") == true && error?.location?.line == 7)
        }
    }
}
