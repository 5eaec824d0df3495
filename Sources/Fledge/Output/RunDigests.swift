internal import FledgeCore
internal import FledgeData
internal import FledgeTokenize
internal import Foundation

/// What a run's weights are made of beside its keys: the content of base model, adapters and data, and
/// what tokenizer and template write.
///
/// Each digest stands under the key that names its source, with what tells several apart.
struct RunDigests: Hashable, Sendable {
    /// The digests by name, such as `model_name_or_path` and `dataset data/rows.json`.
    private(set) var values: [String: String]

    init(_ values: [String: String]) { self.values = values }

    /// The digests of a run.
    ///
    /// - Throws: ``FledgeError`` when a file of the model cannot be read.
    init(_ configuration: RunConfiguration, _ text: TextSide) throws {
        values = [:]
        values["model_name_or_path"] = try ContentDigest.of(
            path: configuration.requiredModelPath(), where: Self.isWeight)
        for (index, folder) in configuration.adapterFolders.enumerated() {
            values["adapter_name_or_path \(index + 1)"] = try ContentDigest.of(
                path: folder, where: { Self.isWeight($0) || $0 == "adapter_config.json" })
        }
        values["template"] = Self.written(by: text)
        for file in configuration.dataFiles where FileManager.default.fileExists(atPath: file) {
            let name = (file as NSString).lastPathComponent
            // Files of one name in several folders stand for each other in no digest.
            let known = values["dataset \(name)"] ?? ""
            values["dataset \(name)"] =
                known
                + (try ContentDigest.of(path: file, wholeUpTo: ContentDigest.wholeDataSize) { _ in
                    true
                })
        }
    }

    /// Weights, and what says how they are meant.
    private static func isWeight(_ name: String) -> Bool {
        name.hasSuffix(".safetensors") || name == "config.json"
    }

    /// What template and tokenizer make of a dialogue, as a digest: it tells of both, and stays the same
    /// from one version of the program to the next.
    private static func written(by text: TextSide) -> String {
        let dialogue = [
            Message(.user, "Wer? 谁？ 1984!"), Message(.assistant, "I'm here."),
            Message(.user, "So what?"),
        ]
        let ids = (try? text.template.encodePrompt(dialogue, with: text.tokenizer)) ?? []
        let stops = text.stopTokens.sorted()
        let sample = text.tokenizer.encode("The tokenizer’s words: été 42\n\tend", specials: .text)
        return ContentDigest.of(texts: [ids, stops, sample].map { "\($0)" })
    }
}

extension RunConfiguration {
    /// The files that training data come from, as far as they can be told by the configuration.
    var dataFiles: [String] {
        if let path = data.tokenizedPath { return [path] }
        return (try? datasetOptions.trainingPaths()) ?? []
    }
}
