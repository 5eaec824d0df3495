import ArgumentParser
import Fledge

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
        try LineOutput(path: output).write { try rows.write(split, to: $0) }
    }
}
