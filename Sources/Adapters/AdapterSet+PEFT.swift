package import FledgeCore
public import FledgeModel
internal import FledgeTensor

extension CausalLM {
    /// Attaches the adapter of a PEFT folder.
    ///
    /// What the file holds of the base itself takes the base's place, as in PEFT: biases, an embedding
    /// or a head that was saved along.
    ///
    /// - Parameter trainable: Whether training goes on with it; all other parameters are then frozen.
    /// - Throws: ``FledgeError`` when the folder holds no LoRA adapter, when the adapter does not fit
    ///   the model, when tensors are missing, left over or not finite, or when training it would have
    ///   to train more than its factors.
    public func attachAdapter(folder: String, trainable: Bool = false) throws -> AdapterSet {
        let path = folder + "/adapter_model.safetensors"
        guard FileSystem.exists(folder + "/adapter_config.json") else {
            throw AdapterFile.missing(folder)
        }
        let configuration = try PEFTConfiguration(path: folder + "/adapter_config.json")
        let file = try AdapterFile(SafetensorsFile(path: path), configuration, path: path)
        let (adapters, rest) = try file.adapters(for: linears)
        let replacements = try AdapterReplacements(file, rest, model: self)
        if trainable {
            try replacements.refuseTraining()
            try requirePlainHead(adapters.map(\.layer), folder: folder)
        }
        replacements.apply()
        if trainable { for parameter in parameters { parameter.isTrainable = false } }
        for (layer, adapter) in adapters {
            precondition(layer.adapter == nil, "\(layer.name) has an adapter already")
            adapter.down.isTrainable = trainable
            adapter.up.isTrainable = trainable
            layer.adapter = adapter
        }
        return AdapterSet(configuration, layers: adapters.map(\.layer))
    }
}

/// Matches the tensors of an adapter file with the layers of a model.
package struct AdapterFile {
    let tensors: any TensorSource
    let configuration: PEFTConfiguration
    let path: String

    init(_ tensors: any TensorSource, _ configuration: PEFTConfiguration, path: String) {
        (self.tensors, self.configuration, self.path) = (tensors, configuration, path)
    }

    /// The error of a folder without an adapter.
    package static func missing(_ folder: String) -> FledgeError {
        let isModel = FileSystem.exists(folder + "/config.json")
        return FledgeError(
            .fileNotFound,
            isModel
                ? "The folder holds a whole model, expected an adapter (adapter_config.json)."
                : "The folder holds no adapter_config.json.",
            advice: isModel
                ? "Set model_name_or_path to it, and no adapter_name_or_path."
                : "Name the folder that a LoRA run wrote"
                    + (FileSystem.exists(folder)
                        ? "." : "; this is neither a folder nor a name in the cache."),
            at: .init(file: folder))
    }

    /// A new value for the base, under the name that the base has for it.
    func tensor(_ name: String) throws -> Tensor {
        let value = try tensors.tensor(named: name, as: .float32)
        try value.requireFinite(name, at: path)
        return value
    }

    /// The adapters of the layers that have one, and the names of the tensors that are none.
    func adapters(
        for layers: [Linear]
    ) throws -> (adapters: [(layer: Linear, adapter: LoRAAdapter)], rest: Set<String>) {
        var unused = Set(tensors.names)
        var result: [(layer: Linear, adapter: LoRAAdapter)] = []
        for layer in layers {
            let module = AdapterSet.prefix + layer.name
            let down = module + ".lora_A.weight"
            let up = module + ".lora_B.weight"
            let found = [down, up].filter { unused.contains($0) }
            guard !found.isEmpty || configuration.modules.contains(layer.name) else { continue }
            guard found.count == 2 else {
                let missing = unused.contains(down) ? up : down
                throw FledgeError(
                    .fileCorrupt, "The tensor \(missing) is missing.",
                    advice:
                        "The adapter is incomplete, or target_modules names a module that it does not adapt.",
                    at: .init(file: path))
            }
            unused.subtract(found)
            result.append((layer, try adapter(for: layer, down: down, up: up)))
        }
        guard !result.isEmpty else {
            throw leftOver(unused)
                ?? FledgeError(
                    .mismatch, "The adapter holds no tensors for this model.", at: .init(file: path)
                )
        }
        return (result, unused)
    }

    private func adapter(for layer: Linear, down: String, up: String) throws -> LoRAAdapter {
        let rank = configuration.rank(of: layer.name)
        let expected = [(down, [rank, layer.inputCount]), (up, [layer.outputCount, rank])]
        for (name, shape) in expected {
            guard let found = tensors.shape(of: name), found == shape else {
                throw FledgeError(
                    .mismatch,
                    "\(name) has shape \(tensors.shape(of: name) ?? []); rank \(rank) on this model needs \(shape).",
                    advice: advice, at: .init(file: path))
            }
        }
        return LoRAAdapter(
            site: layer.name, down: Parameter(down, try tensor(down)),
            up: Parameter(up, try tensor(up)),
            scaling: Float(configuration.scaling(of: layer.name)),
            dropout: Float(configuration.dropout))
    }

    /// The error of tensors that no layer takes; nil when there are none.
    func leftOver(_ names: Set<String>) -> FledgeError? {
        guard let first = names.min() else { return nil }
        if let table = names.filter({ $0.contains(".lora_embedding_") }).min() {
            return FledgeError(
                .unsupported,
                "The adapter changes an embedding by factors (\(table)); known are factors of linear layers.",
                advice: "Merge it with the tool that made it.", at: .init(file: path))
        }
        return FledgeError(
            .mismatch,
            names.count == 1
                ? "A tensor of the adapter belongs to no layer of the model: \(first)."
                : "\(names.count) tensors of the adapter belong to no layer of the model: \(first), …",
            advice: advice, at: .init(file: path))
    }

    private var advice: String {
        "The adapter was made for another model: \(configuration.baseModel ?? "unnamed")."
    }
}
