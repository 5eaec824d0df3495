internal import FledgeCore
public import FledgeModel
public import FledgeTensor

/// Tensors in memory under checkpoint names, to build models without files.
public struct InMemoryTensors: TensorSource {
    private let tensors: [String: Tensor]

    /// Creates a source from named tensors.
    public init(_ tensors: [String: Tensor]) { self.tensors = tensors }

    /// All names, sorted.
    public var names: [String] { tensors.keys.sorted() }

    /// The shape of a tensor; nil when there is none of this name.
    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    /// A tensor, converted to `type`.
    ///
    /// - Throws: ``FledgeError`` when there is none of this name.
    public func tensor(named name: String, as type: ElementType) throws -> Tensor {
        guard let tensor = tensors[name] else {
            throw FledgeError(.mismatch, "There is no tensor \(name).")
        }
        return tensor.converted(to: type)
    }
}

/// A decoder of a few thousand parameters whose every weight follows from its name.
///
/// The values are those of the specification's toy model, so that losses can be compared with
/// published numbers: `x ← (1103515245·x + 12345) mod 2³¹` from `x₀` = sum of the bytes of the
/// tensor's name, `u = x/2³¹ − ½`; norms are `1 + 0.2u`, everything else `0.4u`.
public enum TinyModel {
    /// Sizes of the toy model: 2 layers, 16 channels, 4 heads, 2 key/value heads, 24 tokens.
    public static let configuration = DecoderConfiguration(
        hiddenSize: 16, intermediateSize: 24, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
        headDimension: 4, vocabularySize: 24, rmsNormEpsilon: 1e-5, ropeTheta: 10_000,
        maxPositions: 64)

    /// The values of a tensor of this name.
    public static func values(_ name: String, count: Int, scale: Double? = nil) -> [Double] {
        var x = name.utf8.reduce(0) { $0 + UInt64($1) }
        let isNorm = name.contains("norm")
        return (0..<count).map { _ in
            x = (1_103_515_245 &* x &+ 12_345) % (1 << 31)
            let u = Double(x) / 2_147_483_648 - 0.5
            return scale.map { $0 * u } ?? (isNorm ? 1 + 0.2 * u : 0.4 * u)
        }
    }

    /// A tensor of the toy model, float32.
    public static func tensor(_ name: String, _ shape: [Int]) -> Tensor {
        Tensor(values(name, count: shape.reduce(1, *)).map { Float($0) }, shape: shape)
    }

    /// All weights of a decoder of these sizes.
    public static func tensors(_ c: DecoderConfiguration = configuration) -> [String: Tensor] {
        var shapes: [String: [Int]] = [
            "model.embed_tokens.weight": [c.vocabularySize, c.hiddenSize],
            "model.norm.weight": [c.hiddenSize],
        ]
        if !c.tieWordEmbeddings { shapes["lm_head.weight"] = [c.vocabularySize, c.hiddenSize] }
        let query = c.headCount * c.headDimension
        let key = c.keyValueHeadCount * c.headDimension
        for layer in 0..<c.layerCount {
            let path = "model.layers.\(layer)"
            shapes["\(path).self_attn.q_proj.weight"] = [query, c.hiddenSize]
            shapes["\(path).self_attn.k_proj.weight"] = [key, c.hiddenSize]
            shapes["\(path).self_attn.v_proj.weight"] = [key, c.hiddenSize]
            shapes["\(path).self_attn.o_proj.weight"] = [c.hiddenSize, query]
            shapes["\(path).mlp.gate_proj.weight"] = [c.intermediateSize, c.hiddenSize]
            shapes["\(path).mlp.up_proj.weight"] = [c.intermediateSize, c.hiddenSize]
            shapes["\(path).mlp.down_proj.weight"] = [c.hiddenSize, c.intermediateSize]
            shapes["\(path).input_layernorm.weight"] = [c.hiddenSize]
            shapes["\(path).post_attention_layernorm.weight"] = [c.hiddenSize]
        }
        return Dictionary(uniqueKeysWithValues: shapes.map { ($0.key, tensor($0.key, $0.value)) })
    }

    /// The toy model, or one of other sizes filled by the same rule.
    public static func make(
        _ configuration: DecoderConfiguration = configuration, storing type: ElementType = .float32
    ) throws -> DecoderLM {
        try DecoderLM(configuration, InMemoryTensors(tensors(configuration)), storing: type)
    }
}
