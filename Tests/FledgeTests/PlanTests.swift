import Fledge
import FledgeCore
import FledgeTesting
import Foundation
import Testing

/// Faults that are planted into data and configurations, each of which a plan has to name.
@Suite struct PlanTests {
    /// A fault: what is changed, and the code that it has to get.
    struct Planted: Sendable, CustomTestStringConvertible {
        let name: String
        let code: String
        var rows: [JSONValue]?
        var columns: JSONValue = ["prompt": "instruction", "response": "output"]
        var entry: JSONValue = [:]
        var keys: [String] = []

        var testDescription: String { name }

        init(
            _ name: String, _ code: String, _ rows: [JSONValue]? = nil, columns: JSONValue? = nil,
            entry: JSONValue = [:], keys: String...
        ) {
            (self.name, self.code, self.rows, self.entry, self.keys) = (
                name, code, rows, entry, keys
            )
            if let columns { self.columns = columns }
        }
    }

    private static func pair(_ question: String, _ answer: String) -> JSONValue {
        ["instruction": .string(question), "output": .string(answer)]
    }

    private static func good(_ count: Int = 12) -> [JSONValue] {
        (0..<count).map { pair("Question number \($0)?", "Answer \($0 * 7).") }
    }

    private static func with(_ rows: JSONValue...) -> [JSONValue] { good() + rows }

    private static func dialogue(_ messages: (String, String)...) -> JSONValue {
        [
            "conversations": .array(
                messages.map { ["from": .string($0.0), "value": .string($0.1)] })
        ]
    }

    private static let chat: JSONValue = ["formatting": "sharegpt"]
    private static let messages: JSONValue = ["messages": "conversations"]
    private static let ranking: JSONValue = ["formatting": "sharegpt", "ranking": true]
    private static let preference: JSONValue = [
        "messages": "conversations", "chosen": "chosen", "rejected": "rejected",
    ]

    private static func preferring(_ chosen: String, _ rejected: String) -> JSONValue {
        var row = dialogue(("human", "Which is it?"))
        row["chosen"] = ["from": "gpt", "value": .string(chosen)]
        row["rejected"] = ["from": "gpt", "value": .string(rejected)]
        return row
    }

    private static func marked(_ tag: Bool, _ answer: String) -> JSONValue {
        ["instruction": "Say it.", "output": .string(answer), "label": .bool(tag)]
    }

    private static let feedback: JSONValue = [
        "prompt": "instruction", "response": "output", "kto_tag": "label",
    ]

    static let planted: [Planted] = [
        Planted("empty answer", "empty-answer", with(pair("Why?", ""))),
        Planted("answer of white space", "empty-answer", with(pair("Why?", " \n"))),
        Planted("empty question", "empty-question", with(pair("", "Because."))),
        Planted(
            "columns crossed", "answer-repeats-question",
            with(pair("A long enough question?", "A long enough question?"))),
        Planted(
            "a part of the question that nothing reads", "unread-column",
            with(["instruction": "Add them.", "input": "1 and 2", "output": "3"])),
        Planted(
            "constant answer", "constant-answer",
            (0..<24).map { pair("Question \($0)?", "I am sorry, but I cannot help with that.") }),
        Planted("file twice", "duplicate-rows", good(12) + good(12)),
        Planted(
            "written with a template", "templated-content",
            with(pair("<|im_start|>user\nHi<|im_end|>", "Hello."))),
        Planted(
            "written for another model", "templated-content", with(pair("[INST] Hi [/INST]", "Yo."))
        ),
        Planted("ended in the data", "doubled-end", with(pair("Hi", "Hello.</s>"))),
        Planted(
            "ended as the template does", "doubled-end", with(pair("Hi", "Hello.<|im_end|>\n"))),
        Planted(
            "ended by a control token", "doubled-end",
            with(pair("Hi", "Hello.<|im_end|><|im_end|>x")),
            keys: "split_special_tokens=false"),
        Planted("wrong encoding", "broken-encoding", with(pair("CafÃ©?", "Yes."))),
        Planted("lost characters", "broken-encoding", with(pair("Caf\u{FFFD}?", "Yes."))),
        Planted(
            "thoughts in a plain template", "unexpected-thoughts",
            with(pair("Hi?", "<think>\nhm\n</think>\n\nYes."))),
        Planted(
            "weighted with nothing", "empty-mask",
            [
                dialogue(("human", "a?"), ("gpt", "b.")),
                [
                    "conversations": [
                        ["from": "human", "value": "a?"],
                        ["from": "gpt", "value": "b.", "weight": 0],
                    ]
                ],
            ], columns: messages, entry: chat),
        Planted("everything cut", "mostly-truncated", good(), keys: "cutoff_len=30"),
        Planted(
            "two questions in a row", "dropped-rows",
            [dialogue(("human", "a?"), ("human", "b?")), dialogue(("human", "a?"), ("gpt", "b."))],
            columns: messages, entry: chat),
        Planted(
            "only a system text", "dropped-rows",
            [dialogue(("system", "Be kind.")), dialogue(("human", "a?"), ("gpt", "b."))],
            columns: messages, entry: chat),
        Planted(
            "no answer", "dropped-rows",
            [dialogue(("human", "a?"), ("gpt", "b.")), dialogue(("human", "a?"))],
            columns: messages, entry: chat),
        Planted(
            "unknown role", "dropped-rows",
            [dialogue(("user", "a?"), ("gpt", "b.")), dialogue(("human", "a?"), ("gpt", "b."))],
            columns: messages, entry: chat),
        Planted(
            "same answers", "equal-answers",
            [preferring("yes", "no"), preferring("yes", "yes")], columns: preference,
            entry: ranking, keys: "stage=dpo"),
        Planted(
            "same once they are cut", "equal-answers",
            [
                preferring("yes", "no"),
                preferring(
                    String(repeating: "so ", count: 40) + "yes",
                    String(repeating: "so ", count: 40) + "no"),
            ], columns: preference, entry: ranking, keys: "stage=dpo", "cutoff_len=64"),
        Planted(
            "answers cut to nothing", "nothing-learned", [preferring("yes", "no")],
            columns: preference, entry: ranking, keys: "stage=dpo", "cutoff_len=6"),
        Planted(
            "whole dialogues as answers", "empty-question",
            [["output": "\n\nHuman: Why?\n\nAssistant: So."]], columns: ["response": "output"]),
        Planted(
            "worse answer of nothing", "empty-answer",
            [preferring("yes", "no"), preferring("yes", "")], columns: preference,
            entry: ranking, keys: "stage=dpo"),
        Planted(
            "preference of nothing", "empty-answer",
            [preferring("yes", "no"), preferring("", "no")], columns: preference,
            entry: ranking, keys: "stage=rm"),
        Planted(
            "the longer one is always better", "length-decides",
            (0..<24).map { preferring("a long answer, number \($0)", "no \($0)") },
            columns: preference, entry: ranking, keys: "stage=dpo"),
        Planted(
            "no other answer", "own-answer-as-other", [marked(true, "a")],
            columns: feedback, keys: "stage=kto"),
        Planted(
            "all good", "one-kind-of-feedback", [marked(true, "a"), marked(true, "b")],
            columns: feedback, keys: "stage=kto"),
        Planted(
            "marked but empty", "empty-answer", [marked(true, ""), marked(false, "b")],
            columns: feedback, keys: "stage=kto"),
        Planted("wrong column", "cannot-start", good(), columns: ["prompt": "question"]),
        Planted("no such file", "cannot-start", nil, keys: "dataset=absent"),
        Planted("number for a text", "cannot-start", [["instruction": 1, "output": "x"]]),
        Planted(
            "preferences to the wrong stage", "cannot-start",
            [preferring("yes", "no")], columns: preference, entry: ranking),
        Planted("template of another model", "foreign-template", good(), keys: "template=llama3"),
        Planted("template of a third model", "foreign-template", good(), keys: "template=gemma"),
        Planted(
            "template with new tokens", "missing-vectors", good(), keys: "template=gemma",
            "model_name_or_path=@narrow"),
        Planted("no step", "no-steps", good(), keys: "num_train_epochs=0"),
        Planted("warm-up without end", "warmup-too-long", good(), keys: "warmup_steps=500"),
        Planted(
            "learning rate of another world", "learning-rate-too-high", good(),
            keys: "learning_rate=1"),
        Planted(
            "longer than the model", "context-exceeded",
            with(pair("Long?", String(repeating: "word ", count: 200)))),
        Planted(
            "evaluated on what is learned", "evaluation-overlap", good(),
            keys: "eval_dataset=planted"),
        Planted("nothing ends answers", "missing-stop", good(), keys: "template=empty"),
    ]

    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        // A model without vectors to spare.
        var narrow = TinyProject.configuration
        narrow.vocabularySize = 259
        try TinyProject.writeModel(to: project.file("narrow"), narrow)
    }

    private func plan(_ planted: Planted) throws -> RunPlan {
        var entry = planted.entry
        entry["file_name"] = "planted.json"
        entry["columns"] = planted.columns
        if let rows = planted.rows {
            try AtomicFile.write(
                JSONValue.array(rows).serialized(), to: project.file("data/planted.json"))
            let catalog: JSONValue = ["planted": entry]
            try AtomicFile.write(
                catalog.serialized(), to: project.file("data/dataset_info.json"))
        }
        let yaml = """
            model_name_or_path: \(project.path)/model
            template: chatml
            do_train: true
            dataset_dir: \(project.path)/data
            dataset: planted
            output_dir: \(project.path)/out
            """
        let run = try RunConfiguration(
            yaml: yaml, file: "plan.yaml",
            overrides: planted.keys.map { $0.replacing("@", with: project.path + "/") },
            environment: [:])
        return RunPlanner(run).run()
    }

    @Test(arguments: planted) func faultsAreNamed(_ planted: Planted) throws {
        let plan = try plan(planted)
        #expect(plan.faults.map(\.code).contains(planted.code), "\(plan.faults.map(\.summary))")
        // The output folder is not touched.
        #expect(!FileManager.default.fileExists(atPath: project.file("out")))
    }

    /// Of faults with one code each says which it is, and what helps.
    @Test(arguments: [
        ("same answers", "Pairs whose two answers are the same. Check the columns"),
        (
            "same once they are cut",
            "the same up to where cutoff_len cuts them. Raise cutoff_len, or leave"
        ),
        ("answers cut to nothing", "No token of any row is learned. Raise cutoff_len, or leave"),
        ("weighted with nothing", "Rows of which no token is learned. See whether their marks"),
        ("worse answer of nothing", "Answers that are to be avoided are empty. Leave these rows"),
        ("preference of nothing", "Answers are empty. Leave these rows out"),
        ("whole dialogues as answers", "answers hold whole dialogues (Human: …, Assistant: …)"),
        ("preferences to the wrong stage", "Preferences are learned by stage: dpo or rm"),
    ]) func faultsOfOneCodeSayWhichItIs(_ name: String, _ words: String) throws {
        let planted = try #require(Self.planted.first { $0.name == name })
        let faults = try plan(planted).faults.filter { $0.code == planted.code }
        #expect(
            faults.contains { "\($0.message) \($0.advice)".contains(words) },
            "\(faults.map { "\($0.message) \($0.advice)" })")
    }

    /// Pairs that are whole dialogues are read as such, and the plan says so.
    @Test func pairsOfWholeDialoguesAreSaid() throws {
        let opening = "\n\nHuman: Which?\n\nAssistant: What?\n\nHuman: Which one?\n\nAssistant: "
        let rows: [JSONValue] = ["yes", "maybe"].map {
            ["chosen": .string(opening + $0), "rejected": .string(opening + "no")]
        }
        let plan = try plan(
            Planted(
                "dialogues", "", rows, columns: ["chosen": "chosen", "rejected": "rejected"],
                entry: ["ranking": true], keys: "stage=dpo"))
        #expect(plan.notes.contains { $0.contains("are whole dialogues") }, "\(plan.notes)")
        #expect(!plan.faults.contains { $0.code == "empty-question" })
        let row = try #require(plan.rows.first)
        #expect(row.spans.filter(\.isLearned).map(\.text) == ["yes<|im_end|>\n"], "\(row)")
    }

    @Test func thereAreEnough() { #expect(Self.planted.count >= 30) }

    @Test func cleanDataHaveNone() throws {
        let plan = try plan(Planted("clean", "", Self.good(30), keys: "val_size=5"))
        #expect(plan.faults.isEmpty, "\(plan.faults.map(\.summary))")
        let cost = try #require(plan.cost)
        #expect(cost.steps == 12 && cost.peakBytes > 0 && (cost.seconds ?? 0) > 0)
        #expect(plan.rows[0].spans.map(\.isLearned) == [false, true])
        #expect(plan.rows[0].spans[1].text.hasSuffix(".<|im_end|>\n"))
        #expect(plan.stopTokens.contains("<|im_end|>"))
        #expect(plan.lengths.bins.reduce(0) { $0 + $1.count } == 25)
    }

    @Test func trainingRefusesFaultsUnlessTheyAreAllowed() throws {
        let planted = Planted(
            "dropped", "dropped-rows",
            [
                Self.dialogue(("human", "a?"), ("gpt", "b.")), Self.dialogue(("human", "a?")),
                Self.dialogue(("human", "c?"), ("gpt", "")),
            ], columns: Self.messages, entry: Self.chat)
        _ = try plan(planted)
        func train(_ keys: String...) throws {
            let yaml = """
                model_name_or_path: \(project.path)/model
                template: chatml
                do_train: true
                dataset_dir: \(project.path)/data
                dataset: planted
                max_steps: 1
                output_dir: \(project.path)/out
                """
            try TrainingRecipe(
                RunConfiguration(yaml: yaml, file: "a.yaml", overrides: keys, environment: [:])
            ).run()
        }
        let error = #expect(throws: FledgeError.self) { try train() }
        #expect(error?.code == .data && error?.advice.contains("drop_invalid_rows") == true)
        #expect(error?.location?.line != nil)
        #expect(!FileManager.default.fileExists(atPath: project.file("out")))
        try train("drop_invalid_rows=true")
        try train("reference_quirks=all", "overwrite_output_dir=true")
        #expect(throws: FledgeError.self) { try train("allowed_faults=dropped-row") }
    }
}
