internal import FledgeCore
public import FledgeTensor

extension DecoderLM {
    /// Builds a model from named tensors, with all weights frozen.
    ///
    /// - Parameters:
    ///   - source: The tensors, under Hugging Face names.
    ///   - type: The element type of matrices; norms and biases are float32 (float64 for float64).
    ///   - storage: What becomes of the linear layers' weights.
    ///   - path: What errors name as the place.
    /// - Throws: ``FledgeError`` when the weights have more or fewer layers or biases than the
    ///   configuration says; when a tensor is missing, has another shape, or is left over; when blocks
    ///   are to be kept and the source has none.
    public convenience init(
        _ configuration: DecoderConfiguration, _ source: any TensorSource,
        storing type: ElementType, linears storage: LinearStorage = .plain,
        path: String = "model"
    ) throws {
        var loader = DecoderLoader(configuration, source, type, storage, path: path)
        let parts = try loader.load()
        self.init(
            configuration, embedding: parts.embedding, layers: parts.layers, norm: parts.norm,
            head: parts.head, type)
    }
}

/// Reads the parts of a ``DecoderLM`` from named tensors.
private struct DecoderLoader {
    typealias Parts = (embedding: Embedding, layers: [DecoderLayer], norm: RMSNorm, head: Linear?)

    private let configuration: DecoderConfiguration
    private let source: any TensorSource
    private let type: ElementType
    private let storage: LinearStorage
    private let path: String
    private var used: Set<String> = []

    /// The element type of norms and biases.
    private var vectorType: ElementType { type == .float64 ? .float64 : .float32 }

    init(
        _ configuration: DecoderConfiguration, _ source: any TensorSource, _ type: ElementType,
        _ storage: LinearStorage, path: String
    ) {
        (self.configuration, self.source) = (configuration, source)
        (self.type, self.storage, self.path) = (type, storage, path)
    }

    mutating func load() throws -> Parts {
        let c = configuration
        try LayerAgreement(configuration: c, source: source, path: path).require()
        let embedding = Embedding(
            matrix: try table("model.embed_tokens"),
            paddingID: c.paddingID.flatMap { Int32(exactly: $0) })
        let layers = try (0..<c.layerCount).map { try layer("model.layers.\($0)") }
        let norm = try norm("model.norm")
        let head: Linear? =
            c.tieWordEmbeddings ? nil : Linear("lm_head", matrix: try table("lm_head"))
        try refuseUnknownTensors()
        return (embedding, layers, norm, head)
    }

    private mutating func layer(_ name: String) throws -> DecoderLayer {
        let c = configuration
        let queryCount = c.headCount * c.headDimension
        let keyCount = c.keyValueHeadCount * c.headDimension
        let attention = SelfAttention(
            query: try linear(
                "\(name).self_attn.q_proj", c.hiddenSize, queryCount, bias: c.attentionBias),
            key: try linear(
                "\(name).self_attn.k_proj", c.hiddenSize, keyCount, bias: c.attentionBias),
            value: try linear(
                "\(name).self_attn.v_proj", c.hiddenSize, keyCount, bias: c.attentionBias),
            output: try linear(
                "\(name).self_attn.o_proj", queryCount, c.hiddenSize, bias: c.attentionOutputBias),
            headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount,
            headDimension: c.headDimension)
        let mlp = GatedMLP(
            gate: try linear(
                "\(name).mlp.gate_proj", c.hiddenSize, c.intermediateSize, bias: c.mlpBias),
            up: try linear(
                "\(name).mlp.up_proj", c.hiddenSize, c.intermediateSize, bias: c.mlpBias),
            down: try linear(
                "\(name).mlp.down_proj", c.intermediateSize, c.hiddenSize, bias: c.mlpBias),
            activation: Activation(c.hiddenActivation))
        return DecoderLayer(
            inputNorm: try norm("\(name).input_layernorm"), attention: attention,
            postAttentionNorm: try norm("\(name).post_attention_layernorm"), mlp: mlp)
    }

    private mutating func linear(
        _ name: String, _ inputs: Int, _ outputs: Int, bias: Bool
    ) throws -> Linear {
        Linear(
            name, matrix: try linearMatrix(name, [outputs, inputs]),
            bias: bias ? try parameter("\(name).bias", [outputs], vectorType) : nil)
    }

    /// Embedding or head: what quantises on loading leaves them plain, as the reference does.
    private mutating func table(_ name: String) throws -> LinearMatrix {
        let shape = [configuration.vocabularySize, configuration.hiddenSize]
        if case .blocksOfFile = storage { return try linearMatrix(name, shape) }
        return .plain(try matrix(name, shape))
    }

    private mutating func linearMatrix(_ name: String, _ shape: [Int]) throws -> LinearMatrix {
        switch storage {
        case .plain:
            return .plain(try matrix(name, shape))
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
                return .plain(try matrix(name, shape))
            }
            used.insert(stored)
            try blocks.requireFinite(source.storedName(of: stored), at: path)
            return .quantized(blocks)
        }
    }

    private mutating func norm(_ name: String) throws -> RMSNorm {
        RMSNorm(
            weight: try parameter("\(name).weight", [configuration.hiddenSize], vectorType),
            epsilon: Float(configuration.rmsNormEpsilon))
    }

    private mutating func matrix(_ name: String, _ shape: [Int]) throws -> Parameter {
        try parameter("\(name).weight", shape, type)
    }

    private mutating func parameter(
        _ name: String, _ shape: [Int], _ type: ElementType
    ) throws -> Parameter {
        try requireShape(name, shape)
        used.insert(name)
        let value = try source.tensor(named: name, as: type)
        try value.requireFinite(source.storedName(of: name), at: path)
        return Parameter(name, value)
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

    /// Weights that no part of the model reads would mean a model that is not what it says.
    private func refuseUnknownTensors() throws {
        let ignorable = { (name: String) in
            name.hasSuffix("rotary_emb.inv_freq")
                || SequenceScore.isPart(name, of: configuration)
        }
        var unknown = source.names.filter { !used.contains($0) && !ignorable($0) }
        if configuration.tieWordEmbeddings, let head = unknown.firstIndex(of: "lm_head.weight") {
            // Some folders store a tied head a second time.
            let copy = try source.tensor(named: "lm_head.weight", as: type)
            let embedding = try source.tensor(named: "model.embed_tokens.weight", as: type)
            guard copy.hasSameBytes(as: embedding) else {
                throw FledgeError(
                    .mismatch,
                    "\(source.storedName(of: "lm_head.weight")) differs from the embedding table, but "
                        + "config.json says that they are tied.",
                    advice: "Set \"tie_word_embeddings\": false in config.json.",
                    at: .init(file: path))
            }
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
}

extension Activation {
    fileprivate init(_ activation: DecoderConfiguration.HiddenActivation) {
        switch activation {
        case .silu: self = .silu
        case .gelu: self = .gelu
        case .geluTanh: self = .geluTanh
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
