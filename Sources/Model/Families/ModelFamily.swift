public import FledgeCore

/// A family of models: what its config.json means, what its blocks are made of, what its files are called.
///
/// A family is a value that is handed over where models are opened:
///
/// ```swift
/// let model = try Checkpoint(path: folder, families: .standard + [MyFamily()]).causalLM()
/// ```
///
/// Most need three members; the others have defaults for a decoder whose files are named like Llama's.
public protocol ModelFamily: Sendable {
    /// What `model_type` of config.json says, with what transformers' classes begin with.
    var modelTypes: [String: String] { get }

    /// Models that see or hear too and have one of the family inside: what their `model_type` says, with
    /// what transformers' classes begin with.
    var enclosing: [String: String] { get }

    /// What llama.cpp calls the family's files and their content; nil where it does not know them.
    var gguf: GGUFNames? { get }

    /// What files may hold in stacks; in memory each matrix has a name of its own.
    var stacks: [TensorStack] { get }

    /// Reads what the family's configuration says.
    ///
    /// - Throws: ``FledgeError`` for what is wrong, or would be computed otherwise than here.
    func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration

    /// Makes a block of its weights.
    ///
    /// - Throws: ``FledgeError`` when a tensor is missing or of another shape.
    func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock

    /// Makes the table of the tokens' vectors.
    func embedding(_ weights: inout WeightReader) throws -> Embedding

    /// Makes what is computed of tokens beside their vectors; nil for nothing.
    func sideInputs(_ weights: inout WeightReader) throws -> (any SideInputs)?

    /// Makes the norm behind the blocks.
    func lastNorm(_ weights: inout WeightReader) throws -> RMSNorm

    /// Makes the output matrix where it is not the table of the tokens' vectors.
    func head(_ weights: inout WeightReader) throws -> Linear?

    /// Writes the settings that are the family's own into a config.json.
    func describe(_ configuration: DecoderConfiguration, in json: inout JSONValue)
}

extension ModelFamily {
    /// None.
    public var enclosing: [String: String] { [:] }

    /// None.
    public var gguf: GGUFNames? { nil }

    /// None.
    public var stacks: [TensorStack] { [] }

    /// `model.embed_tokens`.
    public func embedding(_ weights: inout WeightReader) throws -> Embedding {
        Embedding(
            matrix: try weights.table("model.embed_tokens"),
            paddingID: weights.configuration.paddingID.flatMap { Int32(exactly: $0) })
    }

    /// None.
    public func sideInputs(_ weights: inout WeightReader) throws -> (any SideInputs)? { nil }

    /// `model.norm`.
    public func lastNorm(_ weights: inout WeightReader) throws -> RMSNorm {
        try weights.norm("model.norm")
    }

    /// `lm_head`.
    public func head(_ weights: inout WeightReader) throws -> Linear? {
        weights.configuration.tieWordEmbeddings
            ? nil : Linear("lm_head", matrix: try weights.table("lm_head"))
    }

    /// None.
    public func describe(_ configuration: DecoderConfiguration, in json: inout JSONValue) {}
}

extension [any ModelFamily] {
    /// The families that are known here.
    public static var standard: [any ModelFamily] {
        [
            Llama(), Mistral(), Ministral3(), Qwen2(), Qwen3(), SmolLM3(), OLMo2(), Granite(),
            HunyuanDense(), SeedOSS(),
            EXAONE4(), Phi3(), GLM4(),
            Qwen2MoE(), Qwen3MoE(), Mixtral(), GPTOSS(), GraniteMoE(),
            OLMo3(), Gemma(), Gemma2(), Gemma3(), Gemma4(),
            LFM2(), Qwen3Next(), Qwen35(),
        ]
    }

    /// The family of a model type; the last one counts, so that one's own may replace another.
    package func family(of modelType: String) -> (any ModelFamily)? {
        last { $0.modelTypes[modelType] != nil }
    }

    /// The family of an architecture of GGUF files, of which several may have the same name.
    func family(ofArchitecture name: String, hasExperts: Bool) -> (any ModelFamily)? {
        let named = filter { $0.gguf?.architectures[name] != nil }
        return named.last { $0.gguf?.experts.isEmpty == !hasExperts } ?? named.last
    }

    /// All model types, for messages.
    var modelTypes: String { flatMap(\.modelTypes.keys).sorted().joined(separator: ", ") }
}
