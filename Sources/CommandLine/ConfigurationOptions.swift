import ArgumentParser
import Fledge

/// The configuration file and what replaces its keys; every command takes them.
struct ConfigurationOptions: ParsableArguments {
    @Argument(
        parsing: .allUnrecognized,
        help: ArgumentHelp(
            "A YAML file with LLaMA-Factory's keys, then key=value or --key value to replace some.",
            valueName: "FILE.yaml> [key=value …"),
        completion: .custom { _, _, word in WordCompletion.words(for: word) })
    var words: [String] = []

    /// Reads the configuration; words before the first override are the file.
    func configuration(_ purpose: RunConfiguration.Purpose) throws -> RunConfiguration {
        var words = words
        let isFile = words.first.map { !$0.hasPrefix("--") && !$0.contains("=") } ?? false
        let path = isFile ? words.removeFirst() : nil
        guard path != nil || !words.isEmpty else {
            throw FledgeError(
                .configuration, "No configuration is named.",
                advice: "Try `fledge train Examples/identity.yaml`, or --help.")
        }
        return try RunConfiguration(path: path, overrides: words, purpose: purpose)
    }
}
