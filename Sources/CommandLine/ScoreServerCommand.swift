import ArgumentParser
import Fledge
import FledgeScoreServer
import Foundation

struct ScoreServerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score-server",
        abstract: "Serve the scores that a reward model gives texts, by HTTP.",
        discussion: """
            Prints `listening on HOST:PORT` when requests are taken. POST / and /v1/score/evaluation take \
            {"model": "model", "messages": [text, …]} and answer with {"scores": [x, …], …}, as \
            LLaMA-Factory's server does; reward_model_type: api asks such a server. With a training file of \
            stage rm the reward model in its output_dir is taken. Where the environment has API_KEY, \
            requests have to bring it as Authorization: Bearer. Ctrl-C ends it.

            Example: fledge score-server reward.yaml --port 8000
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: "The address to listen at; 0.0.0.0 for all networks.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 for any that is free.")
    var port = 8000

    func run() throws {
        let (configuration, note) = try options.configuration(.inference).usingTrainedAdapter()
        if let note { Console.announce(note) }
        let key = ProcessInfo.processInfo.environment["API_KEY"]
        let server = try ScoreServer(
            ScoreService(TextScorer(configuration, announce: Console.announce), key: key),
            host: host, port: port)
        let stop = StopFlag()
        let handler = InterruptHandler(stop, saying: "The server ends.")
        defer { withExtendedLifetime(handler) {} }
        let ended = DispatchSemaphore(value: 0)
        let failure = Failure()
        let task = Task.detached {
            do {
                try await server.run { address in
                    do {
                        var results = ResultWriter()
                        try results.write("listening on \(address)\n")
                        try results.flush()
                    } catch { Console.error("\(error)") }
                }
            } catch { failure.error = error }
            ended.signal()
        }
        while ended.wait(timeout: .now() + .milliseconds(50)) == .timedOut {
            guard stop.isSet else { continue }
            task.cancel()
            // Requests that are being scored are not waited for.
            _ = ended.wait(timeout: .now() + .seconds(1))
            throw FledgeError(.interrupted, "The server was stopped.")
        }
        if let error = failure.error { throw error }
    }

    /// Why the server ended; written before it is read.
    private final class Failure: @unchecked Sendable { var error: (any Error)? }
}
