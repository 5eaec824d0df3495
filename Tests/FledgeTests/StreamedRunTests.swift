import Fledge
import FledgeTesting
import Foundation
import Testing

/// Runs over rows that are read while training, and over several evaluation sets.
@Suite struct StreamedRunTests {
    private let project: TinyProject

    init() throws { project = try TinyProject() }

    private func configuration(_ more: [String]) throws -> RunConfiguration {
        let yaml = """
            model_name_or_path: \(project.path)/model
            template: chatml
            dataset_dir: \(project.path)/data
            dataset: tiny
            do_train: true
            per_device_train_batch_size: 2
            num_train_epochs: 2
            learning_rate: 0.02
            logging_steps: 1
            save_strategy: no
            """
        return try RunConfiguration(
            yaml: yaml, file: "run.yaml", overrides: more, purpose: .training, environment: [:])
    }

    @discardableResult
    private func run(_ folder: String, _ more: String...) throws -> [String] {
        try run(folder, more)
    }

    @discardableResult
    private func run(_ folder: String, _ more: [String]) throws -> [String] {
        var heard: [String] = []
        let overrides = ["output_dir=\(project.file(folder))"] + more
        try TrainingRecipe(configuration(overrides)) { heard.append($0) }.run()
        return heard
    }

    private func adapter(_ folder: String) throws -> [UInt8] {
        let path = project.file(folder) + "/adapter_model.safetensors"
        return Array(try Data(contentsOf: URL(filePath: path)))
    }

    private func log(_ folder: String) throws -> [LogEntry] {
        try TrainerState(path: project.file(folder) + "/trainer_state.json").logHistory
    }

    @Test func aResumedStreamIsTheUninterruptedOne() throws {
        try run("whole", "streaming=true")
        try run(
            "parts", "streaming=true", "max_steps=5", "save_strategy=steps", "save_steps=5",
            "lr_scheduler_type=constant")
        try run("constant", "streaming=true", "lr_scheduler_type=constant")
        try run("parts", "streaming=true", "lr_scheduler_type=constant")
        #expect(try adapter("parts") == adapter("constant"))
        #expect(try adapter("whole") != adapter("constant"))
        #expect(try log("whole").filter { $0["loss"] != nil }.count == 12)
    }

    @Test func inItsOwnOrderAStreamIsTheLoadedRun() throws {
        try run("loaded", "disable_shuffling=true")
        try run("streamed", "disable_shuffling=true", "streaming=true")
        #expect(try adapter("loaded") == adapter("streamed"))
    }

    @Test(arguments: [["neat_packing=true"], ["stage=pt"], ["stage=pt", "packing=false"]])
    func packedAndPlainStreamsAreTheLoadedRun(_ more: [String]) throws {
        func adapter(_ folder: String, _ options: [String]) throws -> [UInt8] {
            let common = [
                "output_dir=\(project.file(folder))", "disable_shuffling=true", "cutoff_len=32",
            ]
            try TrainingRecipe(configuration(common + more + options)).run()
            return try self.adapter(folder)
        }
        #expect(try adapter("loaded", []) == adapter("streamed", ["streaming=true"]))
        try run("shuffled", more + ["streaming=true", "cutoff_len=32"])
        #expect(try self.adapter("shuffled") != self.adapter("loaded"))
    }

    /// More rows than are looked at before training.
    private func manyRows() throws -> String {
        let path = project.file("data/many.jsonl")
        let rows = (0..<1500).map {
            #"{"instruction": "question \#($0 % 90 + 10)", "output": "answer"}"#
        }
        try AtomicFile.write(rows.joined(separator: "\n"), to: path)
        return "dataset=\(path)"
    }

    @Test(arguments: [[], ["neat_packing=true"], ["stage=pt"], ["stage=pt", "packing=false"]])
    func aStreamIsPlannedAndWrittenWhole(_ more: [String]) throws {
        let options = [try manyRows(), "cutoff_len=64"] + more
        let loaded = RunPlanner(try configuration(options), measures: false).run()
        let streamed = RunPlanner(
            try configuration(options + ["streaming=true"]), measures: false
        ).run()
        let (expected, found) = (try #require(loaded.cost), try #require(streamed.cost))
        #expect(found.steps == expected.steps)
        #expect(abs(Double(found.tokens) / Double(expected.tokens) - 1) < 0.02)
        // Rows that are not seen yet may be as long as allowed.
        #expect(found.peakBytes >= expected.peakBytes)
        if more.isEmpty { #expect(found.peakBytes > expected.peakBytes) }
        func rows(_ options: [String]) throws -> [String] {
            var lines: [String] = []
            try Preprocessing(configuration(options), threads: 2).write(.train) {
                lines.append($0.serialized())
            }
            return lines
        }
        let (all, stream) = (try rows(options), try rows(options + ["streaming=true"]))
        #expect(all.count == stream.count && all.sorted() == stream.sorted() && all != stream)
        #expect(try rows(options + ["streaming=true", "disable_shuffling=true"]) == all)
    }

    @Test func rowsOfAStreamThatDoNotFitAreNamed() throws {
        let path = project.file("data/bad.jsonl")
        let rows = (0..<1200).map { index in
            index == 1100
                ? #"{"instruction": "x", "output": null}"#
                : #"{"instruction": "q\#(index)", "output": "a"}"#
        }
        try AtomicFile.write(rows.joined(separator: "\n"), to: path)
        // All of an epoch is read, so the row has its turn.
        let more = [
            "dataset=\(path)", "streaming=true", "per_device_train_batch_size=600",
            "num_train_epochs=1",
        ]
        let error = #expect(throws: FledgeError.self) {
            try TrainingRecipe(configuration(["output_dir=\(project.file("bad"))"] + more))
                .run()
        }
        #expect(error?.location?.line == 1101 && error?.code == .data)
        var heard: [String] = []
        let allowed = ["output_dir=\(project.file("good"))", "drop_invalid_rows=true"] + more
        try TrainingRecipe(configuration(allowed)) { heard.append($0) }.run()
        #expect(heard.contains { $0.contains("dropped") && $0.contains("bad.jsonl:1101") })
    }

    @Test func eachEvaluationSetHasItsOwnValues() throws {
        let more = ["eval_dataset=tiny,other", "eval_strategy=epoch", "do_eval=true"]
        let each = ["output_dir=\(project.file("each"))", "eval_on_each_dataset=true"]
        try TrainingRecipe(configuration(each + more)).run()
        try TrainingRecipe(configuration(["output_dir=\(project.file("mixed"))"] + more))
            .run()
        let entries = try log("each").filter { $0["eval_tiny_loss"] != nil }
        #expect(entries.count == 2 && entries.allSatisfy { $0["eval_other_loss"] != nil })
        #expect(entries[0]["eval_tiny_loss"] != entries[0]["eval_other_loss"])
        // All of them together are what one mixed set is.
        let mixed = try log("mixed").filter { $0["eval_loss"] != nil }
        let together = try #require(entries.last?["eval_loss"])
        let expected = try #require(mixed.last?["eval_loss"])
        #expect(abs(together - expected) < 1e-5 * expected)
        let results = try JSONValue(contentsOf: project.file("each/eval_results.json"))
        #expect(results["eval_tiny_loss"] != nil && results["eval_other_loss"] != nil)
    }
}
