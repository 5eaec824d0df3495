internal import FledgeAdapters
internal import FledgeCore
internal import FledgeData
internal import Foundation

/// What a run's weights are made of beside its keys: the content of base model, adapters and data, and
/// what tokenizer and template write.
///
/// Each digest stands under the key that names its source, with what tells several apart.
struct RunDigests: Hashable, Sendable {
    /// The digests by name, such as `model_name_or_path` and `dataset data/rows.json`.
    private(set) var values: [String: String]

    init(_ values: [String: String]) { self.values = values }

    /// The key of tokenised rows, and what the names of data sets begin with.
    static let tokenized = "tokenized_path"
    static let dataset = "dataset"

    /// Whether there are digests of the files of data sets.
    var holdsFiles: Bool { values.keys.contains { $0.hasPrefix(Self.dataset + " ") } }

    /// The digests of a run.
    ///
    /// - Throws: ``FledgeError`` when a file of the model cannot be read.
    init(_ configuration: RunConfiguration, _ text: TextSide) throws {
        values = [:]
        let model = try configuration.requiredModelPath()
        values["model_name_or_path"] = try Self.model(model)
        for (index, folder) in configuration.adapterFolders.enumerated() {
            values["adapter_name_or_path \(index + 1)"] = try Self.adapter(folder)
        }
        if configuration.looksAtNamedReference, let path = try configuration.referenceModelPath() {
            values["ref_model"] = try Self.model(path)
            for (index, folder) in configuration.referenceAdapterFolders.enumerated() {
                values["ref_model_adapters \(index + 1)"] = try Self.adapter(folder)
            }
        }
        try addJudges(configuration)
        values["template"] = TemplateDigest(text).value
        guard let path = configuration.data.tokenizedPath,
            let folder = try? TokenizedFolder(path: path)
        else {
            values.merge(try Self.files(of: configuration)) { $1 }
            return
        }
        values[Self.tokenized] = try ContentDigest.of(
            files: folder.tables(of: "train"), wholeUpTo: ContentDigest.wholeDataSize)
        for member in folder.notes?["data"]?.members ?? [] {
            values[member.key] = member.value.stringValue
        }
    }

    /// Adds what judges answers, and what is imitated.
    private mutating func addJudges(_ configuration: RunConfiguration) throws {
        let (rewards, reads) = (configuration.rewards, configuration.method.reads)
        if reads.contains(.rewards), let name = rewards.model {
            switch rewards.kind {
            case .api: break
            case .lora:
                values["reward_model"] = try Self.adapter(configuration.adapterPath(of: name))
            case .full:
                values["reward_model"] = try Self.model(configuration.modelPath(of: name))
                for (index, name) in rewards.adapters.enumerated() {
                    values["reward_model_adapters \(index + 1)"] = try Self.adapter(
                        configuration.adapterPath(of: name))
                }
            }
        }
        let keys = configuration.reinforcement
        if reads.contains(.teacher), let name = keys.teacher {
            values["teacher_model"] = try Self.model(configuration.modelPath(of: name))
            for (index, name) in keys.teacherAdapters.enumerated() {
                values["teacher_model_adapters \(index + 1)"] = try Self.adapter(
                    configuration.adapterPath(of: name))
            }
        }
    }

    /// The digest of a model's weights.
    static func model(_ path: String) throws -> String {
        try ContentDigest.of(files: weights(ofModel: path))
    }

    /// The digest of an adapter.
    static func adapter(_ folder: String) throws -> String {
        guard FileSystem.exists(folder + "/adapter_config.json") else {
            throw AdapterFile.missing(folder)
        }
        return try ContentDigest.of(
            files: ["adapter_config.json", "adapter_model.safetensors"].map { folder + "/" + $0 })
    }

    /// The digests of the data sets that are trained on: of how each is described, and of its files.
    static func files(of configuration: RunConfiguration) throws -> [String: String] {
        var values = [String: String]()
        for source in (try? configuration.datasetOptions.trainingSources()) ?? [] {
            // Files of one name in several folders stand for each other in no digest.
            var name = "\(dataset) \(shortName(source.name))"
            while values[name] != nil { name += "'" }
            let content = try ContentDigest.of(
                files: source.files, wholeUpTo: ContentDigest.wholeDataSize)
            values[name] = ContentDigest.of(texts: [source.meaning, content])
        }
        return values
    }

    /// A data set's name; of a path its last part, since the rows behind it are compared.
    static func shortName(_ name: String) -> String {
        (name as NSString).lastPathComponent
    }

    /// The files of a model that are loaded, in their order.
    private static func weights(ofModel path: String) throws -> [String] {
        guard Folder.exists(path) else { return try GGUFFile.paths(ofModelAt: path) }
        let names = try Folder.names(in: path)
        // As models are loaded: a single file comes before several with an index.
        let single = "model.safetensors"
        let weights =
            names.contains(single)
            ? [single] : names.filter { $0.hasSuffix(".safetensors") && !$0.hasPrefix("adapter_") }
        return (["config.json"].filter(names.contains) + weights).map { path + "/" + $0 }
    }
}

extension RunConfiguration {
    /// Whether the run is held against a model where `ref_model` names one.
    fileprivate var looksAtNamedReference: Bool {
        RunOption.named("ref_model")?.condition?.isMet(values.context(method)) != false
    }
}
