public import FledgeModel
public import FledgeTensor

/// The adapters that are attached to a model, as one thing: enable, disable, merge, save.
public struct AdapterSet {
    /// What PEFT puts before a module's path.
    package static let prefix = "base_model.model."

    /// Ranks, scales and targets, as they are written beside the weights.
    public var configuration: PEFTConfiguration
    /// The layers that hold an adapter, in the model's order.
    public let layers: [Linear]

    init(_ configuration: PEFTConfiguration, layers: [Linear]) {
        (self.configuration, self.layers) = (configuration, layers)
    }

    /// The parameters of all adapters.
    public var parameters: [Parameter] {
        var description = ModuleDescription()
        for layer in layers { description.add(layer.adapter) }
        return description.parameters
    }

    /// Runs `body` with the adapters switched off, as a reference policy needs it.
    public func withoutAdapters<Result>(_ body: () throws -> Result) rethrows -> Result {
        let before = layers.map(\.isAdapterEnabled)
        for layer in layers { layer.isAdapterEnabled = false }
        defer {
            for (layer, wasEnabled) in zip(layers, before) { layer.isAdapterEnabled = wasEnabled }
        }
        return try body()
    }

    /// Adds every update to its weight and empties the slots; the model is then a plain model.
    ///
    /// Traps on quantised weights, which cannot take an update; `dequantize(as:)` the model first.
    public func merge() {
        for layer in layers {
            guard let adapter = layer.adapter else { continue }
            layer.weight.value = adapter.merged(into: layer.weight.value)
            layer.adapter = nil
        }
    }

    /// Empties the slots without merging.
    public func detach() {
        for layer in layers { layer.adapter = nil }
    }
}
