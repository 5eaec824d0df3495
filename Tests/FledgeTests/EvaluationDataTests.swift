import Fledge
import FledgeCore
import FledgeTesting
import Foundation
import Testing

/// Rows for evaluation are looked at before training, as those to train on are.
@Suite struct EvaluationDataTests {
    private let project: TinyProject
    private let good = #"{"instruction": "Why?", "output": "So."}"#

    init() throws { project = try TinyProject() }

    private func configuration(
        _ evaluation: String, _ keys: [String] = []
    ) throws -> RunConfiguration {
        try AtomicFile.write(evaluation, to: project.file("data/held.jsonl"))
        let columns: JSONValue = ["prompt": "instruction", "response": "output"]
        let catalog: JSONValue = [
            "tiny": [
                "file_name": "tiny.json",
                "columns": [
                    "prompt": "instruction", "query": "input", "response": "output",
                    "system": "system", "history": "history",
                ],
            ], "held": ["file_name": "held.jsonl", "columns": columns],
        ]
        try AtomicFile.write(catalog.serialized(), to: project.file("data/dataset_info.json"))
        let yaml = """
            model_name_or_path: \(project.path)/model
            template: chatml
            do_train: true
            max_steps: 1
            dataset_dir: \(project.path)/data
            dataset: tiny
            eval_dataset: held
            output_dir: \(project.path)/out
            """
        return try RunConfiguration(yaml: yaml, file: "a.yaml", overrides: keys, environment: [:])
    }

    private func codes(_ evaluation: String, _ keys: String...) throws -> [String] {
        try RunPlanner(configuration(evaluation, keys), measures: false).run().faults.map(\.code)
    }

    @Test func goodRowsHaveNoFault() throws { #expect(try codes(good).isEmpty) }

    @Test func filesWithoutRowsAreNamed() throws {
        for empty in ["", "\n"] {
            for keys in [[], ["streaming=true"]] {
                let run = try configuration(
                    empty, keys + ["dataset=held", "eval_dataset=null"])
                let faults = RunPlanner(run, measures: false).run().faults
                let fault = try #require(faults.first { $0.code == "cannot-start" })
                #expect(fault.message.contains("no rows in held"), "\(fault.summary)")
            }
        }
    }

    @Test(arguments: [
        (#"{"instruction": "Why?", "output": 4}"#, "dropped-rows"),
        (#"{"instruction": "<|im_start|>user", "output": "b"}"#, "templated-content"),
        (#"{"instruction": "a", "output": "b", "evidence": ["c"]}"#, "unread-column"),
    ])
    func faultsOfRowsForEvaluationAreNamed(row: String, code: String) throws {
        for keys in [[], ["streaming=true"]] {
            let run = try configuration(good + "\n" + row, keys)
            let faults = RunPlanner(run, measures: false).run().faults
            let fault = try #require(faults.first { $0.code == code }, "\(faults.map(\.summary))")
            #expect(fault.places.first?.file.hasSuffix("held.jsonl") == true)
            #expect(fault.places.first?.line == 2 && fault.count == 1)
        }
    }

    @Test func trainingDoesNotBeginWithRowsThatDoNotFit() throws {
        let rows = good + "\n" + #"{"instruction": "Why?", "output": null}"#
        for keys in [[], ["streaming=true"]] {
            let error = #expect(throws: FledgeError.self) {
                try TrainingRecipe(configuration(rows, keys)).run()
            }
            #expect(error?.message.contains("1 of 2 rows for evaluation do not fit") == true)
            #expect(error?.message.contains("the column output holds null") == true)
            #expect(error?.location?.line == 2)
            #expect(!FileManager.default.fileExists(atPath: project.file("out")))
        }
        var heard: [String] = []
        try TrainingRecipe(configuration(rows, ["drop_invalid_rows=true"])) {
            heard.append($0)
        }.run()
        #expect(heard.contains { $0.contains("1 rows for evaluation are dropped") })
    }

    @Test func preprocessingWarnsOfWhatIsNotRead() throws {
        let row = #"{"instruction": "a", "output": "b", "evidence": ["c"]}"#
        let summary = try Preprocessing(configuration(row), threads: 1).summary
        #expect(summary.contains { $0.hasPrefix("Warning: unread-column: The column evidence") })
    }
}
