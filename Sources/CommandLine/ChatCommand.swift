import ArgumentParser
import Fledge
import Foundation

struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Talk to a model, or to what a training file produced.",
        discussion: """
            In a terminal: a dialogue; `clear` forgets it, `exit` ends it. Otherwise each line of \
            standard input is a question, and only the answers are printed.

            Example: fledge chat Examples/identity.yaml
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Forget the dialogue between lines.")
    var single = false

    @Flag(help: "Print {\"ids\", \"text\", \"finish_reason\"} for every answer.")
    var json = false

    func run() throws {
        let (configuration, note) = try options.configuration(.inference).usingTrainedAdapter()
        for note in configuration.notes { Console.announce(note) }
        if let note { Console.announce(note) }
        let text = try TextSide(configuration)
        let side = try ModelSide(inference: configuration)
        try text.requireFits(side.model)
        var session = ChatSession(configuration, text, side.model)
        if isatty(STDIN_FILENO) == 1, !json { try converse(&session) } else { try answer(&session) }
    }

    /// The dialogue of a terminal, with answers appearing as they are made.
    private func converse(_ session: inout ChatSession) throws {
        print("Welcome. `clear` forgets the dialogue, `exit` ends it.")
        while true {
            print("\nUser: ", terminator: "")
            fflush(nil)
            guard let line = readLine() else { break }
            switch line.trimmingCharacters(in: .whitespaces) {
            case "": continue
            case "exit": return
            case "clear":
                session.clear()
                print("History has been removed.")
            default:
                if single { session.clear() }
                print("Assistant: ", terminator: "")
                _ = try session.ask(line) { piece in
                    print(piece, terminator: "")
                    fflush(nil)
                    return true
                }
                print()
            }
        }
    }

    /// A question a line, an answer a line.
    private func answer(_ session: inout ChatSession) throws {
        var output = ResultWriter()
        while let line = readLine() {
            if single { session.clear() }
            let reply = try session.ask(line)
            if json {
                let object: JSONValue = .object([
                    "ids": .array(reply.ids.map { .integer(Int($0)) }),
                    "text": .string(reply.text),
                    "finish_reason": .string(reply.finishReason.rawValue),
                ])
                try output.write(object.serialized(.compact) + "\n")
            } else {
                try output.write(reply.text + "\n")
            }
            try output.flush()
        }
    }
}
