package import FledgeCore

/// The sizes and options that decoders have in common, whatever file they were read from.
public struct DecoderConfiguration: Hashable, Sendable {
    /// The name of the kind of model in Hugging Face's spelling, such as `llama`.
    public var modelType: String
    /// What makes blocks of the configuration, and reads and writes the rest of it.
    public var family: any ModelFamily {
        get { maker.family }
        set { maker = FamilyReference(family: newValue) }
    }
    private var maker: FamilyReference
    /// Channels between the layers.
    public var hiddenSize: Int
    /// Channels inside the feed-forward blocks.
    public var intermediateSize: Int
    /// Number of decoder layers.
    public var layerCount: Int
    /// Query heads.
    public var headCount: Int
    /// Key/value heads; divides ``headCount``.
    public var keyValueHeadCount: Int
    /// Channels of one head; not always ``hiddenSize`` / ``headCount``.
    public var headDimension: Int
    /// Rows of the embedding.
    public var vocabularySize: Int
    /// What RMSNorm adds to the mean square.
    public var rmsNormEpsilon: Double
    /// The base of the rotary frequencies.
    public var ropeTheta: Double
    /// Which part of a head's channels is rotated, the first ones.
    public var partialRotaryFactor = 1.0
    /// How the rotary frequencies are stretched for longer texts.
    public var ropeScaling: RopeScaling
    /// The longest sequence that the model was made for.
    public var maxPositions: Int
    /// For each layer how many of the tokens up to its own a token sees there, nil for all of them; empty
    /// where all layers see all.
    public var windows: [Int?] = []
    /// Whether the head is the embedding.
    public var tieWordEmbeddings: Bool
    /// Whether the projections of queries, keys and values have a bias.
    public var attentionBias: Bool
    /// Whether the projection after attention has a bias.
    public var attentionOutputBias: Bool
    /// Whether the feed-forward projections have a bias.
    public var mlpBias: Bool
    /// The function between the feed-forward projections.
    public var hiddenActivation: HiddenActivation
    /// What logits are multiplied by.
    public var logitScale = 1.0
    /// What logits are bounded by, as in ``LanguageHead/softCap``; nil for none.
    public var logitSoftCap: Double?
    /// The id that begins a text.
    public var beginOfTextID: Int?
    /// The ids that end a text; the first is the usual one.
    public var endOfTextIDs: [Int]
    /// The id that fills short rows.
    public var paddingID: Int?
    /// The element type that the file declares, such as `bfloat16`.
    public var declaredType: String?
    /// The model that this one is the text model of; nil where it stands alone.
    public internal(set) var enclosing: EnclosingModel?
    /// Settings that the configuration file states twice and differently, with the one that counts.
    package var contradictions: [String] = []
    /// Settings that the configuration file has and nothing here knows.
    package var unreadSettings: [String] = []
    /// What the files hold in stacks, in which it is saved again.
    var stacks: [TensorStack] = []
    /// Everything that the configuration file held, to be written back.
    package var original: JSONValue?
    /// The file's path.
    var originalFile: String?
    /// What generation_config.json held.
    package var originalGeneration: JSONValue?

    /// The activation functions that the family uses.
    public enum HiddenActivation: String, Hashable, Sendable, CaseIterable {
        case silu
        case gelu
        case geluTanh = "gelu_pytorch_tanh"
    }

    /// A family that is equal to others of its type.
    private struct FamilyReference: Hashable, Sendable {
        let family: any ModelFamily

        static func == (left: Self, right: Self) -> Bool {
            type(of: left.family) == type(of: right.family)
        }

        func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(type(of: family))) }
    }

    /// The settings as config.json has them, for what a family alone knows.
    public var reader: ConfigurationReader {
        ConfigurationReader(original ?? [:], originalFile ?? "config.json")
    }

    /// Creates a configuration of the Llama kind.
    public init(
        hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
        keyValueHeadCount: Int? = nil, headDimension: Int? = nil, vocabularySize: Int,
        rmsNormEpsilon: Double = 1e-6, ropeTheta: Double = 10000, maxPositions: Int = 2048,
        tieWordEmbeddings: Bool = false
    ) {
        (modelType, maker) = ("llama", FamilyReference(family: Llama()))
        self.hiddenSize = hiddenSize
        self.intermediateSize = intermediateSize
        self.layerCount = layerCount
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount ?? headCount
        self.headDimension = headDimension ?? hiddenSize / max(headCount, 1)
        self.vocabularySize = vocabularySize
        self.rmsNormEpsilon = rmsNormEpsilon
        self.ropeTheta = ropeTheta
        ropeScaling = .none
        self.maxPositions = maxPositions
        self.tieWordEmbeddings = tieWordEmbeddings
        (attentionBias, attentionOutputBias, mlpBias) = (false, false, false)
        hiddenActivation = .silu
        endOfTextIDs = []
    }

    /// Channels of a head that are rotated.
    public var rotaryDimension: Int { Int(Double(headDimension) * partialRotaryFactor) }

    /// The rotary frequencies of a sequence length (which matters to some scalings only), and the
    /// factor on cosine and sine.
    public func rotaryFrequencies(length: Int = 0) -> (inverse: [Double], attentionFactor: Double) {
        ropeScaling.frequencies(
            dimension: rotaryDimension, theta: ropeTheta, maxPositions: maxPositions,
            length: length)
    }

    /// How many of the tokens up to its own a token sees in a layer; nil for all.
    public func window(ofLayer index: Int) -> Int? {
        windows.indices.contains(index) ? windows[index] : nil
    }

    /// The longest sequence whose tokens have the same angles as those of all shorter ones; nil where
    /// length does not matter to them. Sequences that differ in this share no prefix.
    public var angleThreshold: Int? { ropeScaling.thresholdLength(maxPositions: maxPositions) }

    /// The most tokens that a prompt and its answer may have together.
    public var contextLength: Int {
        // The maximum is that of the model before it was stretched, unless the file says what that was.
        let original = reader.statedRope?["original_max_position_embeddings"]?.intValue
        let isStretched = original.map { $0 < maxPositions } ?? false
        if case .dynamic(let factor) = ropeScaling, factor > 1, !isStretched {
            return Int(min(Double(maxPositions) * factor, Double(Int32.max)))
        }
        return maxPositions
    }

    /// The ids at which generation stops: the model's own, and those that generation_config.json adds.
    public var generationEndOfTextIDs: [Int] {
        let added = originalGeneration.flatMap { ConfigurationReader.ids($0["eos_token_id"]) } ?? []
        return endOfTextIDs + added.filter { !endOfTextIDs.contains($0) }
    }

    /// Throws when sizes contradict each other.
    ///
    /// - Parameter key: What a setting of config.json is called in the file that it was read from.
    func validate(
        _ location: FledgeError.Location, naming key: (String) -> String = { $0 }
    ) throws {
        func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
            guard condition else { throw FledgeError(.fileCorrupt, message(), at: location) }
        }
        let sizes = [
            ("hidden_size", hiddenSize), ("intermediate_size", intermediateSize),
            ("num_hidden_layers", layerCount), ("num_attention_heads", headCount),
            ("num_key_value_heads", keyValueHeadCount), ("head_dim", headDimension),
            ("vocab_size", vocabularySize), ("max_position_embeddings", maxPositions),
        ]
        for (name, size) in sizes {
            try require(
                size > 0 && size < 1 << 31,
                "\(key(name)) is \(size); it should be from 1 to 2147483647.")
        }
        try require(
            headCount % keyValueHeadCount == 0,
            "\(headCount) query heads cannot share \(keyValueHeadCount) key/value heads evenly.")
        try require(
            headDimension % 2 == 0,
            "\(key("head_dim")) is \(headDimension); rotary pairs need an even one.")
        try require(
            partialRotaryFactor > 0 && partialRotaryFactor <= 1 && rotaryDimension > 0
                && rotaryDimension % 2 == 0,
            "\(key("partial_rotary_factor")) is \(partialRotaryFactor); it should leave an even "
                + "number of \(headDimension) channels to be rotated.")
        if case .longrope(let parameters) = ropeScaling {
            for (name, factors) in [
                ("short_factor", parameters.shortFactors), ("long_factor", parameters.longFactors),
            ] {
                try require(
                    factors.count == rotaryDimension / 2,
                    "\(name) has \(factors.count) numbers; \(rotaryDimension / 2) are expected.")
            }
        }
        try require(
            rmsNormEpsilon > 0 && rmsNormEpsilon < 1,
            "\(key("rms_norm_eps")) is \(rmsNormEpsilon); it should lie between 0 and 1.")
        try require(
            ropeTheta > 1 && ropeTheta.isFinite,
            "\(key("rope_theta")) is \(ropeTheta); it should be a finite number above 1.")
    }
}
