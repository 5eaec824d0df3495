import FledgeCore

/// What a GGUF file says of its architecture, with the family that it is one of.
struct GGUFArchitecture {
    let name: String
    let modelType: String
    let family: any ModelFamily
    let names: GGUFNames
    let file: GGUFFile

    /// Reads the architecture of a file; throws for one that is not known.
    init(_ file: GGUFFile, _ families: [any ModelFamily]) throws {
        self.file = file
        name = try file.value("general.architecture", "the architecture's name", \.stringValue)
        let experts = file.metadata["\(name).expert_count"]?.intValue ?? 0
        guard
            let family = families.family(ofArchitecture: name, hasExperts: experts > 0),
            let names = family.gguf,
            let modelType = names.architectures[name]
        else {
            let known = families.flatMap { $0.gguf.map { Array($0.architectures.keys) } ?? [] }
                .sorted()
            throw FledgeError(
                .unsupported,
                "The file holds a model of the architecture \(name); "
                    + "known are \(known.joined(separator: ", ")).",
                at: .init(file: file.path))
        }
        (self.family, self.names, self.modelType) = (family, names, modelType)
    }

    /// The key in the file's metadata of a setting that config.json calls by another name.
    func metadataKey(of setting: String) -> String {
        names.settings[setting].map { "\(name).\($0)" } ?? setting
    }

    /// A number that is the same in all layers; files may list one for each. Of families that read such
    /// lists themselves it is the first.
    func layerValue(_ key: String) throws -> Int {
        let key = "\(name).\(key)"
        let expectation = "a whole number, or a list of one for each layer"
        guard let values = file.metadata[key]?.intArray else {
            return try file.value(key, expectation, \.intValue)
        }
        let layers = try file.value("\(name).block_count", "a whole number", \.intValue)
        guard values.count == layers, let first = values.first else {
            throw FledgeError(
                .fileCorrupt,
                "The metadata's \(key) is a list of \(values.count), and \(name).block_count is "
                    + "\(layers); it should have one number for each layer.",
                at: .init(file: file.path))
        }
        guard names.complete == nil else { return first }
        guard let other = values.firstIndex(where: { $0 != first }) else { return first }
        throw FledgeError(
            .unsupported,
            "The metadata's \(key) is \(first) for layer 0 and \(values[other]) for layer \(other); "
                + "only layers of one size are known.", at: .init(file: file.path))
    }

    /// Key/value heads; as many as query heads when the file does not say.
    func keyValueHeadCount() throws -> Int {
        let key = "attention.head_count_kv"
        return try layerValue(
            file.metadata["\(name).\(key)"] == nil ? "attention.head_count" : key)
    }
}
