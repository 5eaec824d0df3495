import ArgumentParser
import Fledge
import Foundation

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what a run will train on and what it will cost, before it starts.",
        discussion: """
            Shows the first sample with what is learned in green, lengths, dropped and cut rows,
            steps, memory and time, and every fault of data and configuration. Exits with 3 when
            there is a fault that allowed_faults does not name.

            Example: fledge plan Examples/identity.yaml
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let configuration = try options.configuration(.training)
        let plan = RunPlanner(configuration, progress: RowProgressPrinter().note).run()
        var writer = ResultWriter()
        let isTerminal = isatty(STDOUT_FILENO) == 1
        try writer.write(
            (json ? plan.json.serialized(.compact) : plan.text(colored: isTerminal)) + "\n")
        try writer.flush()
        if !configuration.refused(plan.faults).isEmpty { throw ExitCode(3) }
    }
}
