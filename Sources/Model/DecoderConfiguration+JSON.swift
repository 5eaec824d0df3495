public import FledgeCore

extension DecoderConfiguration {
    /// Reads config.json, and generation_config.json where there is one, of a folder.
    ///
    /// - Throws: ``FledgeError`` when there is none, when it is damaged, or of a family that is not
    ///   among those given.
    public init(folder: String, families: [any ModelFamily] = .standard) throws {
        let path = folder + "/config.json"
        try self.init(json: JSONValue(contentsOf: path), file: path, families: families)
        do {
            originalGeneration = try JSONValue(contentsOf: folder + "/generation_config.json")
        } catch let error as FledgeError where error.code == .fileNotFound {
            originalGeneration = nil
        }
    }

    /// Reads the content of a config.json in the older (`rope_theta`, `torch_dtype`) or the newer
    /// (`rope_parameters`, `dtype`) spelling.
    ///
    /// - Throws: ``FledgeError`` when it is wrong, or of a family that is not among those given.
    public init(
        json: JSONValue, file: String, families: [any ModelFamily] = .standard
    ) throws {
        let outer = try EnclosingModel.around(json, file, families)
        let json = outer?.text ?? json
        let reader = ConfigurationReader(json, file)
        let type = try outer == nil ? reader.modelType() : reader.typeName()
        guard let family = families.family(of: type) else {
            throw reader.unsupported(
                "The model is of the type \(type); known are \(families.modelTypes).")
        }
        self = try family.configuration(reader)
        (self.family, modelType) = (family, type)
        contradictions = reader.contradictions()
        unreadSettings = reader.unreadKeys()
        (original, originalFile) = (json, file)
        if let outer {
            enclosing = outer.whole
            try outer.whole.complete(&self, file)
        }
        try validate(.init(file: file))
    }
}

extension ConfigurationReader {
    /// The settings that nearly all decoders have, under the names that Llama's configuration has.
    ///
    /// - Parameters:
    ///   - rotatesPart: Whether the family knows of heads of which a part is rotated.
    ///   - methods: Ways of quantising (`quant_method`) whose weights the family expands on loading.
    /// - Throws: ``FledgeError`` for what is missing or wrong, or would be computed otherwise than here.
    public func decoder(
        rotatesPart: Bool = false, expanding methods: Set<String> = []
    ) throws -> DecoderConfiguration {
        knows("partial_rotary_factor", "original_max_position_embeddings")
        var result = try DecoderConfiguration(
            hiddenSize: integer("hidden_size"),
            intermediateSize: integer("intermediate_size"),
            layerCount: integer("num_hidden_layers"),
            headCount: integer("num_attention_heads"),
            vocabularySize: integer("vocab_size"))
        result.keyValueHeadCount = try optionalInteger("num_key_value_heads") ?? result.headCount
        result.headDimension =
            try optionalInteger("head_dim") ?? result.hiddenSize / max(result.headCount, 1)
        result.partialRotaryFactor = try partialRotaryFactor()
        guard rotatesPart || result.partialRotaryFactor == 1 else {
            throw unsupported(
                "partial_rotary_factor is \(result.partialRotaryFactor); only 1 is known.")
        }
        result.rmsNormEpsilon = try optionalNumber("rms_norm_eps") ?? 1e-6
        result.maxPositions = try optionalInteger("max_position_embeddings") ?? 2048
        result.tieWordEmbeddings = try flag("tie_word_embeddings") ?? false
        result.hiddenActivation = try activation()
        (result.ropeTheta, result.ropeScaling) = try rope(maxPositions: result.maxPositions)
        result.beginOfTextID = try optionalInteger("bos_token_id")
        result.endOfTextIDs = Self.ids(self["eos_token_id"]) ?? []
        result.paddingID = try optionalInteger("pad_token_id")
        result.declaredType = (self["dtype"] ?? self["torch_dtype"])?.stringValue
        try refuseWhatChangesResults(expanding: methods)
        return result
    }

    /// The same with `attention_bias` and `mlp_bias`.
    public func decoderWithBiases() throws -> DecoderConfiguration {
        var result = try decoder()
        result.attentionBias = try flag("attention_bias") ?? false
        result.attentionOutputBias = result.attentionBias
        result.mlpBias = try flag("mlp_bias") ?? false
        return result
    }
}
