import Fledge
import FledgeModel
import FledgeTesting
import Foundation
import Testing

@Suite(.commandIsBuilt)
struct CommandTests {
    @Test func helpIsAResult() throws {
        let help = try fledge("--help")
        #expect(help.status == 0 && help.errors.isEmpty)
        for command in ["train", "chat", "export", "preprocess", "tokenize", "keys"] {
            #expect(help.output.contains("\n  \(command) "), "\(command)")
            #expect(try fledge(command, "--help").status == 0)
        }
    }

    @Test func keysAreListedFromTheTable() throws {
        let keys = try fledge("keys")
        #expect(keys.status == 0)
        #expect(keys.output.contains("lora_rank: a whole number from 1 on = 8"))
    }

    @Test func mistakesOfUsageEndWithTwo() throws {
        for arguments in [["train"], ["tokenize"], ["keys", "--nothing"]] {
            let process = try fledge(arguments[0], arguments.count > 1 ? arguments[1] : "--")
            #expect(process.status == 2, "\(arguments)")
            #expect(process.output.isEmpty && !process.errors.isEmpty)
        }
    }

    @Test func mistakesOfConfigurationNameTheKey() throws {
        let unknown = try fledge("train", "model_name_or_path=m", "lora_rnk=8")
        #expect(unknown.status == 2)
        #expect(unknown.errors.contains("lora_rnk is no known key. Did you mean lora_rank?"))
        let stage = try fledge("train", "--model_name_or_path", "m", "--stage", "ppo")
        #expect(stage.status == 2 && stage.errors.contains("reward_model"))
    }

    @Test func missingFilesFail() throws {
        let missing = try fledge("train", "/nowhere/at/all.yaml")
        #expect(missing.status == 1 && missing.errors.contains("/nowhere/at/all.yaml"))
    }

    @Test func reportsOfTheLibrariesAreAskedForByFLEDGE_LOG() throws {
        let project = try TinyProject()
        try project.writeRun("max_steps: 1")
        func run(_ word: String?) throws -> Outcome {
            let environment = word.map { ["FLEDGE_LOG": $0] } ?? [:]
            return try CommandRun(
                ["train", "run.yaml", "overwrite_output_dir=true"], in: project.path,
                environment: environment
            ).wait()
        }
        func reports(_ outcome: Outcome, _ level: String) -> [Substring] {
            outcome.errors.split(separator: "\n").filter {
                $0.contains(" \(level) ") && $0.contains("fledge")
            }
        }
        for word in [nil, ""] {
            let silent = try run(word)
            #expect(silent.status == 0)
            #expect(reports(silent, "debug").isEmpty && reports(silent, "trace").isEmpty)
        }
        let debug = try run("debug")
        #expect(debug.status == 0 && reports(debug, "trace").isEmpty)
        #expect(reports(debug, "debug").contains { $0.contains("tokenizer read") })
        let trace = try run("trace")
        #expect(trace.status == 0 && reports(trace, "debug").count >= 1)
        #expect(!reports(trace, "trace").isEmpty, "\(trace.errors)")
        for word in ["loud", "DEBUG", "info", "1"] {
            let wrong = try run(word)
            #expect(wrong.status == 2 && wrong.isClearFailure)
            #expect(wrong.errors.contains("FLEDGE_LOG is \(word)"))
        }
    }

    @Test func memoryThatTheSystemRefusesIsSaidPlainly() throws {
        let project = try TinyProject()
        try project.writeRun("max_steps: 1")
        // Small weights, and activations far above what the limit leaves beside the program itself.
        var wide = TinyProject.configuration
        wide.intermediateSize = 60_000
        try TinyProject.writeModel(to: project.file("wide"), wide)
        let outcome = try CommandRun(
            ["train", "run.yaml", "model_name_or_path=wide", "per_device_train_batch_size=12"],
            in: project.path, shell: "ulimit -v 800000"
        ).wait()
        #expect(outcome.status == 1 && outcome.isClearFailure, "\(outcome.errors)")
        #expect(outcome.errors.contains("error: not enough memory for "), "\(outcome.errors)")
    }
}
