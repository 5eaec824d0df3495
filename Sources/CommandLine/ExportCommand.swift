import ArgumentParser
import Fledge

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Merge adapters into their base and write a plain model folder.",
        discussion: """
            With a training file the adapter in its output_dir is merged.

            Example: fledge export Examples/identity.yaml export_dir=models/merged
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let (configuration, note) = try options.configuration(.inference).usingTrainedAdapter()
        if let note { Console.announce(note) }
        try ModelExport(configuration, announce: Console.announce).run()
    }
}
