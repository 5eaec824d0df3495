internal import FledgeCore
public import FledgeTensor

/// Which parameters are trained when most of a model stays frozen (reference: 04 §3).
public struct LayerFreezing: Hashable, Sendable {
    /// Number of last blocks that are trained; of first blocks when negative.
    public var layerCount: Int
    /// Modules of those blocks that are trained, such as `mlp`; `all` for whole blocks.
    public var modules: [String]
    /// Modules outside the blocks that are trained too, such as `embed_tokens` or `norm`.
    public var extraModules: [String]

    /// Creates a rule.
    public init(layerCount: Int = 2, modules: [String] = ["all"], extraModules: [String] = []) {
        (self.layerCount, self.modules) = (layerCount, modules)
        self.extraModules = extraModules
    }

    /// The parameters of a model that the rule names, in the model's order.
    ///
    /// - Throws: ``FledgeError`` when a name is no module of the model, or nothing is left to train.
    public func trained(of model: some CausalLM) throws -> [Parameter] {
        let parameters = model.parameters
        let inside = Self.names(of: parameters, isInBlock: true)
        let outside = Self.names(of: parameters, isInBlock: false)
        let count = model.configuration.layerCount
        let blocks =
            layerCount > 0 ? max(0, count - layerCount)..<count : 0..<min(-layerCount, count)
        var patterns: [String] = []
        for module in modules {
            guard module == "all" || inside.contains(module) else {
                throw Self.unknown(module, "freeze_trainable_modules", inside)
            }
            patterns += blocks.map { ".\($0)." + (module == "all" ? "" : module) }
        }
        for module in extraModules {
            guard outside.contains(module) else {
                throw Self.unknown(module, "freeze_extra_modules", outside)
            }
            patterns.append(module)
        }
        let trained = parameters.filter { parameter in
            patterns.contains { parameter.name.contains($0) }
        }
        guard !trained.isEmpty else {
            throw FledgeError(
                .configuration, "Nothing is left to train.",
                advice: "Set freeze_trainable_layers to a number other than 0.")
        }
        return trained
    }

    /// The module names that parameters of blocks have behind the block's number, or that the others
    /// have before their last component.
    private static func names(of parameters: [Parameter], isInBlock: Bool) -> [String] {
        var names: [String] = []
        for parameter in parameters {
            let parts = parameter.name.split(separator: ".").map(String.init)
            let number = parts.firstIndex { Int($0) != nil }
            let name: String?
            if let number {
                name = isInBlock && number + 1 < parts.count ? parts[number + 1] : nil
            } else {
                name = isInBlock ? nil : parts.dropLast().last
            }
            if let name, !names.contains(name) { names.append(name) }
        }
        return names
    }

    private static func unknown(_ name: String, _ key: String, _ known: [String]) -> FledgeError {
        FledgeError(
            .configuration,
            "Module \(name) is not found, please choose from \(known.joined(separator: ", ")).",
            advice: "\(key) takes names of this model's modules.")
    }
}
