internal import FledgeCore
internal import FledgeData
internal import FledgeTokenize
internal import Foundation

/// What tokenised data are made of beside the data themselves.
struct TokenizedSignature: Sendable {
    private let stage: String
    private let tokenizer: String
    private let options: String
    /// The keys that say how a sample is made of a row, with their values.
    private let keys: JSONValue

    private static let shaping = [
        "template", "cutoff_len", "train_on_prompt", "mask_history", "packing", "neat_packing",
        "tool_format", "default_system", "enable_thinking", "preserve_thinking",
    ]

    init(_ configuration: RunConfiguration, _ text: TextSide) {
        stage = configuration.finetuning.stage
        var digest = SHA256()
        digest.update(JSONWriter.bytes(of: text.tokenizer.json, .dense))
        tokenizer = String(digest.hexadecimal().prefix(32))
        var data = configuration.data
        // Where something is kept, and what is accepted, changes nothing about it.
        (data.tokenizedPath, data.overwritesCache, data.allowedFaults) = (nil, false, [])
        data.dropsInvalidRows = false
        var parts = [
            stage, String(reflecting: data), String(reflecting: text.template),
            configuration.finetuning.referenceQuirks.names.joined(separator: ","),
            "\(configuration.splitsSpecialTokens) \(configuration.training.seed)",
            "\(text.addsBeginOfText)",
            // Templates change what ends texts, which is no other tokenizer.
            text.tokenizer.configuration.serialized(),
        ]
        keys = .object(
            Self.shaping.map { key in
                // Without a name the template is read off the model's own.
                .init(
                    key,
                    key == "template"
                        ? .string(text.template.name) : configuration.values[key].json)
            })
        if configuration.training.predictsWithGeneration { parts.append("prompts") }
        parts += Self.ownKeys(configuration).map {
            "\($0.name)=\(configuration.values[$0.name].json.serialized())"
        }
        // What rows are compared with, and how they are found to differ is kept with them.
        if text.templateChecks != nil {
            parts += text.ownTemplate?.templates.map { $0.name + "\n" + $0.template.text } ?? []
        }
        options = String(
            SHA256.hexadecimal(of: Array(parts.joined(separator: "\n").utf8)).prefix(32))
    }

    /// The keys that a method of one's own may read to make rows: its own, and all standard ones that
    /// change steps. What the methods here read is a part of the data's options.
    private static func ownKeys(_ configuration: RunConfiguration) -> [RunOption] {
        let method = configuration.method
        guard [any TrainingMethod].standard.contains(where: { type(of: $0) == type(of: method) })
        else { return ResumeRules.changingRows(configuration.options) }
        return method.keys
    }

    /// The name of what is made of some data by this program.
    func key(ofData digest: String) -> String {
        var status = stat()
        var program = ""
        if stat("/proc/self/exe", &status) == 0 {
            program =
                "\(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
        }
        let parts = [digest, tokenizer, options, program].joined(separator: "\n")
        return String(SHA256.hexadecimal(of: Array(parts.utf8)).prefix(32))
    }

    /// The signature as it lies beside tokenised data.
    var json: JSONValue {
        [
            "stage": .string(stage), "tokenizer": .string(tokenizer),
            "options": .string(options), "keys": keys,
        ]
    }

    /// What the user should know about data that somebody made before.
    ///
    /// - Throws: ``FledgeError`` when they are of another stage or tokenizer.
    func differences(from folder: TokenizedFolder) throws -> [String] {
        let taken =
            "The tokenised data are those of \(folder.path); dataset, template, cutoff_len and all other keys of data are not read."
        guard let notes = folder.notes else { return [taken] }
        func require(_ key: String, _ expected: String, _ advice: String) throws {
            guard let found = notes[key]?.stringValue, found != expected else { return }
            throw FledgeError(
                .mismatch,
                "The tokenised data were made for another \(key)"
                    + (key == "stage" ? ": \(found), not \(expected)." : "."),
                advice: "Name another tokenized_path, or remove the folder: it is made anew then.",
                at: FledgeError.Location(file: folder.path))
        }
        try require("stage", stage, "")
        try require("tokenizer", tokenizer, "")
        guard notes["options"]?.stringValue != options else { return [taken] }
        let different = (keys.members ?? []).compactMap { member -> String? in
            guard let before = notes["keys"]?[member.key], before != member.value else {
                return nil
            }
            func shown(_ value: JSONValue) -> String { value.stringValue ?? value.serialized() }
            return "\(member.key) was \(shown(before)) and is \(shown(member.value))"
        }
        guard !different.isEmpty else {
            return [
                taken, "They were made with another template, other options or on another day.",
            ]
        }
        let warning = different.contains { $0.hasPrefix("template ") }
        return [
            taken,
            (warning ? "Warning: they" : "They") + " were made otherwise: "
                + different.joined(separator: "; ") + "."
                + (warning
                    ? " What is trained so is asked in another form later: set the template back, or name another tokenized_path."
                    : ""),
        ]
    }
}
