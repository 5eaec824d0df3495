import ArgumentParser
import Fledge
import Foundation

struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Talk to a model, or to what a training file produced.",
        discussion: """
            In a terminal: a dialogue; `clear` forgets it, `exit` ends it. Otherwise each line of \
            standard input is a question, and only the answers are printed.

            With --tools the model may call tools. Nothing is run: a call is shown as \
            `→ name {arguments}`, and the next line that you write is its result, one line for each \
            call; then the model goes on.

            Example: fledge chat Examples/identity.yaml
            Example: fledge chat run.yaml --tools tools.json
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Forget the dialogue between lines.")
    var single = false

    @Flag(
        help:
            "Print {\"ids\", \"text\", \"finish_reason\"} for every answer, with --tools also \"calls\"."
    )
    var json = false

    @Option(
        help: ArgumentHelp(
            "A JSON file with the tools that the model may call: [{\"name\": …, \"description\": …, \"parameters\": {JSON Schema}}, …], each perhaps as {\"type\": \"function\", \"function\": {…}}.",
            valueName: "file"))
    var tools: String?

    func run() throws {
        let (configuration, note) = try options.configuration(.inference).usingTrainedAdapter()
        for note in configuration.notes { Console.announce(note) }
        if let note { Console.announce(note) }
        let list = try tools.map { try JSONValue(contentsOf: $0) }
        let text = try TextSide(configuration, asksOnly: true)
        let side = try ModelSide(inference: configuration)
        try text.requireFits(side.model)
        var session = ChatSession(
            configuration, text, side.model, announce: Console.announce)
        if let list { try session.use(tools: list) }
        if isatty(STDIN_FILENO) == 1, !json { try converse(&session) } else { try answer(&session) }
    }

    /// The dialogue of a terminal, with answers appearing as they are made.
    private func converse(_ session: inout ChatSession) throws {
        print("Welcome. `clear` forgets the dialogue, `exit` ends it.")
        while true {
            let call = session.openCalls.first
            print("\n\(call.map { "Result of \($0.name)" } ?? "User"): ", terminator: "")
            fflush(nil)
            guard let line = readLine() else { break }
            switch line.trimmingCharacters(in: .whitespaces) {
            case "": continue
            case "exit": return
            case "clear":
                session.clear()
                print("History has been removed.")
            default:
                if single, call == nil { session.clear() }
                if session.openCalls.count < 2 { print("Assistant: ", terminator: "") }
                let reply: ChatSession.Reply?
                do {
                    reply = try session.send(line) { piece in
                        print(piece, terminator: "")
                        fflush(nil)
                        return true
                    }
                } catch let error as FledgeError where error.code == .data {
                    // What is wrong with a line ends no dialogue.
                    print()
                    Console.error(error.description)
                    continue
                }
                guard let reply else { continue }
                print()
                for call in reply.answer.calls { print(shown(call)) }
            }
        }
    }

    /// A question a line, an answer a line.
    private func answer(_ session: inout ChatSession) throws {
        var output = ResultWriter()
        var (number, failures) = (0, 0)
        while let line = readLine() {
            number += 1
            if single, session.openCalls.isEmpty { session.clear() }
            let answered: ChatSession.Reply?
            do { answered = try session.send(line) } catch let error as FledgeError
                where error.code == .data
            {
                // What is wrong with a line ends no dialogue; its place in the output stays.
                failures += 1
                Console.error("line \(number): \(error)")
                let none: JSONValue = ["ids": [], "text": "", "finish_reason": "error"]
                try output.write(json ? none.serialized(.compact) + "\n" : "\n")
                try output.flush()
                continue
            }
            guard let reply = answered else { continue }
            let calls = reply.answer.calls
            if json {
                var object: JSONValue = .object([
                    "ids": .array(reply.ids.map { .integer(Int($0)) }),
                    "text": .string(reply.text),
                    "finish_reason": .string(reply.finishReason.rawValue),
                ])
                if tools != nil { object["calls"] = .array(calls.map(\.json)) }
                try output.write(object.serialized(.compact) + "\n")
            } else {
                let text = calls.isEmpty ? reply.text : reply.answer.text
                let lines = (text.isEmpty && !calls.isEmpty ? [] : [text]) + calls.map(shown)
                try output.write(lines.joined(separator: "\n") + "\n")
            }
            try output.flush()
        }
        if failures > 0 { throw ExitCode(1) }
    }

    /// A call in a line of its own.
    private func shown(_ call: FunctionCall) -> String {
        "→ \(call.name) \(call.arguments.serialized())"
    }
}
