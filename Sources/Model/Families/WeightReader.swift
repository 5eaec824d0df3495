internal import FledgeCore
public import FledgeTensor

/// Reads the weights of a model's parts by name, and knows at the end which were not read.
///
/// A ``ModelFamily`` asks it for layers. Shapes are compared with the configuration, numbers that are not
/// finite are refused, and weights that the run wants quantised are.
public struct WeightReader {
    /// Sizes and constants of the model.
    public let configuration: DecoderConfiguration
    /// The element type of matrices.
    public let type: ElementType
    let source: any TensorSource
    let path: String
    private let storage: LinearStorage
    private var used: Set<String> = []
    var angles: [String: RotaryPositions] = [:]
    private var places: [Int: KeyValuePlace] = [:]

    /// The element type of norms and biases.
    public var vectorType: ElementType { type == .float64 ? .float64 : .float32 }

    init(
        _ configuration: DecoderConfiguration, _ source: any TensorSource, _ type: ElementType,
        _ storage: LinearStorage, path: String
    ) {
        (self.configuration, self.source) = (configuration, source)
        (self.type, self.storage, self.path) = (type, storage, path)
    }

    /// Whether the files hold a tensor of this name.
    public func holds(_ name: String) -> Bool { source.shape(of: placed(name)) != nil }

    /// The name that a module or tensor has where the model is a part of another.
    private func placed(_ name: String) -> String {
        let own = "model."
        guard let prefix = configuration.enclosing?.prefix, name.hasPrefix(own),
            !name.hasPrefix(prefix)
        else { return name }
        return prefix + name.dropFirst(own.count)
    }

    /// A linear layer.
    ///
    /// - Parameters:
    ///   - name: Its path, such as `model.layers.0.mlp.up_proj`.
    ///   - inputs: Channels that it reads.
    ///   - outputs: Channels that it gives.
    ///   - bias: Whether it has a bias.
    ///   - setting: What of config.json says so; nil where the model's type does.
    public mutating func linear(
        _ name: String, _ inputs: Int, _ outputs: Int, bias: Bool = false, by setting: String? = nil
    ) throws -> Linear {
        guard bias == holds("\(name).bias") || !holds("\(name).weight") else {
            throw contradiction("\(name).bias", isExpected: bias, by: setting)
        }
        return Linear(
            placed(name), matrix: try linearMatrix(placed(name), [outputs, inputs]),
            bias: bias ? try parameter("\(name).bias", [outputs], vectorType) : nil)
    }

    /// The table of the tokens' vectors, or the output matrix, shape `[vocabulary, channels]`: what
    /// quantises on loading leaves them plain, as the reference does.
    ///
    /// - Parameter shape: Another shape of another table.
    public mutating func table(_ name: String, _ shape: [Int]? = nil) throws -> LinearMatrix {
        let shape = shape ?? [configuration.vocabularySize, configuration.hiddenSize]
        if case .blocksOfFile = storage { return try linearMatrix(placed(name), shape) }
        return .plain(try parameter("\(name).weight", shape, type))
    }

    /// A matrix of an expert: what quantises on loading leaves it plain, as the reference does with
    /// transformers 5, where experts are no linear layers.
    mutating func expertMatrix(_ name: String, _ shape: [Int]) throws -> LinearMatrix {
        if case .blocksOfFile = storage { return try linearMatrix(name, shape) }
        return .plain(try parameter("\(name).weight", shape, type))
    }

    /// A norm.
    ///
    /// - Parameters:
    ///   - channels: Those of the residual stream when they are left out.
    ///   - offset: What is added to the stored scale.
    ///   - rounds: Whether the normalised row is rounded to its type before it is scaled.
    public mutating func norm(
        _ name: String, _ channels: Int? = nil, offset: Float = 0, rounds: Bool = true
    ) throws -> RMSNorm {
        RMSNorm(
            weight: try vector("\(name).weight", [channels ?? configuration.hiddenSize]),
            epsilon: Float(configuration.rmsNormEpsilon), offset: offset, rounds: rounds)
    }

    /// A small parameter that stays in float32: of a norm, a bias, a gate.
    public mutating func vector(_ name: String, _ shape: [Int]) throws -> Parameter {
        try parameter(name, shape, vectorType)
    }

    /// A tensor by its whole name that nothing trains.
    public mutating func buffer(_ name: String, _ shape: [Int]) throws -> Buffer {
        let parameter = try parameter(name, shape, type)
        return Buffer(parameter.name, parameter.value)
    }

    /// Where the keys and values of a layer are, the same for all layers that attend over them.
    mutating func place(_ layer: Int) -> KeyValuePlace {
        let place = places[layer] ?? KeyValuePlace(layer)
        places[layer] = place
        return place
    }

    /// Passes over tensors that files may hold and nothing computes with.
    public mutating func passOver(_ names: [String]) { used.formUnion(names.map(placed)) }

    /// A parameter by its whole name.
    ///
    /// - Throws: ``FledgeError`` when there is none, or it has another shape, or a number that is not
    ///   finite.
    public mutating func parameter(
        _ name: String, _ shape: [Int], _ type: ElementType
    ) throws -> Parameter {
        let name = placed(name)
        try requireShape(name, shape)
        used.insert(name)
        let value = try source.tensor(named: name, as: type)
        try value.requireFinite(source.storedName(of: name), at: path)
        return Parameter(name, value)
    }

    private mutating func linearMatrix(_ name: String, _ shape: [Int]) throws -> LinearMatrix {
        switch storage {
        case .plain:
            return .plain(try parameter("\(name).weight", shape, type))
        case .quantized(let format):
            // From the numbers of the file, so that the result does not depend on the run's type.
            let plain = try parameter("\(name).weight", shape, .float32)
            return .quantized(QuantizedMatrix(plain.name, quantizing: plain.value, as: format))
        case .blocksOfFile:
            guard let source = source as? any BlockTensorSource else {
                throw FledgeError(
                    .configuration, "The model is no GGUF file, so it has no blocks to keep.",
                    advice: "Quantise its weights instead.", at: .init(file: path))
            }
            let stored = "\(name).weight"
            try requireShape(stored, shape)
            guard let blocks = try source.blocks(named: stored) else {
                return .plain(try parameter(stored, shape, type))
            }
            used.insert(stored)
            try blocks.requireFinite(source.storedName(of: stored), at: path)
            return .quantized(blocks)
        }
    }

    private func requireShape(_ name: String, _ shape: [Int]) throws {
        guard let found = source.shape(of: name) else {
            throw FledgeError(
                .fileCorrupt,
                "The tensor \(source.storedName(of: name)), shape \(shape), is missing.",
                advice: "The model's files are incomplete; download them again.",
                at: .init(file: path))
        }
        guard found == shape else {
            throw FledgeError(
                .mismatch,
                "The tensor \(source.storedName(of: name)) has shape \(found); the configuration "
                    + "says \(shape).",
                advice: "Weights and configuration are of different models.", at: .init(file: path))
        }
    }
}

// MARK: - What files and configuration say of each other

extension WeightReader {
    /// Refuses weights of another number of layers than the configuration says; without it the first
    /// tensor that is missing or left over would be named, which is the effect and not the cause.
    func requireLayerCount() throws {
        let layers = source.names.lazy.compactMap(layer).max().map { $0 + 1 } ?? 0
        guard layers > 0, layers != configuration.layerCount else { return }
        throw FledgeError(
            .mismatch,
            "The weights have \(layers) layers, \(source.settingName(of: "num_hidden_layers")) is "
                + "\(configuration.layerCount).",
            advice: "Configuration and weights are of different models, or one of them is "
                + "incomplete: set the number to that of the weights, or download the model again.",
            at: .init(file: path))
    }

    private func layer(of name: String) -> Int? {
        let prefix = placed("model.layers.")
        guard name.hasPrefix(prefix) else { return nil }
        return Int(name.dropFirst(prefix.count).prefix { $0 != "." })
    }

    private func contradiction(
        _ name: String, isExpected: Bool, by setting: String?
    ) -> FledgeError {
        let name = source.storedName(of: placed(name))
        let subject =
            setting.map { "\($0) is \(isExpected)" }
            ?? "model_type \"\(configuration.modelType)\" stands for a model"
        let kind = setting != nil ? "" : isExpected ? " with biases" : " without this bias"
        return FledgeError(
            .mismatch,
            "\(subject)\(kind), and the weights have "
                + (isExpected ? "none (no \(name))." : "\(name)."),
            advice: setting.map {
                "Configuration and weights contradict each other: set \($0) to \(!isExpected), if "
                    + "the weights are those that are meant."
            } ?? "Configuration and weights are of different models.",
            at: .init(file: path))
    }

    /// Weights that no part of the model reads would mean a model that is not what it says.
    func refuseUnknownTensors() throws {
        let ignorable = { (name: String) in
            name.hasSuffix("rotary_emb.inv_freq")
                || SequenceScore.isPart(name, of: configuration)
        }
        var unknown = source.names.filter { !used.contains($0) && !ignorable($0) }
        if configuration.tieWordEmbeddings, let head = unknown.firstIndex(of: "lm_head.weight") {
            try requireTiedCopy("lm_head.weight")
            unknown.remove(at: head)
        }
        guard unknown.isEmpty else {
            let names = unknown.map(source.storedName).sorted()
            throw FledgeError(
                .unsupported,
                (names.count == 1 ? "1 tensor belongs" : "\(names.count) tensors belong")
                    + " to no part of this model: \(names.listed).",
                advice: "The architecture has parts that Fledge does not know.",
                at: .init(file: path))
        }
    }

    /// Some folders store a tied head a second time.
    private func requireTiedCopy(_ name: String) throws {
        let copy = try source.tensor(named: name, as: type)
        let embedding = try source.tensor(named: placed("model.embed_tokens.weight"), as: type)
        guard copy.hasSameBytes(as: embedding) else {
            throw FledgeError(
                .mismatch,
                "\(source.storedName(of: name)) differs from the embedding table, but "
                    + "config.json says that they are tied.",
                advice: "Set \"tie_word_embeddings\": false in config.json.",
                at: .init(file: path))
        }
    }
}

extension Tensor {
    /// Whether both hold the same shape, element type and bits.
    package func hasSameBytes(as other: Tensor) -> Bool {
        guard shape == other.shape, elementType == other.elementType else { return false }
        return withUnsafeBytes { left in other.withUnsafeBytes { left.elementsEqual($0) } }
    }
}
