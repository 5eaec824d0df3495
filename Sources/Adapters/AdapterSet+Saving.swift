internal import FledgeCore
public import FledgeModel
internal import FledgeTensor

extension AdapterSet: ModelArtifact {
    /// Writes `adapter_config.json` and `adapter_model.safetensors`, as PEFT reads them.
    public func save(to folder: String) throws {
        // The weights come last: a folder that has them is whole.
        try AtomicFile.write(
            configuration.json.serialized(.init(indent: 2, sortsKeys: true)),
            to: folder + "/adapter_config.json")
        try SafetensorsWriter.write(
            parameters.map { ($0.name, $0.value) }.sorted { $0.0 < $1.0 },
            to: folder + "/adapter_model.safetensors")
    }

    /// Takes over the weights of an adapter of the same shape.
    ///
    /// - Throws: ``FledgeError`` when a tensor is missing, left over, or of another shape.
    public func restore(from folder: String) throws {
        let path = folder + "/adapter_model.safetensors"
        let file = try SafetensorsFile(path: path)
        let names = Set(parameters.map(\.name))
        guard names == Set(file.names) else {
            let different = names.symmetricDifference(file.names).min() ?? ""
            throw FledgeError(
                .mismatch, "The adapter adapts other modules than this run: \(different).",
                advice: "Set lora_target as in the run that wrote it.", at: .init(file: path))
        }
        for parameter in parameters {
            guard let shape = file.shape(of: parameter.name), shape == parameter.value.shape else {
                throw FledgeError(
                    .mismatch,
                    "\(parameter.name) has shape \(file.shape(of: parameter.name) ?? []); this run has \(parameter.value.shape).",
                    advice: "Set lora_rank as in the run that wrote it.", at: .init(file: path))
            }
        }
        for parameter in parameters {
            parameter.value = try file.tensor(named: parameter.name, as: .float32)
        }
    }
}
