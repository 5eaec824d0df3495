import ArgumentParser
import Fledge

struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "List the keys of a configuration file, or explain one.",
        discussion: """
            Example: fledge keys | less
            Example: fledge keys lora_rank
            Example: fledge keys --schema > fledge.schema.json
            """)

    @Argument(
        help: "The key to explain.", completion: .custom { _, _, _ in RunOption.all.map(\.name) })
    var key: String?

    @Flag(help: "Print a JSON Schema of configuration files, for editors.")
    var schema = false

    func run() throws {
        var output = ResultWriter()
        try output.write(try text() + "\n")
        try output.flush()
    }

    private func text() throws -> String {
        if schema { return RunOption.schema.serialized(.indented) }
        guard let key else { return RunOption.listing }
        guard let option = RunOption.named(key) else {
            throw FledgeError(
                .configuration, "\(key) is no known key.",
                advice: RunOption.nearest(to: key).map { "Did you mean \($0)?" }
                    ?? "`fledge keys` lists all keys.")
        }
        return option.explanation
    }
}
