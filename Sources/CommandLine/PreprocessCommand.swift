import ArgumentParser
import Fledge
import Foundation

struct PreprocessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preprocess",
        abstract: "Write the samples of a run as the model will see them, one JSON object a line.",
        discussion: """
            Rows come in the order of the data, before shuffling, after truncation and packing.

            Example: fledge preprocess Examples/identity.yaml --output rows.jsonl
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: "The file to write; - is standard output.")
    var output: String

    @Option(help: "Which rows: train or validation.")
    var split = "train"

    func run() throws {
        guard let split = Preprocessing.Split(rawValue: split) else {
            throw FledgeError(
                .configuration, "--split is \(split); it is train or validation.")
        }
        let configuration = try options.configuration(.training)
        for note in configuration.notes { Console.announce(note) }
        let rows = try Preprocessing(
            configuration, threads: Kernels.threads, progress: RowProgressPrinter().note)
        for line in rows.summary { Console.announce(line) }
        if let stream = try stream() {
            var writer = ResultWriter(stream)
            try rows.write(split) { try writer.write($0.serialized(.compact) + "\n") }
            try writer.flush()
        } else {
            // A link is written through.
            let file = try AtomicFile(path: FileSystem.followingLinks(output))
            try rows.write(split) { try file.write($0.serialized(.compact) + "\n") }
            try file.commit()
        }
    }

    /// What is written to as it is: standard output, or a pipe or device; nil for files, which
    /// appear whole or not at all.
    private func stream() throws -> FileHandle? {
        guard output != "-" else { return .standardOutput }
        var status = stat()
        guard stat(output, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return nil }
        guard let handle = FileHandle(forWritingAtPath: output) else {
            throw FledgeError(
                .fileAccess, "The output cannot be opened for writing.", at: .init(file: output))
        }
        return handle
    }
}
