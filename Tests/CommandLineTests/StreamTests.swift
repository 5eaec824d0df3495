import Fledge
import FledgeTesting
import Foundation
import Testing

/// Whatever becomes of messages and results, a command ends by itself.
@Suite("Streams", .commandIsBuilt)
struct StreamTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun("max_steps: 6")
    }

    /// Runs the command with its streams as a shell redirects them, and returns its status.
    private func status(_ words: String, _ redirection: String) throws -> Int {
        let line =
            "'\(CommandRun.executable.path)' \(words) \(redirection); echo \"${PIPESTATUS[0]}\" >&9"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "exec 9>status; " + line]
        process.currentDirectoryURL = URL(fileURLWithPath: project.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let text = String(decoding: try project.bytes("status"), as: UTF8.self)
        return Int(text.split(separator: "\n").first ?? "") ?? -1
    }

    @Test(arguments: [
        "2>&-", "2>/dev/full", "2>&1 | head -n 1", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>&1",
        "2> >(exec 0<&-; sleep 0.05)", "<&- 2>&-",
    ])
    func aRunGoesOnWithoutAPlaceForMessages(_ redirection: String) throws {
        #expect(try status("train run.yaml", redirection) == 0)
        #expect(project.exists("out/adapter_model.safetensors"))
        #expect(
            try JSONValue(contentsOf: project.file("out/trainer_state.json"))["global_step"] == 6)
        // No message came into a file that got the number of a closed stream.
        for name in project.names("out") where name.hasSuffix(".json") {
            _ = try JSONValue(contentsOf: project.file("out/" + name))
        }
        _ = try TrainingCheckpoint(folder: project.file("out/checkpoint-6"))
    }

    @Test(arguments: [
        "plan run.yaml", "plan run.yaml --json", "preprocess run.yaml --output -", "keys",
        "keys lora_rank", "keys --schema", "--help", "--version", "help train", "train --help",
        "--generate-completion-script bash",
    ])
    func lostResultsAreAFailureAndNoSignal(_ words: String) throws {
        for redirection in [">&-", ">/dev/full", ">&- 2>&-", "<&- >&- 2>&-"] {
            #expect(try status(words, redirection) == 1, "\(redirection)")
        }
        #expect(try [0, 1].contains(status(words, "| head -c 1")))
        #expect(try status(words, "2>&-") == 0)
        #expect(try status(words, "<&- 2>/dev/full") == 0)
    }

    @Test func chatEndsByItself() throws {
        try project.write("tiny 1?\ntiny 2?\n", to: "questions")
        for redirection in [
            "<questions >&-", "<questions >/dev/full", "<questions | head -c 1", "<&-",
            "<questions 2>&-", "<&- >&- 2>&-",
        ] {
            let status = try status("chat run.yaml", redirection)
            #expect([0, 1].contains(status), "\(redirection): \(status)")
        }
    }

    @Test func environmentsOfAllKinds() throws {
        for environment in [
            "FLEDGE_THREADS=nonsense", "FLEDGE_THREADS=0", "FLEDGE_THREADS=-3",
            "FLEDGE_THREADS=9223372036854775807", "FLEDGE_THREADS=99999", "FLEDGE_THREADS=",
            "FLEDGE_KERNELS=nonsense", "FLEDGE_KERNELS=", "FLEDGE_CACHE=/proc/nothing",
            "FLEDGE_CACHE=", "FLEDGE_CACHE=/dev/null", "-u HOME", "HOME=", "HOME=/nowhere",
            "TMPDIR=/nowhere", "TMPDIR=", "-i",
        ] {
            for words in ["plan run.yaml", "train run.yaml overwrite_output_dir=true max_steps=1"] {
                let outcome = try CommandRun(
                    ["env"] + environment.split(separator: " ").map(String.init)
                        + [CommandRun.executable.path]
                        + words.split(separator: " ").map(String.init),
                    in: project.path, shell: "shift"
                ).wait()
                #expect((0...3).contains(outcome.status), "\(environment) \(words): \(outcome)")
            }
        }
    }
}
