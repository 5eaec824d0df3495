import ArgumentParser
import Fledge

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a model as a configuration file says.",
        discussion: """
            Shows what it is about to do, then step, loss, tokens/s and time left. Ctrl-C saves a \
            checkpoint; the same command goes on from the newest one.

            Example: fledge train Examples/identity.yaml learning_rate=2e-4
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let configuration = try options.configuration(.training)
        let stop = StopFlag()
        let handler = InterruptHandler(stop)
        defer { withExtendedLifetime(handler) {} }
        do {
            try SupervisedFineTuning(
                configuration, callbacks: [ProgressPrinter()], stop: stop,
                announce: Console.announce
            ).run()
        } catch var error as FledgeError where error.code == .interrupted {
            let newest = TrainingCheckpoint.newest(in: configuration.training.outputFolder)
            error.advice =
                newest.map { "The same command goes on from \($0)." } ?? "Nothing was saved yet."
            throw error
        }
    }
}
