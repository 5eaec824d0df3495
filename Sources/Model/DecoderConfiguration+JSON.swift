public import FledgeCore

extension DecoderConfiguration {
    /// The families that are read; all are Llama but for biases and defaults.
    static let knownTypes = ["llama", "mistral", "qwen2"]

    /// Reads config.json, and generation_config.json where there is one, of a folder.
    public init(folder: String) throws {
        let path = folder + "/config.json"
        try self.init(json: JSONValue(contentsOf: path), file: path)
        do {
            originalGeneration = try JSONValue(contentsOf: folder + "/generation_config.json")
        } catch let error as FledgeError where error.code == .fileNotFound {
            originalGeneration = nil
        }
    }

    /// Reads the content of a config.json in the older (`rope_theta`, `torch_dtype`) or the newer
    /// (`rope_parameters`, `dtype`) spelling.
    public init(json: JSONValue, file: String) throws {
        let reader = ConfigurationReader(json, file)
        let type = try reader.modelType(Self.knownTypes)
        try self.init(
            hiddenSize: reader.integer("hidden_size"),
            intermediateSize: reader.integer("intermediate_size"),
            layerCount: reader.integer("num_hidden_layers"),
            headCount: reader.integer("num_attention_heads"),
            vocabularySize: reader.integer("vocab_size"))
        modelType = type
        keyValueHeadCount =
            try reader.optionalInteger("num_key_value_heads")
            ?? (reader.has("num_key_value_heads") ? nil : ["mistral": 8, "qwen2": 32][type])
            ?? headCount
        headDimension =
            try reader.optionalInteger("head_dim") ?? hiddenSize / max(headCount, 1)
        rmsNormEpsilon = try reader.optionalNumber("rms_norm_eps") ?? 1e-6
        maxPositions =
            try reader.optionalInteger("max_position_embeddings")
            ?? ["mistral": 131072, "qwen2": 32768][type, default: 2048]
        tieWordEmbeddings = try reader.flag("tie_word_embeddings") ?? false
        hiddenActivation = try reader.activation()
        if type == "qwen2" {
            attentionBias = true
        } else {
            attentionBias = try reader.flag("attention_bias") ?? false
            attentionOutputBias = attentionBias
            mlpBias = try reader.flag("mlp_bias") ?? false
        }
        slidingWindow = try reader.slidingWindow(type)
        (ropeTheta, ropeScaling) = try reader.rope(maxPositions: maxPositions)
        beginOfTextID = try reader.optionalInteger("bos_token_id")
        endOfTextIDs = ConfigurationReader.ids(json["eos_token_id"]) ?? []
        paddingID = try reader.optionalInteger("pad_token_id")
        declaredType = (json["dtype"] ?? json["torch_dtype"])?.stringValue
        try reader.refuseWhatChangesResults()
        contradictions = reader.contradictions()
        original = json
        try validate(.init(file: file))
    }
}
