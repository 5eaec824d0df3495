import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Calls of tools, and what stands beside them, in all forms of messages.
@Suite struct CallMemberTests {
    typealias Form = MessageMemberTests.Form

    private let forms: [Form] = [.openai, .taggedSharegpt, .sharegpt]

    private func row(_ form: Form, _ call: String, then result: String = "tool") -> String {
        let (role, content) = form.usesRoles ? ("role", "content") : ("from", "value")
        let (user, assistant) = form.usesRoles ? ("user", "assistant") : ("human", "gpt")
        return #"""
            {"messages": [{"\#(role)": "\#(user)", "\#(content)": "When?"},
            {"\#(role)": "\#(assistant)", \#(call.replacing("content", with: content))},
            {"\#(role)": "\#(result)", "\#(content)": "9"},
            {"\#(role)": "\#(assistant)", "\#(content)": "At nine."}]}
            """#
    }

    private func align(
        _ form: Form, _ call: String, then result: String = "tool", _ quirks: ReferenceQuirks = []
    ) throws -> AlignedSample {
        let sample = try MessageMemberTests.align(
            row(form, call, then: result), form.entry, quirks)
        #expect(sample.fault == nil, "\(form) \(call)")
        return sample
    }

    private func written(_ sample: AlignedSample, _ template: String) throws -> String {
        try TemplateCatalog.named(template).renderMultiturn(sample.prompt + sample.response)[0]
            .response.map { piece in
                if case .text(let spans) = piece { spans.map(\.text).joined() } else { "" }
            }.joined()
    }

    @Test func textsAndThoughtsBesideCallsAreWritten() throws {
        let call =
            #""content": "Let me see.", "thinking": "Look.", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": \"<x>\"}"}}]"#
        for form in forms {
            let sample = try align(form, call)
            let message = sample.prompt[1]
            #expect(message.role == .function && message.textBeforeCall == "Let me see.")
            #expect(message.content == #"[{"name": "f", "arguments": {"a": "<x>"}}]"#)
            #expect(message.thought == "Look." && sample.unread.isEmpty)
            let qwen = try written(sample, "qwen3")
            #expect(
                qwen
                    == "<think>\nLook.\n</think>\n\nLet me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"<x>\"}}\n</tool_call><|im_end|>\n"
            )
            for template in ["llama3", "glm4", "chatml", "qwen3_5", "lfm2"] {
                #expect(try written(sample, template).contains("Let me see."), "\(template)")
            }
        }
        // In parts, and with nothing beside the call.
        let parts = call.replacing("\"Let me see.\"", with: #"[{"type": "text", "text": "Now."}]"#)
        #expect(try align(.openai, parts).prompt[1].textBeforeCall == "Now.")
        for nothing in ["null", "\"\"", "[]"] {
            let bare = call.replacing("\"Let me see.\"", with: nothing)
            #expect(try align(.openai, bare).prompt[1].textBeforeCall == "")
        }
        let reference = try align(.openai, call, .messageMembers).prompt[1]
        #expect(reference.textBeforeCall == "" && reference.thought == nil)
    }

    @Test(arguments: [
        (#""tool_calls": [{"name": "f", "arguments": {"a": 1}}]"#, #"{"a": 1}"#),
        (#""tool_calls": {"function": {"name": "f", "arguments": {"a": 1}}}"#, #"{"a": 1}"#),
        (#""function_call": {"name": "f", "arguments": "{\"a\": 1}"}"#, #"{"a": 1}"#),
        (#""function_call": {"name": "f", "arguments": {}}"#, "{}"),
        (#""tool_calls": [{"function": {"name": "f", "arguments": ""}}]"#, "{}"),
        (#""tool_calls": [{"function": {"name": "f", "arguments": null}}]"#, "{}"),
        (#""tool_calls": [{"function": {"name": "f"}}]"#, "{}"),
        (#""tool_calls": "[{\"name\": \"f\", \"arguments\": {\"a\": 1}}]""#, #"{"a": 1}"#),
    ])
    func callsAreReadInTheirForms(call: String, arguments: String) throws {
        for form in forms {
            for content in [#", "content": null"#, #", "content": """#, ""] {
                let message = try align(form, call + content).prompt[1]
                #expect(message.content == #"[{"name": "f", "arguments": \#(arguments)}]"#)
            }
        }
    }

    @Test func severalCallsKeepOrderAndNumber() throws {
        let call =
            #""content": null, "tool_calls": [{"function": {"name": "b", "arguments": {}}}, {"function": {"name": "a", "arguments": {}}}, {"function": {"name": "b", "arguments": {}}}]"#
        for form in forms {
            #expect(
                try align(form, call).prompt[1].content
                    == #"[{"name": "b", "arguments": {}}, {"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]"#
            )
        }
    }

    @Test func callsThatAreNoneAreErrors() throws {
        for call in [#"[3]"#, #"[{"function": {"arguments": {}}}]"#, #"[{}]"#, "true", "\"x\""] {
            let error = #expect(throws: FledgeError.self) {
                try align(.openai, #""content": "", "tool_calls": \#(call)"#)
            }
            #expect(error?.location?.line == 7)
        }
    }

    @Test func resultsHaveAnyOfTheirRoles() throws {
        let call = #""content": "", "tool_calls": [{"name": "f", "arguments": {}}]"#
        for form in forms {
            for role in ["tool", "function"] {
                #expect(try align(form, call, then: role).prompt[2] == Message(.observation, "9"))
            }
        }
    }

    @Test func namesOfToolsAreHarmlessInTheirResults() throws {
        let row =
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [{"name": "f", "arguments": {}}]}, {"role": "tool", "name": "f", "tool_call_id": "1", "content": "9"}, {"role": "assistant", "content": "b"}, {"role": "tool", "content": "10"}]}"#
        let sample = try MessageMemberTests.align(row, Form.openai.entry)
        // Of results that nothing follows it is said that they are not read.
        #expect(sample.unread == [.member("results of tools that no answer follows")])
    }
}
