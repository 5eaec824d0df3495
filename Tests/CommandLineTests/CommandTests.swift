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
        let stage = try fledge("train", "--model_name_or_path", "m", "--stage", "dpo")
        #expect(stage.status == 2 && stage.errors.contains("stage: dpo cannot be trained yet"))
    }

    @Test func missingFilesFail() throws {
        let missing = try fledge("train", "/nowhere/at/all.yaml")
        #expect(missing.status == 1 && missing.errors.contains("/nowhere/at/all.yaml"))
    }
}
