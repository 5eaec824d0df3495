import FledgeCore
import FledgeTokenize
import Testing

/// Calls, tools and thoughts where the reference goes wrong.
@Suite struct CallMessageTests {
    private static let rome = #"{"name": "weather", "arguments": {"city": "Rome"}}"#
    private static let oslo = #"{"name": "weather", "arguments": {"city": "Oslo"}}"#

    private func text(
        _ name: String, _ message: Message, tools: String = "",
        _ ways: ChatTemplate.ReferenceWays = []
    ) throws -> String {
        var template = try TemplateCatalog.named(name)
        template.referenceWays = ways
        template.enablesThinking = nil
        let turn = try template.renderOneturn(
            [Message(.user, "U"), message], system: "S", tools: tools)
        return turn.response.map { piece in
            if case .text(let spans) = piece { spans.map(\.text).joined() } else { "" }
        }.joined()
    }

    private func call(_ text: String) -> String { "<tool_call>\n\(text)\n</tool_call>" }

    @Test func everyBlockOfCallsIsWrittenOnceAndInOrder() throws {
        for calls in [
            [Self.rome, Self.oslo], [Self.oslo, Self.rome, Self.oslo], [Self.rome, Self.rome],
        ] {
            let written = calls.map(call).joined(separator: "\n")
            for name in ["qwen", "qwen3"] {
                for form in [
                    written, calls.map(call).joined(), "[\(calls.joined(separator: ", "))]",
                    "<tool_call>[\(calls.joined(separator: ", "))]</tool_call>",
                ] {
                    let text = try text(name, Message(.function, form))
                    #expect(text == written + "<|im_end|>\n", "\(name): \(form)")
                }
                let beside = try text(name, Message(.function, "So." + written))
                #expect(beside.hasPrefix("So.") && beside.contains(written), "\(name): \(beside)")
                let thought = try text(
                    name, Message(.function, "<think>\nT\n</think>\n\n" + written))
                #expect(thought.hasPrefix("<think>\nT\n</think>\n\n<tool_call>"))
                #expect(thought.contains(written))
            }
        }
    }

    @Test func theReferencesWayIsKept() throws {
        let same = call(Self.rome) + call(Self.rome)
        let text = try text("qwen", Message(.function, same), .singleCalls)
        #expect(text == call(Self.rome) + "<|im_end|>\n")
        #expect(throws: FledgeError.self) {
            try self.text(
                "glm4", Message(.function, "[\(Self.rome), \(Self.oslo)]"), .singleCalls)
        }
    }

    @Test func formatsForSingleCallsWriteSeveral() throws {
        let both = Message(.function, "[\(Self.rome), \(Self.oslo)]")
        #expect(
            try text("glm4", both)
                == "weather\n{\"city\": \"Rome\"}<|assistant|>weather\n{\"city\": \"Oslo\"}")
        let one = Message(.function, "[\(Self.rome)]")
        #expect(try text("glm4", one) == "weather\n{\"city\": \"Rome\"}")
        let parameters = #"{"name": "weather", "parameters": {"city": "Rome"}}"#
        #expect(try text("llama3", one).hasPrefix(parameters))
        #expect(try text("llama3", both).hasPrefix("[" + parameters))
    }

    @Test func noToolsAreNoToolsInEveryTemplate() throws {
        let dialogue = [Message(.user, "U"), Message(.assistant, "A")]
        for name in TemplateCatalog.names {
            let template = try TemplateCatalog.named(name)
            for system in ["", "S"] {
                let bare = try template.render(dialogue, system: system)
                for none in ["[]", "null", " [ ]\n"] {
                    #expect(
                        try template.render(dialogue, system: system, tools: none) == bare,
                        "\(name) \(none)")
                }
            }
        }
        var template = try TemplateCatalog.named("qwen3")
        template.referenceWays = .emptyTools
        let written = try template.render(dialogue, tools: "[]")
        #expect(written != (try template.render(dialogue)))
    }

    @Test func aThoughtThatIsOnlyClosedIsOpened() throws {
        for name in ["qwen3", "glm4_moe"] {
            let open = try TemplateCatalog.named(name).thoughtWords.open
            for rest in ["T\n</think>\n\nA", "\n\n</think>\n\nA", "</think>A"] {
                let mended = try text(name, Message(.assistant, rest))
                #expect(
                    mended.hasPrefix(open + rest) || mended.hasPrefix("\n" + open + rest),
                    "\(mended)")
                let kept = try text(name, Message(.assistant, rest), .halfThoughts)
                #expect(!kept.contains("<think>"), "\(kept)")
            }
            let whole = "<think>\nT\n</think>\n\nA"
            #expect(try text(name, Message(.assistant, whole)).contains(whole))
        }
        // A template without thoughts leaves text alone.
        #expect(try text("chatml", Message(.assistant, "x </think> y")).hasPrefix("x </think>"))
    }
}
