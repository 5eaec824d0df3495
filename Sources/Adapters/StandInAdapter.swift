internal import FledgeCore
public import FledgeModel
internal import FledgeTensor

/// An adapter that lies beside a model and takes the place of the model's own ones for a while, so that
/// two models share one base. While it does not, the model is what it would be without it.
public struct StandInAdapter {
    private let places: [(layer: Linear, adapter: LoRAAdapter?)]

    /// Loads the adapter of a PEFT folder.
    ///
    /// - Throws: ``FledgeError`` when the folder holds no LoRA adapter, when the adapter does not fit the
    ///   model, when tensors are missing, left over or not finite, and when it changes more of the base
    ///   than its factors say.
    public init(folder: String, for model: some CausalLM) throws {
        let path = folder + "/adapter_model.safetensors"
        guard FileSystem.exists(folder + "/adapter_config.json") else {
            throw AdapterFile.missing(folder)
        }
        let configuration = try PEFTConfiguration(path: folder + "/adapter_config.json")
        let file = try AdapterFile(SafetensorsFile(path: path), configuration, path: path)
        let (adapters, rest) = try file.adapters(for: model.linears)
        try AdapterReplacements(file, rest, model: model).refuseSharing()
        let byLayer = Dictionary(
            adapters.map { (ObjectIdentifier($0.layer), $0.adapter) },
            uniquingKeysWith: { first, _ in first })
        places = model.linears.map { ($0, byLayer[ObjectIdentifier($0)]) }
    }

    /// Runs `body` with this adapter in the place of the model's own ones, which take part again
    /// afterwards.
    public func inPlace<Result>(_ body: () throws -> Result) rethrows -> Result {
        let before = places.map { ($0.layer.adapter, $0.layer.isAdapterEnabled) }
        for (layer, adapter) in places {
            (layer.adapter, layer.isAdapterEnabled) = (adapter, true)
        }
        defer {
            for (place, (adapter, isEnabled)) in zip(places, before) {
                (place.layer.adapter, place.layer.isAdapterEnabled) = (adapter, isEnabled)
            }
        }
        return try body()
    }
}
