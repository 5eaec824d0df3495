import ArgumentParser
import Fledge

struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "Write the scores that a reward model gives the rows of a data set.",
        discussion: """
            One JSON object a line, in the order of the data: {"chosen": x, "rejected": y} for pairs, \
            {"score": x} for rows with one answer. With a training file of stage rm the reward model in \
            its output_dir is taken.

            Example: fledge score reward.yaml --output scores.jsonl
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: "The file to write; - is standard output.")
    var output: String

    func run() throws {
        let (configuration, note) = try options.configuration(.inference).usingTrainedAdapter()
        if let note { Console.announce(note) }
        let scoring = RewardScoring(
            configuration, announce: Console.announce, progress: RowProgressPrinter().note)
        try LineOutput(path: output).write(scoring.run)
    }
}
