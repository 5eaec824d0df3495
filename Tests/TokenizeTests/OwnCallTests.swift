import FledgeCore
import FledgeJinja
import FledgeTokenize
import Foundation
import Testing

/// Turns with calls of tools, and their results, are what models' own templates write.
///
/// The fixture holds what transformers makes of the own templates (`Scripts/reference/own_calls.py`).
@Suite struct OwnCallTests {
    private let fixture: JSONValue

    init() throws { fixture = try FixtureTexts.load("own_calls.json") }

    private func text(_ pieces: [TemplatePiece]) -> String {
        pieces.map { piece in
            switch piece {
            case .beginOfText: "<BOS>"
            case .endOfText: "<EOS>"
            case .token(let token): token
            case .text(let spans): spans.map(\.text).joined()
            }
        }.joined()
    }

    private func calls(_ value: JSONValue) throws -> [FunctionCall] {
        try (value["calls"]?.arrayValue ?? []).map {
            FunctionCall(
                try #require($0["name"]?.stringValue), try #require($0["arguments"]))
        }
    }

    /// The message of a case, with its parts apart.
    private func message(_ value: JSONValue) throws -> Message {
        var message = Message(.function, JSONValue.array(try calls(value).map(\.json)).serialized())
        message.textBeforeCall = value["text"]?.stringValue ?? ""
        message.thought = value["thought"]?.stringValue
        return message
    }

    /// The same in one text, as a row of the form sharegpt has it.
    private func inlineMessage(_ value: JSONValue, _ template: ChatTemplate) throws -> Message {
        let words = template.toolCallWords
        let blocks = try calls(value).map {
            words.open + "\n\($0.json.serialized())\n" + words.close
        }
        let thought = value["thought"]?.stringValue.map {
            template.thoughtWords.open + $0 + template.thoughtWords.close
        }
        return Message(
            .function,
            (thought ?? "") + (value["text"]?.stringValue ?? "") + blocks.joined(separator: "\n"))
    }

    private func response(_ template: ChatTemplate, _ message: Message) throws -> String {
        text(try template.renderOneturn([Message(.user, "Q"), message], system: "S").response)
    }

    @Test func turnsAreThoseOfTheModels() throws {
        var compared = 0
        for own in fixture["own"]?.arrayValue ?? [] {
            let name = try #require(own["template"]?.stringValue)
            let template = try TemplateCatalog.named(name)
            for turn in own["turns"]?.members ?? [] {
                guard let expected = turn.value.stringValue else { continue }
                let value = try #require(fixture["cases"]?[turn.key])
                for message in [try message(value), try inlineMessage(value, template)] {
                    let found = try response(template, message)
                    #expect(found == expected, "\(name), \(turn.key)")
                    compared += 1
                }
                var quiet = template
                quiet.enablesThinking = nil
                let learned = try response(quiet, try message(value))
                #expect(expected.hasSuffix(learned), "\(name), \(turn.key)")
            }
        }
        #expect(compared >= 150, "\(compared)")
    }

    /// What is written is read again, thought, text and calls.
    @Test func turnsAreTakenApartAgain() throws {
        for own in fixture["own"]?.arrayValue ?? [] {
            let name = try #require(own["template"]?.stringValue)
            let template = try TemplateCatalog.named(name)
            for turn in own["turns"]?.members ?? [] {
                guard let written = turn.value.stringValue else { continue }
                let value = try #require(fixture["cases"]?[turn.key])
                let ends = ["<EOS>", "<|im_end|>\n", "<turn|>\n", "[e~[\n", "<|eot_id|>"]
                let end = (ends + ["<end_of_sentence>\n"]).first { written.hasSuffix($0) } ?? ""
                let found = try template.parse(answer: String(written.dropLast(end.count)))
                #expect(found.text == value["text"]?.stringValue ?? "", "\(name), \(turn.key)")
                #expect(found.thought ?? "" == value["thought"]?.stringValue ?? "", "\(name)")
                let expected = try calls(value)
                #expect(found.calls.map(\.name) == expected.map(\.name), "\(name), \(turn.key)")
                for (read, given) in zip(found.calls, expected) {
                    for member in given.arguments.members ?? [] {
                        // What formats cannot tell apart: white space at the ends of texts.
                        let isSpaced = name == "qwen3_5" && member.key == "spaced"
                        let wanted = isSpaced ? .string("x") : member.value
                        #expect(
                            read.arguments[member.key] == wanted
                                || read.arguments[member.key]?.members != nil,
                            "\(name), \(member.key)")
                    }
                }
            }
        }
    }

    @Test func resultsAreThoseOfTheModels() throws {
        var compared = 0
        for own in fixture["own"]?.arrayValue ?? [] {
            let name = try #require(own["template"]?.stringValue)
            let template = try TemplateCatalog.named(name)
            for (index, results) in [["R1"], ["R1", "R2"]].enumerated() {
                guard let expected = own["results"]?[index]?.stringValue else { continue }
                func written(_ results: [String]) throws -> String {
                    text(
                        try template.render([
                            Message(.user, "Q"),
                            Message(.function, #"{"name": "f", "arguments": {}}"#),
                            Message(results: results), Message(.assistant, "A"),
                        ])[2].pieces)
                }
                #expect(try written(results) == expected, "\(name)")
                compared += 1
                // Rows that were made for the reference's template have the tags already.
                guard name.hasPrefix("glm4") else { continue }
                let tagged = results.map { "<tool_response>\n\($0)\n</tool_response>" }
                #expect(try written(tagged) == expected, "\(name)")
                let joined = try written([tagged.joined(separator: "\n")])
                for tag in ["<tool_response>", "</tool_response>"] {
                    #expect(joined.components(separatedBy: tag).count == results.count + 1)
                }
            }
        }
        #expect(compared >= 14, "\(compared)")
    }

    /// The reference's forms, which some of the models do not know, come back on request and are read.
    @Test func theReferencesFormsAreKept() throws {
        let call = #"{"name": "f", "arguments": {"a": 1, "b": "x", "c": true}}"#
        let keyed =
            "\n<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n<arg_key>b</arg_key>"
            + "\n<arg_value>x</arg_value>\n<arg_key>c</arg_key>\n<arg_value>true</arg_value>"
        for (name, expected) in [
            ("glm4_moe", keyed), ("glm4_7", keyed), ("glm4_5v", keyed), ("aeva", keyed),
            (
                "seed_oss",
                "<BOS>\n\n<seed:tool_call>\n<function=f\n<parameter=a>1</parameter>\n<parameter=b>x"
                    + "</parameter>\n<parameter=c>true</parameter>\n</function>\n</seed:tool_call><EOS>"
            ),
            (
                "minimax2",
                "<invoke name=\"f\">\n<parameter name=\"a\">1</parameter>\n<parameter name=\"b\">x"
                    + "</parameter>\n<parameter name=\"c\">true</parameter>\n</invoke>[e~[\n"
            ),
            ("gemma4", "<|tool><|tool_call>call:f{a:1,b:<|\"|>x<|\"|>,c:true}<tool_call|><tool|>"),
        ] {
            var template = try TemplateCatalog.named(name)
            let given = FunctionCall("f", ["a": 1, "b": "x", "c": true])
            #expect(try response(template, Message(.function, call)) != expected, "\(name)")
            template.enablesThinking = nil
            template.referenceWays = .singleCalls
            #expect(try response(template, Message(.function, call)) == expected, "\(name)")
            #expect(try template.functionFormat.calls(in: expected) == [given], "\(name)")
        }
        for name in ["glm4_moe", "glm4_7", "glm4_5v", "aeva"] {
            var template = try TemplateCatalog.named(name)
            template.referenceWays = .plainResults
            let dialogue = [
                Message(.user, "Q"), Message(.function, call), Message(.observation, "R"),
                Message(.assistant, "A"),
            ]
            #expect(
                text(try template.render(dialogue)[2].pieces) == "<|observation|>\nR<|assistant|>")
        }
    }

    /// A question is the same whether a call or a text answers it.
    @Test func questionsDoNotDependOnWhatAnswersThem() throws {
        let call = Message(.function, #"{"name": "f", "arguments": {}}"#)
        for name in TemplateCatalog.names {
            for thinking in [nil, true, false] as [Bool?] {
                var template = try TemplateCatalog.named(name)
                template.enablesThinking = thinking
                let prompts = try [call, Message(.assistant, "A")].map {
                    text(try template.renderOneturn([Message(.user, "Q"), $0]).prompt)
                }
                #expect(prompts[0] == prompts[1], "\(name)")
            }
        }
    }

    /// A model of GLM-4.7 is told of the form that it shall write.
    @Test func theDescriptionOfToolsIsInTheFormOfCalls() throws {
        let tools = try #require(fixture["tools"]).serialized()
        func asked(_ name: String, _ ways: ChatTemplate.ReferenceWays = []) throws -> String {
            var template = try TemplateCatalog.named(name)
            template.referenceWays = ways
            let dialogue = [Message(.user, "Q"), Message(.assistant, "A")]
            return text(try template.renderOneturn(dialogue, tools: tools).prompt)
        }
        let compact = "<tool_call>{function-name}<arg_key>{arg-key-1}</arg_key><arg_value>"
        let lines = "<tool_call>{function-name}\n<arg_key>{arg-key-1}</arg_key>\n<arg_value>"
        for name in ["glm4_7", "aeva"] {
            #expect(try asked(name).contains(compact) && !asked(name).contains(lines), "\(name)")
            #expect(try asked(name, .singleCalls).contains(lines), "\(name)")
        }
        #expect(try asked("glm4_moe").contains(lines) && asked("glm4_5v").contains(lines))
    }

    /// The own templates, through the library's engine, write the same.
    @Test(.enabled(if: Cache.hasTemplates))
    func ownTemplatesWriteTheFixture() throws {
        for own in fixture["own"]?.arrayValue ?? [] {
            let file = try #require(own["file"]?.stringValue)
            let path = Cache.templates + "/\(file).jinja"
            let source = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
            let model = ModelChatTemplate(
                try JinjaTemplate(parsing: source),
                specialTokens: ["bos_token": "<BOS>", "eos_token": "<EOS>"])
            for turn in own["turns"]?.members ?? [] {
                guard let expected = turn.value.stringValue else { continue }
                let value = try #require(fixture["cases"]?[turn.key])
                var answer: JSONValue = [
                    "role": "assistant", "content": value["text"] ?? "",
                    "tool_calls": .array(
                        try calls(value).map { ["type": "function", "function": $0.json] }),
                ]
                if let thought = value["thought"] { answer["reasoning_content"] = thought }
                let written = try model.render(
                    messages: [["role": "user", "content": "Q"], answer],
                    tools: fixture["tools"] ?? .null
                ).text.replacingOccurrences(of: "<seed:bos>", with: "<BOS>")
                    .replacingOccurrences(of: "<seed:eos>", with: "<EOS>")
                #expect(written.hasSuffix(expected), "\(file), \(turn.key)")
            }
            // The form is explained in the same words.
            let name = try #require(own["template"]?.stringValue)
            guard name.hasPrefix("glm4") else { continue }
            let asked = try model.render(
                messages: [["role": "user", "content": "Q"]], tools: fixture["tools"] ?? .null
            ).text
            let start = try #require(asked.range(of: "# Tools"))
            let end = try #require(asked.range(of: "...", range: start.upperBound..<asked.endIndex))
            let ours = text(
                try TemplateCatalog.named(name).renderOneturn(
                    [Message(.user, "Q"), Message(.assistant, "A")],
                    tools: (fixture["tools"] ?? .null).serialized()
                ).prompt)
            #expect(ours.contains(asked[start.lowerBound..<end.upperBound]), "\(file)")
        }
    }
}
