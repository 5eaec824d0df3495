import Fledge
import FledgeCore
import FledgeTesting
import Foundation
import Testing

/// Runs whose dialogues are written by the model's own template, or by what was read off it.
@Suite struct OwnTemplateTests {
    private let project: TinyProject

    init() throws { project = try TinyProject() }

    private static let chatML = """
        {% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}\
        {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
        """
    /// Thoughts vanish from history, and an empty one stands in the last answer.
    private static let thinking = """
        {% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' %}\
        {% if loop.last %}{{ '<think>' + (m.reasoning_content or '') + '</think>' }}{% endif %}\
        {% endif %}{{ m.content + '<|im_end|>\\n' }}{% endfor %}\
        {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
        """

    private func configuration(
        _ source: String?, _ rows: [[String]], _ keys: String...
    ) throws -> RunConfiguration {
        if let source {
            try AtomicFile.write(source, to: project.file("model/chat_template.jinja"))
        }
        let lines = rows.map { row in
            let messages = row.enumerated().map { index, text -> JSONValue in
                ["role": .string(index % 2 == 0 ? "user" : "assistant"), "content": .string(text)]
            }
            return (["messages": .array(messages)] as JSONValue).serialized()
        }
        try AtomicFile.write(lines.joined(separator: "\n"), to: project.file("rows.jsonl"))
        let yaml = """
            model_name_or_path: \(project.path)/model
            stage: sft
            dataset: \(project.path)/rows.jsonl
            output_dir: \(project.path)/out
            """
        return try RunConfiguration(yaml: yaml, file: "run.yaml", overrides: keys, environment: [:])
    }

    /// The samples of a run as text, with what is learned in brackets.
    private func samples(_ configuration: RunConfiguration) throws -> [String] {
        let text = try TextSide(configuration)
        let data = try StageData(
            configuration, text, SupervisedFineTuning().recipe(configuration, text), threads: 1,
            cache: nil)
        return data.known.flatMap(\.samples).map { sample in
            var (shown, isLearned) = ("", false)
            for (id, label) in zip(sample.inputIDs, sample.labels) {
                if (label != ProcessedSample.ignored) != isLearned {
                    isLearned.toggle()
                    shown += isLearned ? "⟦" : "⟧"
                }
                shown += text.tokenizer.decode([id], skippingSpecials: false)
            }
            return shown + (isLearned ? "⟧" : "")
        }
    }

    @Test func theOwnTemplateWritesAndMasks() throws {
        let run = try configuration(Self.chatML, [["a", "b", "c", "d"]], "template=model")
        #expect(
            try samples(run) == [
                "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦b<|im_end|>\n⟧"
                    + "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟦d<|im_end|>\n⟧"
            ])
    }

    @Test func rewrittenAnswersAreSamplesOfTheirOwn() throws {
        let rows = [["a", "<think>t</think>b", "c", "d"]]
        let first = "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"
        let last =
            "b<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n"
            + "⟦<think></think>d<|im_end|>\n⟧"
        #expect(
            try samples(configuration(Self.thinking, rows, "template=model")) == [
                first + "⟦<think>t</think>b<|im_end|>\n⟧", first + last,
            ])
        #expect(
            try samples(
                configuration(Self.thinking, rows, "template=model", "mask_history=true"))
                == [first + last])
        let prompt = try configuration(
            Self.thinking, rows, "template=model", "train_on_prompt=true")
        let error = #expect(throws: FledgeError.self) { try samples(prompt) }
        #expect(error?.message.contains("train_on_prompt") == true)
    }

    @Test func allOfTheTextIsLearnedWhenAsked() throws {
        let run = try configuration(
            Self.chatML, [["a", "b"]], "template=model", "train_on_prompt=true")
        #expect(
            try samples(run) == [
                "⟦<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n⟧"
            ])
    }

    @Test func whatIsReadOffIsComparedOverTheRows() throws {
        func faults(_ rows: [[String]], _ keys: String...) throws -> [String] {
            let run = try configuration(Self.thinking, rows, keys.first ?? "seed=42")
            return RunPlanner(run, measures: false).run().faults.map(\.code)
        }
        #expect(!(try faults([["a", "b"]]).contains("unlike-own-template")))
        #expect(try faults([["a", "b"], ["a", "b", "c", "d"]]).contains("unlike-own-template"))
        #expect(
            !(try faults([["a", "b", "c", "d"]], "template=model").contains("unlike-own-template")))
        let run = try configuration(Self.thinking, [["a", "b", "c", "d"]])
        let error = #expect(throws: FledgeError.self) { try Preprocessing(run, threads: 1) }
        #expect(error?.description.contains("template: model") == true)
        for key in ["allowed_faults=unlike-own-template", "reference_quirks=all"] {
            let run = try configuration(Self.thinking, [["a", "b", "c", "d"]], key)
            #expect(throws: Never.self) { try Preprocessing(run, threads: 1) }
        }
    }

    private func faults(
        _ source: String, _ row: JSONValue, _ keys: String...
    ) throws -> [(code: String, message: String)] {
        _ = try configuration(source, [["a", "b"]])
        try AtomicFile.write(row.serialized(), to: project.file("rows.jsonl"))
        let run = try RunConfiguration(
            yaml: """
                model_name_or_path: \(project.path)/model
                stage: sft
                dataset: \(project.path)/rows.jsonl
                output_dir: \(project.path)/out
                """, file: "run.yaml", overrides: keys, environment: [:])
        return RunPlanner(run, measures: false).run().faults.map { ($0.code, $0.message) }
    }

    private static let question: JSONValue = ["role": "user", "content": "a"]

    @Test func whatTheOwnTemplateDoesNotWriteIsSaid() throws {
        let tools: JSONValue = [
            [
                "type": "function",
                "function": [
                    "name": "f",
                    "parameters": ["type": "object", "properties": ["x": ["type": "string"]]],
                ],
            ]
        ]
        let answer: JSONValue = ["role": "assistant", "content": "b"]
        let withTools: JSONValue = [
            "messages": [Self.question, answer], "tools": .string(tools.serialized()),
        ]
        let ignored = try faults(Self.chatML, withTools)
        #expect(
            ignored.contains {
                $0.code == "unknown-to-own-template" && $0.message.contains("ignores tools")
            }, "\(ignored)")
        let refusing =
            "{% if messages[0].role == 'system' %}{{ raise_exception('No system.') }}{% endif %}"
            + Self.chatML
        let system: JSONValue = ["role": "system", "content": "s"]
        for key in ["template=chatml", "seed=42"] {
            let refused = try faults(
                refusing, ["messages": [system, Self.question, answer]], key)
            #expect(
                refused.contains {
                    $0.code == "unknown-to-own-template" && $0.message.contains("No system.")
                }, "\(refused)")
        }
        #expect(try faults(Self.chatML, ["messages": [Self.question, answer]]).isEmpty)
    }

    @Test func thoughtsThatStandApartAreComparedInTheMemberThatIsRead() throws {
        let reading = Self.chatML.replacing(
            "m.content", with: "(m.reasoning_content or '') + m.content")
        let answer: JSONValue = ["role": "assistant", "content": "b", "reasoning_content": "t"]
        let row: JSONValue = ["messages": [Self.question, answer]]
        for key in ["template=qwen3", "seed=42"] {
            let found = try faults(reading, row, key)
            #expect(
                found.contains { $0.code == "unlike-own-template" } || key != "seed=42", "\(found)")
        }
        #expect(try faults(reading, row, "template=model").isEmpty)
        let unread = try faults(Self.chatML, row, "template=model")
        #expect(unread.map(\.code) == ["unwritten-text"], "\(unread)")
        #expect(unread.first?.message.contains("does not read") == true)
    }

    @Test func callsThatStandTwiceAreNamed() throws {
        let calling = """
            {% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content }}\
            {% for c in m.tool_calls or [] %}{{ c.function.name }}{% endfor %}{{ '<|im_end|>\\n' }}\
            {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
            """
        let call: JSONValue = ["name": "f", "arguments": ["x": 1]]
        let answer: JSONValue = [
            "role": "assistant", "content": .string("<tool_call>\(call.serialized())</tool_call>"),
            "tool_calls": [["type": "function", "function": call]],
        ]
        let found = try faults(
            calling, ["messages": [Self.question, answer]], "template=model")
        #expect(found.map(\.code) == ["unwritten-text"], "\(found)")
        #expect(found.first?.message.contains("written once") == true)
    }

    @Test func theCauseOfAMissingEndIsToldByTheOwnTemplate() throws {
        let plain =
            "{% for m in messages %}{{ m.role + ': ' + m.content + ' ' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
        _ = try configuration(plain, [["a", "b"]])
        let run = try configuration(plain, [["a", "b"]], "template=model")
        let fault = RunPlanner(run, measures: false).run().faults.first {
            $0.code == "missing-stop"
        }
        #expect(fault?.advice.contains("eos_token") == true)
        #expect(fault?.advice.contains("Choose the template") == false)
        let empty = try configuration(" \n", [["a", "b"]], "template=model")
        let error = #expect(throws: FledgeError.self) { try TextSide(empty) }
        #expect(error?.message.contains("empty") == true)
    }

    @Test func anEmptySystemMessageOfARowIsHandedOn() throws {
        let source =
            "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\\nS<|im_end|>\\n' }}{% endif %}"
            + Self.chatML
        let own = try configuration(source, [["a", "b"]], "template=model")
        #expect(try samples(own)[0].hasPrefix("<|im_start|>system\nS<|im_end|>"))
        let rows: JSONValue = [
            "messages": [
                ["role": "system", "content": ""], Self.question,
                ["role": "assistant", "content": "b"],
            ]
        ]
        try AtomicFile.write(rows.serialized(), to: project.file("rows.jsonl"))
        #expect(try samples(own)[0].hasPrefix("<|im_start|>system\n<|im_end|>"))
    }

    @Test func aNamedTemplateIsComparedOverTheRowsToo() throws {
        func notes(_ source: String, _ rows: [[String]], _ key: String) throws -> [String] {
            let run = try configuration(source, rows, key)
            return try Preprocessing(run, threads: 1).summary.filter { $0.contains("template") }
        }
        #expect(try notes(Self.chatML, [["a", "b"], ["c", "d"]], "template=chatml").isEmpty)
        let trimming = Self.chatML.replacing("m.content", with: "(m.content | trim)")
        #expect(try notes(trimming, [["a", "b"]], "template=chatml").isEmpty)
        let spaced = try notes(trimming, [["a", "b"], ["a \n", "b"]], "template=chatml")
        #expect(spaced.count == 1 && spaced[0].contains("Warning") && spaced[0].contains(":2"))
        // A system text that the template alone has is no warning.
        let system = try notes(Self.chatML, [["a", "b"]], "template=smollm2")
        #expect(system.count == 1 && !system[0].contains("Warning"))
        #expect(
            try notes(Self.chatML, [["a", "b"]], "template=vicuna").contains {
                $0.contains("Warning")
            })
    }

    @Test func keysWithoutMeaningAreRefusedByName() throws {
        for key in ["tool_format=qwen", "default_system="] {
            let run = try configuration(Self.chatML, [["a", "b"]], "template=model", key)
            guard run.data.toolFormat != nil || run.data.defaultSystem != nil else { continue }
            let error = #expect(throws: FledgeError.self) { _ = try TextSide(run) }
            #expect(error?.message.contains(key.split(separator: "=")[0]) == true)
        }
        try FileManager.default.removeItem(atPath: project.file("model/chat_template.jinja"))
        let none = try configuration(nil, [["a", "b"]], "template=model")
        let error = #expect(throws: FledgeError.self) { _ = try TextSide(none) }
        #expect(error?.message.contains("template: model") == true)
    }

    @Test func questionsWithoutDataAreWrittenByTheOwnTemplate() throws {
        try AtomicFile.write(Self.thinking, to: project.file("model/chat_template.jinja"))
        let run = try RunConfiguration(
            path: nil, overrides: ["model_name_or_path=\(project.path)/model"], purpose: .inference)
        let text = try TextSide(run, asksOnly: true)
        let ids = try text.template.encodePrompt(
            [Message(.user, "a"), Message(.assistant, "<think>t</think>b"), Message(.user, "c")],
            with: text.tokenizer)
        #expect(
            text.tokenizer.decode(ids, skippingSpecials: false)
                == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
                + "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n")
    }

    @Test func preferencesAndQuestionsAreWrittenByTheOwnTemplate() throws {
        let pair: JSONValue = [
            "conversations": [["from": "human", "value": "a"]],
            "chosen": ["from": "gpt", "value": "b"], "rejected": ["from": "gpt", "value": "c"],
        ]
        _ = try configuration(Self.chatML, [["a", "b"]])
        try AtomicFile.write(pair.serialized(), to: project.file("data/pairs.jsonl"))
        let info: JSONValue = [
            "pairs": [
                "file_name": "pairs.jsonl", "formatting": "sharegpt", "ranking": true,
                "columns": [
                    "messages": "conversations", "chosen": "chosen", "rejected": "rejected",
                ],
            ]
        ]
        try AtomicFile.write(info.serialized(), to: project.file("data/dataset_info.json"))
        let run = try RunConfiguration(
            yaml: """
                model_name_or_path: \(project.path)/model
                stage: dpo
                template: model
                dataset: pairs
                dataset_dir: \(project.path)/data
                output_dir: \(project.path)/out
                """, file: "run.yaml", overrides: [], environment: [:])
        let text = try TextSide(run)
        let data = try StageData(
            run, text, DirectPreferenceOptimization().recipe(run, text), threads: 1, cache: nil)
        let sample = try #require(data.known.first)
        let question = "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"
        for (part, answer) in [(sample.chosen, "b"), (sample.rejected, "c")] {
            #expect(
                text.tokenizer.decode(part.inputIDs, skippingSpecials: false)
                    == question + answer + "<|im_end|>\n")
        }
        #expect(
            text.tokenizer.decode(
                Array(sample.chosen.inputIDs.prefix(sample.promptCount)), skippingSpecials: false)
                == question)
    }
}
