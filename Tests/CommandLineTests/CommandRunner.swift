import FledgeTesting
import Foundation
import Testing

/// What a command printed and how it ended.
struct Outcome {
    var status: Int32
    var output: String
    var errors: String

    /// The lines of standard output.
    var lines: [String] {
        output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// Whether standard error ends with one sentence about what went wrong, and nothing else failed.
    var isClearFailure: Bool {
        let complaints = errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
        return status != 0 && status < 100 && complaints.count == 1
            && errors.split(separator: "\n").last?.hasPrefix("error: ") == true
            && !errors.contains("Fatal error") && !errors.contains("Error Domain")
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips what runs the command where it was not built beside the tests.
    static var commandIsBuilt: Self {
        .enabled(if: FileManager.default.isExecutableFile(atPath: CommandRun.executable.path))
    }
}

/// A `fledge` process that has been started in a folder.
final class CommandRun {
    /// The command that was built beside the tests.
    static let executable = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0])
        .deletingLastPathComponent().appendingPathComponent("fledge")

    private let process = Process()
    private let scratch: TemporaryFolder

    /// Starts the command.
    ///
    /// - Parameters:
    ///   - shell: Commands of bash that come first, for example limits.
    ///   - input: The bytes of standard input.
    init(
        _ arguments: [String], in folder: String? = nil, shell: String? = nil,
        input: [UInt8] = [], output: String? = nil, environment: [String: String] = [:]
    ) throws {
        scratch = try TemporaryFolder()
        if let shell {
            process.executableURL = URL(fileURLWithPath: "/bin/bash")
            process.arguments =
                ["-c", shell + "; exec \"$@\"", "bash", Self.executable.path] + arguments
        } else {
            process.executableURL = Self.executable
            process.arguments = arguments
        }
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // Files, since nobody reads pipes while the process runs.
        try Data(input).write(to: URL(fileURLWithPath: scratch.path + "/in"))
        for name in ["out", "err"] {
            _ = FileManager.default.createFile(atPath: scratch.path + "/" + name, contents: nil)
        }
        process.standardInput = FileHandle(forReadingAtPath: scratch.path + "/in")
        process.standardOutput = FileHandle(forWritingAtPath: output ?? scratch.path + "/out")
        process.standardError = FileHandle(forWritingAtPath: scratch.path + "/err")
        try process.run()
    }

    deinit { if process.isRunning { signal(SIGKILL) } }

    /// Whether the process has not ended.
    var isRunning: Bool { process.isRunning }

    /// Sends a signal.
    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits for the end.
    func wait() throws -> Outcome {
        process.waitUntilExit()
        func text(_ name: String) throws -> String {
            try String(
                decoding: Data(contentsOf: URL(fileURLWithPath: scratch.path + "/" + name)),
                as: UTF8.self)
        }
        return Outcome(
            status: process.terminationStatus, output: try text("out"), errors: try text("err"))
    }

    /// Waits until a file has so many lines, or the process has ended.
    func wait(for lines: Int, in file: String) {
        while isRunning {
            let data = FileManager.default.contents(atPath: file) ?? Data()
            if data.count(where: { $0 == 10 }) >= lines { return }
            usleep(2000)
        }
    }
}

/// Runs the command to its end.
func fledge(
    _ arguments: String..., in folder: String? = nil, shell: String? = nil, input: String = "",
    output: String? = nil
) throws -> Outcome {
    try CommandRun(
        arguments, in: folder, shell: shell, input: Array(input.utf8), output: output
    ).wait()
}

extension TinyProject {
    /// Writes `run.yaml`, a short LoRA run into `out`; further lines replace none of these.
    func writeRun(_ more: String = "") throws {
        try write(
            """
            model_name_or_path: model
            template: chatml
            stage: sft
            do_train: true
            finetuning_type: lora
            lora_dropout: 0.1
            dataset_dir: data
            dataset: tiny
            output_dir: out
            per_device_train_batch_size: 2
            learning_rate: 0.02
            logging_steps: 1
            save_steps: 4
            do_sample: false
            max_new_tokens: 8
            \(more)

            """, to: "run.yaml")
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: file(name))))
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

    /// The names in a folder, hidden ones included.
    func names(_ name: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: file(name))) ?? []).sorted()
    }

    /// The bytes of all files under the folder, by path.
    func snapshot() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: path) ?? .init() {
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: file(name), isDirectory: &isFolder)
            files[name] = isFolder.boolValue ? [] : try bytes(name)
        }
        return files
    }
}
