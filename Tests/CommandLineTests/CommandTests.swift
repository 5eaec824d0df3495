import Foundation
import Testing

/// What a command printed and how it ended.
private struct Outcome {
    var status: Int32
    var output: String
    var errors: String
}

/// The command that was built beside the tests.
private let executable = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0])
    .deletingLastPathComponent().appendingPathComponent("fledge")

private func fledge(_ arguments: String...) throws -> Outcome {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    try process.run()
    // Neither stream fills its pipe before the other is read: error texts are short.
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let complaints = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
        status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
        errors: String(decoding: complaints, as: UTF8.self))
}

@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: executable.path)))
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
        #expect(stage.status == 2 && stage.errors.contains("stage: dpo is not supported yet"))
    }

    @Test func missingFilesFail() throws {
        let missing = try fledge("train", "/nowhere/at/all.yaml")
        #expect(missing.status == 1 && missing.errors.contains("/nowhere/at/all.yaml"))
    }
}
