import FledgeCore

/// Compares what a configuration says of its layers and biases with the weights that are there.
///
/// Without it the first tensor that is missing or left over would be named, which is the effect and not
/// the cause.
struct LayerAgreement {
    let configuration: DecoderConfiguration
    let source: any TensorSource
    let path: String

    /// Refuses weights of another number of layers, or with other biases, than the configuration says.
    ///
    /// - Throws: ``FledgeError`` that names the setting.
    func require() throws {
        let names = source.names
        try requireLayers(names)
        try requireBiases(names)
    }

    private func requireLayers(_ names: [String]) throws {
        let layers = names.lazy.compactMap(Self.layer).max().map { $0 + 1 } ?? 0
        guard layers > 0, layers != configuration.layerCount else { return }
        throw FledgeError(
            .mismatch,
            "The weights have \(layers) layers, \(source.settingName(of: "num_hidden_layers")) is "
                + "\(configuration.layerCount).",
            advice: "Configuration and weights are of different models, or one of them is "
                + "incomplete: set the number to that of the weights, or download the model again.",
            at: .init(file: path))
    }

    private static func layer(of name: String) -> Int? {
        let prefix = "model.layers."
        guard name.hasPrefix(prefix) else { return nil }
        return Int(name.dropFirst(prefix.count).prefix { $0 != "." })
    }

    private func requireBiases(_ names: [String]) throws {
        let c = configuration
        let attention = c.modelType == "qwen2" ? "model_type \"qwen2\"" : "attention_bias"
        let parts = [
            (
                ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], c.attentionBias,
                attention
            ),
            (["self_attn.o_proj"], c.attentionOutputBias, attention),
            (["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"], c.mlpBias, "mlp_bias"),
        ]
        for (places, isExpected, setting) in parts {
            for place in places {
                let ending = ".\(place).bias"
                let first = names.first { $0.hasSuffix(ending) }
                guard (first != nil) != isExpected else { continue }
                throw contradiction(
                    isExpected, setting,
                    source.storedName(of: first ?? "model.layers.0\(ending)"))
            }
        }
    }

    private func contradiction(
        _ isExpected: Bool, _ setting: String, _ name: String
    ) -> FledgeError {
        let isSetting = setting.hasSuffix("_bias")
        let said = isSetting ? "\(setting) is \(isExpected)" : "\(setting) stands for a model"
        return FledgeError(
            .mismatch,
            isExpected
                ? "\(said)\(isSetting ? "" : " with biases"), and the weights have none (no \(name))."
                : "\(said)\(isSetting ? "" : " without this bias"), and the weights have \(name).",
            advice: isSetting
                ? "Configuration and weights contradict each other: set \(setting) to "
                    + "\(!isExpected), if the weights are those that are meant."
                : "Configuration and weights are of different models.",
            at: .init(file: path))
    }
}
