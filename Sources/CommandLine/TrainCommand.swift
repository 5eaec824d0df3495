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
            try TrainingRecipe(
                configuration, callbacks: [ProgressPrinter()], stop: stop,
                announce: Console.announce, progress: RowProgressPrinter().note
            ).run()
        } catch var error as FledgeError where error.code == .interrupted {
            let folder = configuration.training.outputFolder
            let newest = OutputFolder.newestCheckpoint(in: folder)
            error.advice =
                newest.map { advice($0, configuration) }
                ?? (OutputFolder.holdsWeightsOfUnfinishedRun(folder)
                    ? "The weights of the last step are in \(folder)." : "Nothing was saved yet.")
            throw error
        }
    }

    /// How to go on; a configuration that overwrites its folder has to be told to.
    private func advice(_ checkpoint: String, _ configuration: RunConfiguration) -> String {
        let startsAnew =
            configuration.training.overwritesOutputFolder
            || configuration.training.resume == .never
        return startsAnew && configuration.training.resume != .newest
            ? "The same command with resume_from_checkpoint=true goes on from \(checkpoint)."
            : "The same command goes on from \(checkpoint)."
    }
}
