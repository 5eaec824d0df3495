import FledgeCore
import FledgeTokenize
import Testing

/// Calls of tools are found in answers as the reference finds them, and better where it is said.
@Suite struct ToolCallTests {
    private let fixture: JSONValue

    init() throws { fixture = try FixtureTexts.load("tool_calls.json") }

    /// Names and arguments as the fixture holds them; null for a plain answer.
    private func found(_ format: ToolFormat, _ text: String) throws -> JSONValue {
        guard let calls = try format.calls(in: text) else { return .null }
        return .array(
            calls.map { call in
                // The reference leaves arguments that it cannot read as they are.
                let raw = format.rawValue == "gemma4" ? call.arguments.stringValue : nil
                return [.string(call.name), .string(raw ?? call.arguments.serialized())]
            })
    }

    /// What the library shall find: the reference's calls, but for differences that are named, and for
    /// crashes and empty lists, which are plain answers.
    private func expected(_ entry: JSONValue) -> JSONValue {
        if entry["why"] != nil { return entry["ours"] ?? .null }
        let calls = entry["calls"]
        return calls?.arrayValue?.isEmpty == false ? calls ?? .null : .null
    }

    /// Formats that the reference does not have, and what it writes in their place.
    private static let added = ["glm4_7": "glm4_moe", "ministral3": "mistral"]

    @Test func callsAreTheReferences() throws {
        let added = Array(Self.added.keys)
        #expect(fixture.members?.map(\.key) == ToolFormat.known.filter { !added.contains($0) })
        var (same, differing) = (0, 0)
        for entry in fixture.members ?? [] {
            let format = try ToolFormat.named(entry.key)
            let texts = entry.value["texts"]?.arrayValue ?? []
            #expect(texts.count >= 25)
            for item in texts {
                let text = item["text"]?.stringValue ?? ""
                #expect(try found(format, text) == expected(item), "\(entry.key): \(text)")
                if item["why"] == nil {
                    same += 1
                } else {
                    #expect(item["ours"] != item["calls"], "\(entry.key): \(text)")
                    differing += 1
                }
            }
        }
        #expect(same > 450 && differing < 100, "\(same) \(differing)")
    }

    @Test func whatIsWrittenIsFoundAgain() throws {
        for entry in fixture.members ?? [] {
            let format = try ToolFormat.named(entry.key)
            for (index, trip) in (entry.value["trips"]?.arrayValue ?? []).enumerated() {
                let given = trip["given"]?.arrayValue ?? []
                let calls = try given.map { call in
                    FunctionCall(
                        call[0]?.stringValue ?? "",
                        try JSONValue(parsing: call[1]?.stringValue ?? ""))
                }
                let message = JSONValue.array(calls.map(\.json)).serialized()
                let text = try format.calls(message).map(\.text).joined()
                #expect(try found(format, text) == expected(trip), "\(entry.key) \(index): \(text)")
                // Around it is other text, and calls still stand where formats allow it.
                let isWhole = ["glm4", "llama3", "mistral"].contains(entry.key)
                let inside = try found(format, "So:\n" + text)
                #expect(inside == (isWhole ? .null : expected(trip)), "\(entry.key) \(index)")
            }
        }
    }

    /// The form of the reference, which models were trained on with it, is read, too.
    @Test func whatTheReferenceWritesIsFoundAgain() throws {
        for name in ToolFormat.known {
            let format = ToolFormat(rawValue: name)
            let entry = fixture[Self.added[name] ?? name]
            for (index, trip) in (entry?["trips"]?.arrayValue ?? []).enumerated() {
                let calls = try (trip["given"]?.arrayValue ?? []).map { call in
                    FunctionCall(
                        call[0]?.stringValue ?? "",
                        try JSONValue(parsing: call[1]?.stringValue ?? ""))
                }
                let message = JSONValue.array(calls.map(\.json)).serialized()
                for asReference in [true, false] {
                    let text = try format.calls(message, asReference: asReference).map(\.text)
                        .joined()
                    #expect(
                        try found(format, text) == expected(trip), "\(name) \(index): \(text)")
                }
            }
        }
    }

    @Test func unknownFormatsAreRefused() {
        #expect(throws: FledgeError.self) { try ToolFormat(rawValue: "lfm3").calls(in: "x") }
    }

    @Test func longHostileTextsAreReadInOneWalk() throws {
        let parts = [
            "<tool_call>", "</tool_call>", "<tool_call></tool_call>", "<tool_call>{</tool_call>x",
            "<tool_call>\n<function=", "<tool_call><function=f><parameter=a>",
            "<tool_call><function=f></function>", "<parameter=a></parameter>", "</function>",
            "<seed:tool_call><function=f", "<seed:tool_call> ", "<tool_calls>", "<tool_calls>{}\n",
            "<minimax:tool_call>", "<invoke name=\"", "<invoke name=\"f\">", "\">", "</invoke>",
            "<tool_call>f<arg_key>", "<tool_call>f<arg_key></arg_key>", "<arg_key>a</arg_key>",
            "Action:", "Action: f Action Input:", "Action:    ", "Action: f Action Input: 1 ",
            "[TOOL_CALLS]", "[TOOL_CALLS]f[ARGS]", "[TOOL_CALLS]f[ARGS]{}", "[TOOL_CALLS]f[ARGS][",
            "[TOOL_CALLS]f[ARGS]\"", "[ARGS]",
            "<|tool_call>call:", "<|tool_call>call:f{", "<|tool_call>call:f{<|\"|>",
            "<|tool_call>call:f{}<tool_call|>", "<|tool_call>call:f{a:[}<tool_call|>", "{a:",
            "<|tool_call_start|>", "<|tool_call_start|>[f(", "[", "(", "{", "{\"a\":", "\"", "\\",
            " ", "\n", "\u{3000}", "0", "'", "#", "a", "é", "<", "<think>", "</think>",
        ]
        var template = try TemplateCatalog.named("qwen3")
        for name in ToolFormat.known {
            let format = ToolFormat(rawValue: name)
            template.functionFormat = format
            let heads = ["", "<|tool_call_start|>[f(a=", "<tool_call>\n<function=f>", "Action: f"]
            for part in parts {
                let body = String(repeating: part, count: 100_000 / part.utf8.count)
                for head in part.utf8.count < 3 ? heads : [""] {
                    _ = try format.calls(in: head + body)
                    _ = try format.calls(in: head + body + "<|tool_call_end|></tool_call>")
                }
            }
            // What is quadratic shows here: it would not end.
            for part in ["<tool_call>", "<|tool_call>call:f{", "Action: f Action Input:", "["] {
                let body = String(repeating: part, count: 1_000_000 / part.utf8.count)
                _ = try template.parse(answer: body)
                _ = try template.parse(answer: "<think>" + body + "</think>" + body)
            }
        }
    }
}

/// Answers are taken apart: thought, text, calls.
@Suite struct ParsedAnswerTests {
    private let weather = FunctionCall("weather", ["city": "Rome"])
    private let call =
        #"<tool_call>\#n{"name": "weather", "arguments": {"city": "Rome"}}\#n</tool_call>"#

    private func parse(_ name: String, _ answer: String) throws -> ParsedAnswer {
        try TemplateCatalog.named(name).parse(answer: answer)
    }

    @Test func plainAnswersStayAsTheyAre() throws {
        for text in ["", " Hello.\n", "<tool_call>", "a </think> b"] {
            #expect(try parse("qwen", text) == ParsedAnswer(text: text))
        }
    }

    @Test func nothingIsLost() throws {
        #expect(try parse("qwen", call) == ParsedAnswer(text: "", calls: [weather]))
        let whole = "<think>\nRome?\n</think>\n\nI look.\n" + call + "\n" + call
        let answer = ParsedAnswer(thought: "Rome?", text: "I look.", calls: [weather, weather])
        #expect(try parse("qwen3", whole) == answer)
        // Where the question ends with the opening word.
        #expect(try parse("qwen3", "Rome?\n</think>\n" + call).thought == "Rome?")
        #expect(try parse("qwen3", "<think>\n\n</think>\n\nHi ") == .init(thought: "", text: "Hi"))
        let glm = "<think>\nT\n</think>\n\nweather\n{\"city\": \"Rome\"}"
        #expect(try parse("glmz1", glm) == ParsedAnswer(thought: "T", text: "", calls: [weather]))
    }

    @Test func callsInThoughtsAreNone() throws {
        let open = try parse("qwen3", "<think>\nIt is " + call)
        #expect(open == ParsedAnswer(thought: "It is " + call, text: ""))
        let closed = try parse("qwen3", "<think>\n" + call + "\n</think>\n\nNo.")
        #expect(closed == ParsedAnswer(thought: call, text: "No."))
    }

    @Test func wordsBeforeAllCallsAreTheTemplates() throws {
        let calls = #"[{"name": "weather", "arguments": {"city": "Rome"}}]"#
        for text in [calls, "[TOOL_CALLS] " + calls, " [TOOL_CALLS]" + calls] {
            #expect(try parse("mistral", text) == ParsedAnswer(text: "", calls: [weather]))
        }
        #expect(try parse("mistral", "[TOOL_CALLS] x").text == "[TOOL_CALLS] x")
    }

    @Test func answersGoBackIntoTheDialogue() throws {
        let tricky = FunctionCall("f", ["x": "</tool_call><think>\n</think>\n\n"])
        for name in ["qwen", "qwen3", "lfm2", "llama3", "mistral", "gemma4", "glm4_moe"] {
            let template = try TemplateCatalog.named(name)
            for answer in [
                ParsedAnswer(text: "", calls: [weather]),
                ParsedAnswer(text: "", calls: [weather, tricky]),
            ] {
                let message = template.message(answer)
                #expect(message.role == .function)
                let dialogue = [Message(.user, "U"), message]
                let pieces = try template.renderOneturn(dialogue).response
                let text = pieces.compactMap { piece in
                    if case .text(let spans) = piece { spans.map(\.text).joined() } else { nil }
                }.joined()
                #expect(text.contains("Rome"), "\(name): \(text)")
            }
        }
        let qwen = try TemplateCatalog.named("qwen3")
        let whole = ParsedAnswer(thought: "T", text: "S", calls: [weather])
        let pieces = try qwen.renderOneturn([Message(.user, "U"), qwen.message(whole)]).response
        guard case .text(let spans) = pieces.last else {
            Issue.record("no text")
            return
        }
        let written = spans.map(\.text).joined()
        #expect(written == "<think>\nT\n</think>\n\nS\n" + call + "<|im_end|>\n")
        #expect(qwen.message(ParsedAnswer(thought: nil, text: "Hi")) == Message(.assistant, "Hi"))
    }
}
