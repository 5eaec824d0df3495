internal import FledgeCore
public import FledgeModel
internal import FledgeTensor

/// Settings of low-rank adapters (Hu et al. 2021; rank-stabilised: Kalajdzievski 2023).
public struct LoRA: Hashable, Sendable {
    /// Which linear layers are adapted.
    public enum Targets: Hashable, Sendable {
        /// Every linear layer of the blocks; the head stays as it is.
        case allLinear
        /// Layers whose path equals one of the names, or ends with a dot and one of the names.
        case named([String])
    }

    /// Number of rows of `A` and columns of `B`.
    public var rank: Int
    /// Numerator of the scale.
    public var alpha: Double
    /// Probability with which an input channel is dropped in training.
    public var dropout: Double
    /// Which linear layers are adapted.
    public var targets: Targets
    /// Whether the scale is `alpha/√rank` in place of `alpha/rank`.
    public var isRankStabilized: Bool

    /// Creates settings.
    ///
    /// - Parameter alpha: Numerator of the scale; twice the rank when left out.
    public init(
        rank: Int = 8, alpha: Double? = nil, dropout: Double = 0, targets: Targets = .allLinear,
        isRankStabilized: Bool = false
    ) {
        precondition(rank > 0, "LoRA: rank \(rank)")
        precondition((0..<1).contains(dropout), "LoRA: dropout \(dropout)")
        self.rank = rank
        self.alpha = alpha ?? Double(2 * rank)
        self.dropout = dropout
        self.targets = targets
        self.isRankStabilized = isRankStabilized
    }

    /// What updates are multiplied by.
    public var scaling: Double {
        isRankStabilized ? alpha / Double(rank).squareRoot() : alpha / Double(rank)
    }

    /// The layers of a model that the targets name, in the model's order.
    ///
    /// - Throws: ``FledgeError`` when a name matches no linear layer.
    public func targetLayers(of model: some Module) throws -> [Linear] {
        let layers = model.linears
        switch targets {
        case .allLinear:
            return layers.filter { !$0.name.hasSuffix("lm_head") }
        case .named(let names):
            for name in names where !layers.contains(where: { Self.matches($0.name, name) }) {
                throw FledgeError(
                    .configuration, "No linear layer of the model is called '\(name)'.",
                    advice:
                        "Layers are called \(Self.shortNames(layers.filter { !$0.name.hasSuffix("lm_head") })); "
                        + "'all' takes every one.")
            }
            return layers.filter { layer in names.contains { Self.matches(layer.name, $0) } }
        }
    }

    static func matches(_ path: String, _ target: String) -> Bool {
        path == target || path.hasSuffix("." + target)
    }

    private static func shortNames(_ layers: [Linear]) -> String {
        var names: [String] = []
        for layer in layers {
            let name = layer.name.split(separator: ".").last.map(String.init) ?? layer.name
            if !names.contains(name) { names.append(name) }
        }
        return names.joined(separator: ", ")
    }
}

extension CausalLM {
    /// Attaches fresh adapters and makes them the only trainable parameters.
    ///
    /// `A` is drawn uniformly from ±1/√in (Kaiming with a = √5), keyed by seed and parameter name;
    /// `B` is zero, so the model computes what it computed before.
    ///
    /// - Throws: ``FledgeError`` when a target matches nothing, or is the head.
    @discardableResult
    public func attach(_ method: LoRA, seed: UInt64) throws -> AdapterSet {
        let layers = try method.targetLayers(of: self)
        try requirePlainHead(layers)
        for parameter in parameters { parameter.isTrainable = false }
        for layer in layers {
            precondition(layer.adapter == nil, "\(layer.name) has an adapter already")
            let path = AdapterSet.prefix + layer.name
            let down = Parameter(
                path + ".lora_A.weight",
                initialDown(
                    [method.rank, layer.inputCount], name: path + ".lora_A.weight", seed: seed),
                isTrainable: true)
            let up = Parameter(
                path + ".lora_B.weight", Tensor(zeros: [layer.outputCount, method.rank]),
                isTrainable: true)
            layer.adapter = LoRAAdapter(
                site: layer.name, down: down, up: up, scaling: Float(method.scaling),
                dropout: Float(method.dropout))
        }
        return AdapterSet(
            PEFTConfiguration(
                method, layers: layers.map(\.name), isPart: configuration.enclosing != nil),
            layers: layers)
    }
}

extension CausalLM {
    /// Refuses adapters of the head that are not merged into it: losses and generators multiply by the
    /// head's own matrix, so that such an adapter would neither be trained nor change an answer.
    ///
    /// - Parameter folder: Where the adapter is from.
    /// - Throws: ``FledgeError`` when one of the layers is the head.
    package func requirePlainHead(_ layers: [Linear], folder: String? = nil) throws {
        guard let layer = layers.first(where: { $0.name + ".weight" == head.name }) else { return }
        throw FledgeError(
            .unsupported,
            "An adapter of the head (\(layer.name)) is not supported yet: found it among the targets, "
                + "expected layers of the blocks.",
            advice: folder == nil
                ? "Take it out of lora_target; 'all' takes every layer but the head."
                : "Merge it first (fledge export), or begin a new one (create_new_adapter: true).",
            at: folder.map { .init(file: $0) })
    }
}

/// Uniform draws from ±1/√in, one for each element of `A`.
private func initialDown(_ shape: [Int], name: String, seed: UInt64) -> Tensor {
    var generator = KeyedGenerator(
        RandomKey(seed: seed).appending("initialization").appending(name))
    let bound = 1 / Double(shape[1]).squareRoot()
    let scalars = (0..<(shape[0] * shape[1])).map { _ in
        Float((2 * generator.uniform() - 1) * bound)
    }
    return Tensor(scalars, shape: shape)
}
