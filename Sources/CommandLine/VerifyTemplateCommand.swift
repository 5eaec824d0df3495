import ArgumentParser
import Fledge

struct VerifyTemplateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-template",
        abstract: "Compare a template with the chat template that a model brings along.",
        discussion: """
            Shows over dialogues of many kinds whether training, questions and the model's own
            template give the same tokens, and where they first differ. Exits with 3 when they do.

            Example: fledge verify-template SmolLM2-135M-Instruct --template smollm2
            """)

    @Argument(help: "A model folder, a .gguf file, or a name in the local hub cache.")
    var model: String

    @Option(help: "The template; without it the one that is read off the model's own.")
    var template: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let keys = ["model_name_or_path=\(model)"] + (template.map { ["template=\($0)"] } ?? [])
        let configuration = try RunConfiguration(path: nil, overrides: keys, purpose: .inference)
        let verification = try TemplateVerification(configuration)
        var writer = ResultWriter()
        let text =
            json
            ? verification.json.serialized(.compact)
            : verification.lines.joined(separator: "\n")
        try writer.write(text + "\n")
        try writer.flush()
        if !verification.agrees { throw ExitCode(3) }
    }
}
