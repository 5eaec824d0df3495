internal import FledgeCore
public import FledgeModel
internal import FledgeTensor

extension CausalLM {
    /// Attaches the adapter of a PEFT folder.
    ///
    /// - Parameter trainable: Whether training goes on with it; all other parameters are then frozen.
    /// - Throws: ``FledgeError`` when the folder holds no LoRA adapter, when the adapter does not fit
    ///   the model, or when tensors are missing or left over.
    public func attachAdapter(folder: String, trainable: Bool = false) throws -> AdapterSet {
        let configuration = try PEFTConfiguration(path: folder + "/adapter_config.json")
        let path = folder + "/adapter_model.safetensors"
        let adapters = try PEFTReader(SafetensorsFile(path: path), configuration, path: path)
            .adapters(for: linears)
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
private struct PEFTReader {
    private let file: any TensorSource
    private let configuration: PEFTConfiguration
    private let path: String

    init(_ file: any TensorSource, _ configuration: PEFTConfiguration, path: String) {
        (self.file, self.configuration, self.path) = (file, configuration, path)
    }

    func adapters(for layers: [Linear]) throws -> [(layer: Linear, adapter: LoRAAdapter)] {
        var unused = Set(file.names)
        var result: [(layer: Linear, adapter: LoRAAdapter)] = []
        for layer in layers {
            let module = AdapterSet.prefix + layer.name
            let down = module + ".lora_A.weight"
            let up = module + ".lora_B.weight"
            let isTarget = configuration.targetModules.contains { LoRA.matches(layer.name, $0) }
            let found = [down, up].filter { unused.contains($0) }
            guard !found.isEmpty || isTarget else { continue }
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
        guard unused.isEmpty, !result.isEmpty else { throw leftOver(unused) }
        return result
    }

    private func adapter(for layer: Linear, down: String, up: String) throws -> LoRAAdapter {
        let rank = configuration.rank(of: layer.name)
        let expected = [(down, [rank, layer.inputCount]), (up, [layer.outputCount, rank])]
        for (name, shape) in expected {
            guard let found = file.shape(of: name), found == shape else {
                throw FledgeError(
                    .mismatch,
                    "\(name) has shape \(file.shape(of: name) ?? []); rank \(rank) on this model needs \(shape).",
                    advice:
                        "The adapter was made for another model: \(configuration.baseModel ?? "unnamed").",
                    at: .init(file: path))
            }
        }
        return LoRAAdapter(
            site: layer.name,
            down: Parameter(down, try file.tensor(named: down, as: .float32)),
            up: Parameter(up, try file.tensor(named: up, as: .float32)),
            scaling: Float(configuration.scaling(of: layer.name)),
            dropout: Float(configuration.dropout))
    }

    private func leftOver(_ names: Set<String>) -> FledgeError {
        guard let first = names.min() else {
            return FledgeError(
                .mismatch, "The adapter holds no tensors for this model.", at: .init(file: path))
        }
        return FledgeError(
            .mismatch,
            "\(names.count) tensors of the adapter belong to no layer of the model: \(first), …",
            advice:
                "The adapter was made for another model: \(configuration.baseModel ?? "unnamed").",
            at: .init(file: path))
    }
}
