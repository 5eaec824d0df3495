import FledgeCore
import FledgeJinja
import FledgeTokenize
import Foundation
import Testing

/// A model's templates: where they are found, which one is used, and how a message is continued.
@Suite struct JinjaChatTests {
    private let messages: JSONValue = [["role": "user", "content": "Hi"]]

    /// Runs `body` with a folder of files by relative path.
    private func withFolder(
        _ files: [String: String], _ body: (String) throws -> Void
    ) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "fledge-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, text) in files {
            let url = URL(filePath: folder + "/" + name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try body(folder)
    }

    private func rendered(
        _ path: String, tools: JSONValue = .null, template: String? = nil
    ) throws -> String? {
        try ModelChatTemplate.load(path)?.render(
            messages: messages, tools: tools, template: template
        ).text
    }

    @Test func aFolderWithoutTemplatesHasNone() throws {
        try withFolder([:]) { try #expect(rendered($0) == nil) }
        try withFolder(["tokenizer_config.json": "{}"]) { try #expect(rendered($0) == nil) }
    }

    @Test func theConfigurationHoldsOneTemplate() throws {
        let configuration = """
            {"bos_token": "<s>", "eos_token": {"content": "</s>", "special": true},
             "pad_token": null, "chat_template": "{{ bos_token }}{{ messages[0].content }}\
            {{ eos_token }}{{ pad_token is defined }}"}
            """
        try withFolder(["tokenizer_config.json": configuration]) {
            try #expect(rendered($0) == "<s>Hi</s>False")
            try #expect(rendered($0 + "/tokenizer_config.json") == "<s>Hi</s>False")
        }
    }

    @Test func namedTemplatesAreChosen() throws {
        let list: JSONValue = [
            "chat_template": [
                ["name": "default", "template": "D"], ["name": "tool_use", "template": "T"],
                ["name": "rag", "template": "R{{ documents is none }}"],
            ]
        ]
        try withFolder(["tokenizer_config.json": list.serialized()]) { folder in
            try #expect(rendered(folder) == "D")
            try #expect(rendered(folder, tools: []) == "T")
            try #expect(rendered(folder, tools: [], template: "rag") == "RTrue")
            let error = #expect(throws: FledgeError.self) {
                try rendered(folder, template: "nonsense")
            }
            #expect(error?.description.contains("default, rag, tool_use") == true)
        }
        let several = ModelChatTemplate([
            .init("a", try JinjaTemplate(parsing: "A")),
            .init("b", try JinjaTemplate(parsing: "B")),
        ])
        #expect(throws: FledgeError.self) { try several.template() }
        #expect(throws: FledgeError.self) { try ModelChatTemplate([]).template() }
    }

    @Test func filesComeBeforeTheConfiguration() throws {
        let files = [
            "tokenizer_config.json": #"{"chat_template": "C", "bos_token": "<s>"}"#,
            "chat_template.json": #"{"chat_template": "J"}"#,
            "chat_template.jinja": "F{{ bos_token }}\n",
            "additional_chat_templates/tool_use.jinja": "X",
            "additional_chat_templates/notes.txt": "{{",
        ]
        try withFolder(files) {
            try #expect(rendered($0) == "F<s>")
            try #expect(rendered($0, tools: [["a": 1]]) == "X")
            try #expect(rendered($0 + "/chat_template.jinja") == "F")
            try #expect(rendered($0 + "/chat_template.json") == "J")
        }
        try withFolder(["chat_template.json": #"{"chat_template": "J"}"#]) {
            try #expect(rendered($0) == "J")
        }
    }

    @Test func brokenFilesAreNamed() throws {
        for text in [#"{"chat_template": 5}"#, #"{"chat_template": [{"name": "a"}]}"#] {
            try withFolder(["tokenizer_config.json": text]) { folder in
                let error = #expect(throws: FledgeError.self) { try rendered(folder) }
                #expect(error?.location?.file.hasSuffix("tokenizer_config.json") == true)
            }
        }
        try withFolder(["chat_template.jinja": "a\n{{"]) { folder in
            try Data([0x61, 0xFF]).write(to: URL(filePath: folder + "/bad.jinja"))
            #expect(throws: FledgeError.self) { try rendered(folder + "/bad.jinja") }
            #expect(throws: FledgeError.self) { try rendered(folder + "/none.jinja") }
        }
    }

    @Test func metadataHoldTemplates() throws {
        var bytes = Array("GGUF".utf8)
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }
        func append(_ text: String) {
            append(UInt64(text.utf8.count))
            bytes += Array(text.utf8)
        }
        append(UInt32(3))
        append(UInt64(0))
        append(UInt64(4))
        for (key, text) in [
            ("tokenizer.chat_template", "D{{ bos_token }}"),
            ("tokenizer.chat_template.tool_use", "T{{ bos_token }}"),
        ] {
            append(key)
            append(UInt32(8))
            append(text)
        }
        append("tokenizer.ggml.tokens")
        append(UInt32(9))
        append(UInt32(8))
        append(UInt64(2))
        append("<a>")
        append("<b>")
        append("tokenizer.ggml.bos_token_id")
        append(UInt32(4))
        append(UInt32(1))
        try withFolder([:]) { folder in
            let path = folder + "/m.gguf"
            try Data(bytes).write(to: URL(filePath: path))
            try #expect(rendered(path) == "D<b>")
            try #expect(rendered(path, tools: []) == "T<b>")
        }
    }

    @Test(.enabled(if: JinjaFixtures.hasModel)) func smolLM2BringsItsTemplate() throws {
        let text = try ModelChatTemplate.load(JinjaFixtures.model)?.render(
            messages: messages, addsGenerationPrompt: true
        ).text
        #expect(
            text == "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by "
                + "Hugging Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
    }

    @Test func messagesAreContinuedAsInTransformers() throws {
        let cases = try JinjaFixtures.load("jinja-snippets.json")["continued"]?.arrayValue ?? []
        #expect(cases.count == 10)
        for example in cases {
            let template = try JinjaTemplate(parsing: example["template"]?.stringValue ?? "")
            let text = try? ModelChatTemplate(template).render(
                messages: example["messages"] ?? [], continuesFinalMessage: true
            ).text
            #expect(
                text == example["text"]?.stringValue, "\(example["messages"]?.serialized() ?? "")")
        }
        #expect(throws: FledgeError.self) {
            try ModelChatTemplate(JinjaTemplate(parsing: "")).render(
                messages: messages, addsGenerationPrompt: true, continuesFinalMessage: true)
        }
    }

    @Test func variablesComeBeforeSpecialTokens() throws {
        let template = ModelChatTemplate(
            try JinjaTemplate(
                parsing: "{{ eos_token }}{{ enable_thinking }}{{ tools is none }}"
                    + "{{ documents is none }}{{ add_generation_prompt }}"),
            specialTokens: ["eos_token": "</s>"])
        let text = try template.render(
            messages: [], variables: ["eos_token": "E", "enable_thinking": false]
        ).text
        #expect(text == "EFalseTrueTrueFalse")
    }
}
