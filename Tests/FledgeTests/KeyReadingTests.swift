import Fledge
import FledgeTesting
import Foundation
import Testing

/// Keys as people write them in files and on command lines.
@Suite struct KeyReadingTests {
    private let base = "model_name_or_path: m\ntemplate: chatml\ndataset: identity\n"

    private func parse(_ yaml: String, _ overrides: [String] = []) throws -> RunConfiguration {
        try RunConfiguration(
            yaml: base + yaml, file: "run.yaml", overrides: overrides, environment: [:])
    }

    @Test func flagsAreFlagsWhereTextsAreTakenToo() throws {
        for word in ["yes", "on", "True", "TRUE", "true", "Y", "On", "\"true\""] {
            let run = try parse("resume_from_checkpoint: \(word)")
            #expect(run.training.resume == .newest, "\(word)")
        }
        for word in ["no", "off", "False", "FALSE", "n", "Off", "NO"] {
            #expect(
                try parse("resume_from_checkpoint: \(word)").training.resume == .never, "\(word)")
            let run = try parse("save_strategy: \(word)\neval_strategy: \(word)")
            #expect(
                run.training.saveStrategy == .never && run.training.evaluationStrategy == .never)
        }
        #expect(
            try parse("", ["resume_from_checkpoint=out/yes"]).training.resume
                == .checkpoint("out/yes"))
        for unset in ["resume_from_checkpoint:", "resume_from_checkpoint: \"\""] {
            #expect(try parse(unset).training.resume == .automatic)
        }
        #expect(throws: FledgeError.self) { try parse("eval_strategy: on") }
    }

    @Test func emptyTextsAreTexts() throws {
        #expect(try parse("").data.defaultSystem == nil)
        #expect(try parse("default_system: \"\"").data.defaultSystem == "")
        for words in [
            ["default_system="], ["default_system=\"\""], ["default_system=''"],
            ["--default_system", ""], ["--default_system="], ["--default_system=''"],
        ] {
            #expect(try parse("default_system: Be.", words).data.defaultSystem == "", "\(words)")
        }
        #expect(try parse("", ["default_system=null"]).data.defaultSystem == nil)
        #expect(try parse("", ["default_system='null'"]).data.defaultSystem == "null")
        #expect(try parse("", ["default_system='it''s'"]).data.defaultSystem == "it's")
        // What only begins like a quoted text is taken as it stands.
        #expect(
            try parse("", ["default_system=\"a\" and \"b\""]).data.defaultSystem
                == "\"a\" and \"b\"")
        #expect(try parse("", ["default_system='tis"]).data.defaultSystem == "'tis")
        // An empty number, list or path is none.
        let run = try parse(
            "", ["max_samples=", "eval_dataset=", "tokenized_path=", "lora_alpha=''"])
        #expect(run.data.maxSamples == nil && run.data.evaluationDatasets.isEmpty)
        #expect(run.data.tokenizedPath == nil && run.finetuning.loraAlpha == 16)
        #expect(throws: FledgeError.self) { try parse("", ["output_dir="]) }
        #expect(throws: FledgeError.self) { try parse("", ["lora_rank="]) }
    }

    @Test func byteOrderMarksAndLineEndsChangeNothing() throws {
        let text = base + "lora_rank: 5\n"
        let plain = try parse("lora_rank: 5")
        for other in [
            "\u{FEFF}" + text, "\u{FEFF}# note\r\n" + text.replacing("\n", with: "\r\n"),
            "\u{FEFF}---\n" + text, text.replacing("\n", with: "\r\n"), "\u{FEFF}\n\n" + text,
            "\u{FEFF}{model_name_or_path: m, template: chatml, dataset: identity, lora_rank: 5}",
        ] {
            let run = try RunConfiguration(yaml: other, file: "run.yaml", environment: [:])
            #expect(run.finetuning == plain.finetuning && run.data == plain.data, "\(other)")
        }
    }

    @Test func temperatureZeroIsGreedy() throws {
        let project = try TinyProject()
        func answer(_ more: [String]) throws -> [Int32] {
            let run = try RunConfiguration(
                yaml:
                    "model_name_or_path: \(project.file("model"))\ntemplate: chatml\nmax_new_tokens: 8",
                file: "chat.yaml", overrides: more, purpose: .inference, environment: [:])
            var session = ChatSession(
                run, try TextSide(run), try ModelSide(inference: run).model)
            return try session.ask("tiny?").ids
        }
        let greedy = try answer(["do_sample=false"])
        for words in [["temperature=0"], ["temperature=0.0", "do_sample=true", "seed=9"]] {
            #expect(try answer(words) == greedy)
        }
        #expect(try answer(["temperature=5", "top_p=1", "top_k=0", "seed=9"]) != greedy)
    }

    @Test func aDialogueThatFillsTheContextLosesItsOldestTurns() throws {
        let project = try TinyProject()
        let run = try RunConfiguration(
            yaml:
                "model_name_or_path: \(project.file("model"))\ntemplate: chatml\nmax_new_tokens: 40\ndo_sample: false",
            file: "chat.yaml", purpose: .inference, environment: [:])
        var heard: [String] = []
        var session = ChatSession(
            run, try TextSide(run), try ModelSide(inference: run).model
        ) { heard.append($0) }
        // The context holds 512 bytes.
        let question = String(repeating: "so ", count: 30)
        for _ in 0..<12 { _ = try session.ask(question) }
        #expect(heard.count == 1 && heard.first?.contains("512") == true, "\(heard)")
        #expect(session.messages.count >= 2 && session.messages.count < 12)
        #expect(session.messages.first?.role == .user)
        let before = session.messages
        #expect(throws: FledgeError.self) {
            _ = try session.ask(String(repeating: "long ", count: 200))
        }
        #expect(session.messages == before)
        _ = try session.ask("on?")
        session.clear()
        #expect(session.messages.isEmpty)
    }

    @Test func theSchemaDescribesEveryKey() throws {
        let schema = RunOption.schema
        let properties = try #require(schema["properties"]?.members)
        #expect(properties.map(\.key) == RunOption.all.map(\.name))
        #expect(schema["additionalProperties"] == false)
        for member in properties {
            #expect(member.value["description"]?.stringValue?.isEmpty == false, "\(member.key)")
            #expect(member.value["anyOf"]?.arrayValue?.isEmpty == false, "\(member.key)")
        }
        #expect(RunOption.named("lora_rank")?.explanation.contains("from 1 on") == true)
    }
}
