import ArgumentParser
import Fledge
import Foundation

@main
struct FledgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fledge",
        abstract: "Fine-tunes language models on CPUs, from LLaMA-Factory's YAML keys.",
        discussion: """
            A first run:
              fledge train Examples/identity.yaml    teach a small model its name
              fledge chat Examples/identity.yaml     talk to the result
              fledge export Examples/identity.yaml export_dir=merged

            Any key of the file can be replaced on the command line: key=value or --key value.
            `fledge keys` lists all keys.
            """,
        version: "0.1.0",
        subcommands: [
            TrainCommand.self, ChatCommand.self, ExportCommand.self, PlanCommand.self,
            PreprocessCommand.self, ScoreCommand.self, ScoreServerCommand.self,
            TokenizeCommand.self, VerifyTemplateCommand.self, KeysCommand.self,
        ])

    static func main() {
        MessageStream.fillClosedStreams()
        do {
            try LibraryReports.start(ProcessInfo.processInfo.environment)
            var command = try parseAsRoot()
            try command.run()
        } catch let error as FledgeError {
            Console.error(error.description)
            Foundation.exit(exitCode(of: error))
        } catch  where exitCode(for: error) == .validationFailure {
            Console.error(fullMessage(for: error).replacingOccurrences(of: "Error: ", with: ""))
            Foundation.exit(2)
        } catch {
            show(error)
        }
    }

    /// Ends with what the parser of arguments says: help and versions are results, which may be lost.
    private static func show(_ error: any Error) -> Never {
        guard exitCode(for: error) == .success else { exit(withError: error) }
        do {
            var results = ResultWriter()
            let text = fullMessage(for: error)
            try results.write(text.isEmpty ? text : text + "\n")
            try results.flush()
            Foundation.exit(0)
        } catch {
            Console.error("\(error)")
            Foundation.exit(1)
        }
    }

    private static func exitCode(of error: FledgeError) -> Int32 {
        switch error.code {
        case .interrupted: 130
        case .configuration, .unsupported, .templateDiffers: 2
        default: 1
        }
    }
}
