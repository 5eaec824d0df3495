import ArgumentParser
import Fledge

struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "List the keys of a configuration file.",
        discussion: "Example: fledge keys | less")

    func run() throws {
        var output = ResultWriter()
        try output.write(RunOption.listing + "\n")
        try output.flush()
    }
}
