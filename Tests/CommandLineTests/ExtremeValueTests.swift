import Fledge
import FledgeTesting
import Foundation
import Testing

/// No number that somebody writes for a key ends a command by a signal.
@Suite("Extreme values", .commandIsBuilt)
struct ExtremeValueTests {
    private static let numeric = RunOption.all.filter { option in
        switch option.kind {
        case .integer, .number, .numbers: option.isEffective
        default: false
        }
    }

    /// Zero, negatives, the smallest steps from bounds, what no machine integer holds, no numbers.
    private static let values = [
        "0", "-1", "5e-324", "0.99999999", "0.9999999999999999", "1", "1.0000000000000002",
        "2147483647", "2147483648", "-2147483648", "999999999.5", "1e308", "-1e308", "nan", "inf",
        "9223372036854775807", "-9223372036854775808", "",
    ]

    @Test(arguments: numeric.map(\.name)) func everyCommandEndsByItself(_ key: String) throws {
        let project = try TinyProject()
        try project.writeRun("max_new_tokens: 2")
        let commands = [
            ["plan", "run.yaml"], ["train", "run.yaml"], ["chat", "run.yaml"],
            ["export", "run.yaml", "export_dir=merged"],
        ]
        for value in Self.values {
            for command in commands {
                let outcome = try run(command, key, value, project)
                let shown = "\(command[0]) \(key)=\(value): \(outcome.status) \(outcome.errors)"
                let wasStopped = outcome.status == 130 && Self.takesLong(command, key)
                #expect((0...3).contains(outcome.status) || wasStopped, "\(shown)")
                if [1, 2].contains(outcome.status) {
                    #expect(outcome.isClearFailure, "\(shown)")
                }
                // All commands read keys in the same way.
                if outcome.errors.contains("it should be") { break }
            }
        }
    }

    private static func takesLong(_ command: [String], _ key: String) -> Bool {
        command[0] == "train" && ["max_steps", "num_train_epochs"].contains(key)
    }

    private func run(
        _ command: [String], _ key: String, _ value: String, _ project: TinyProject
    ) throws -> Outcome {
        let takesLong = Self.takesLong(command, key)
        let steps = command[0] == "train" && !takesLong ? ["max_steps=1"] : []
        let log = project.file("out/trainer_log.jsonl")
        try? FileManager.default.removeItem(atPath: log)
        let run = try CommandRun(
            command + steps + ["overwrite_output_dir=true", "\(key)=\(value)"],
            in: project.path, shell: "ulimit -v 12000000", input: Array("hi\n".utf8))
        if takesLong {
            // What takes as long as it was asked to is stopped.
            run.wait(for: 3, in: log)
            run.signal(SIGINT)
        }
        return try run.wait()
    }
}
