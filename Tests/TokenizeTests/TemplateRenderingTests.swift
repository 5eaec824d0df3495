import FledgeCore
import FledgeTokenize
import Testing

/// Every built-in template renders as in the reference.
@Suite struct TemplateRenderingTests {
    private let fixture: JSONValue

    init() throws { fixture = try FixtureTexts.load("templates.json") }

    private func messages(_ value: JSONValue?) throws -> [Message] {
        try (value?.arrayValue ?? []).map { item in
            let role = item["role"]?.stringValue.flatMap(Message.Role.init(rawValue:))
            return Message(try #require(role), item["content"]?.stringValue ?? "")
        }
    }

    private func json(_ pieces: [TemplatePiece]) -> JSONValue {
        .array(
            pieces.compactMap { piece in
                switch piece {
                case .beginOfText: return ["id": "<BOS>"]
                case .endOfText: return ["id": "<EOS>"]
                case .token(let token): return ["id": .string(token)]
                case .text(let spans):
                    let text = spans.map(\.text).joined()
                    return text.isEmpty ? nil : .string(text)
                }
            })
    }

    private func render(_ template: ChatTemplate, _ example: JSONValue) throws -> String {
        var template = template
        template.contentSpecials = .parse
        template.referenceWays = .all
        template.toolDate = fixture["date"]?.stringValue
        if let thinking = example["thinking"] { template.enablesThinking = thinking.boolValue }
        template.preservesThinking = example["preserve"]?.boolValue ?? false
        let messages = try messages(example["messages"])
        let system = example["system"]?.stringValue ?? ""
        let tools = example["tools"]?.stringValue ?? ""
        var turns: [(prompt: [TemplatePiece], response: [TemplatePiece])]
        if example["one"]?.boolValue == true {
            turns = [try template.renderOneturn(messages, system: system, tools: tools)]
        } else {
            turns = try template.renderMultiturn(
                messages, system: system, tools: tools,
                discardingHistoryThoughts: example["discard"]?.boolValue ?? false)
        }
        return JSONValue.array(turns.map { .array([json($0.prompt), json($0.response)]) })
            .serialized()
    }

    @Test func allRenderingsAreTheReferences() throws {
        let cases = fixture["cases"]?.arrayValue ?? []
        #expect(TemplateCatalog.names == fixture["templates"]?.members?.map(\.key))
        var count = 0
        for entry in fixture["templates"]?.members ?? [] {
            let template = try TemplateCatalog.named(entry.key)
            for (index, example) in cases.enumerated() {
                let name = example["name"]?.stringValue ?? ""
                let expected = entry.value[index]?.stringValue
                let text = try? render(template, example)
                let digest = text.map { SHA256.hexadecimal(of: Array($0.utf8)).prefix(16) }
                #expect(digest.map(String.init) == expected, "\(entry.key) \(name): \(text ?? "-")")
                count += 1
            }
        }
        #expect(count == 121 * 19)
    }

    @Test func unknownToolFormatsAreRefused() throws {
        var template = try TemplateCatalog.named("lfm2")
        template.toolsFormat.rawValue = "lfm3"
        let dialogue = [Message(.user, "U"), Message(.assistant, "A")]
        #expect(try template.render(dialogue).count == 2)
        let error = #expect(throws: FledgeError.self) {
            try template.render(dialogue, tools: #"[{"name": "f"}]"#)
        }
        #expect(error?.message.contains("lfm3") == true)
        #expect(throws: FledgeError.self) { try ToolFormat.named("qwem") }
    }

    @Test func readableExamples() throws {
        let dialogue = [Message(.user, "U1"), Message(.assistant, "A1")]
        let example: JSONValue = [
            "system": "SYS",
            "messages": .array(
                dialogue.map {
                    ["role": .string($0.role.rawValue), "content": .string($0.content)]
                }),
        ]
        let expected = [
            "default": #"[[["System: SYS", {"id": "<EOS>"}, "\n", "Human: U1", {"id": "<EOS>"}, "#
                + #""\nAssistant:"], ["A1", {"id": "<EOS>"}, "\n"]]]"#,
            "llama2": #"[[[{"id": "<BOS>"}, "[INST] <<SYS>>\nSYS\n<</SYS>>\n\nU1 [/INST]"], "#
                + #"["A1", {"id": "<EOS>"}]]]"#,
            "olmo": #"[[[{"id": "<EOS>"}, "SYS", "<|user|>\nU1<|assistant|>\n"], "#
                + #"["A1", {"id": "<EOS>"}]]]"#,
            "chatglm3": #"[[[{"id": "[gMASK]"}, {"id": "sop"}, {"id": "<|system|>"}, "\n", "#
                + #""SYS", {"id": "<|user|>"}, "\n", "U1", {"id": "<|assistant|>"}], "#
                + #"["\n", "A1"]]]"#,
        ]
        for (name, text) in expected {
            #expect(try render(TemplateCatalog.named(name), example) == text)
        }
    }

    @Test func unknownNamesGetASuggestion() {
        let error = #expect(throws: FledgeError.self) { try TemplateCatalog.named("smolm2") }
        #expect(error?.description.contains("smollm2?") == true)
        #expect(throws: FledgeError.self) { try TemplateCatalog.named("") }
    }
}
