import ArgumentParser
import Fledge

@main
struct FledgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fledge", abstract: "Fine-tunes language models on CPUs.")
}
