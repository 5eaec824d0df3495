public import FledgeCore

extension DecoderConfiguration {
    /// Reads the metadata of a GGUF file.
    ///
    /// - Throws: ``FledgeError`` when they are incomplete or wrong, or of a family that is not among
    ///   those given.
    public init(gguf file: GGUFFile, families: [any ModelFamily] = .standard) throws {
        let architecture = try GGUFArchitecture(file, families)
        let reader = GGUFConfigurationReader(architecture)
        let json = try reader.json()
        self = try architecture.family.configuration(
            ConfigurationReader(json, file.path, naming: architecture.metadataKey))
        (family, modelType) = (architecture.family, architecture.modelType)
        (original, originalFile) = (json, file.path)
        try validate(.init(file: file.path), naming: architecture.metadataKey)
    }
}

/// Writes the metadata of a file as the config.json that they say the same as.
private struct GGUFConfigurationReader {
    let architecture: GGUFArchitecture
    let file: GGUFFile
    let prefix: String

    init(_ architecture: GGUFArchitecture) {
        (self.architecture, file, prefix) = (architecture, architecture.file, architecture.name)
    }

    func json() throws -> JSONValue {
        guard let embedding = file.tensor(named: "token_embd.weight"), embedding.shape.count == 2
        else {
            throw FledgeError(
                .fileCorrupt, "The file has no matrix token_embd.weight.",
                at: .init(file: file.path))
        }
        let (channels, heads) = (
            try integer("embedding_length"), try architecture.layerValue("attention.head_count")
        )
        let vocabulary = try optionalInteger("vocab_size") ?? embedding.shape[0]
        let stated = try optionalInteger("attention.key_length")
        let maxPositions = try integer("context_length")
        var json: JSONValue = [
            "model_type": .string(architecture.modelType), "hidden_size": .integer(channels),
            "intermediate_size": .integer(try architecture.layerValue("feed_forward_length")),
            "num_hidden_layers": .integer(try integer("block_count")),
            "num_attention_heads": .integer(heads),
            "num_key_value_heads": .integer(try architecture.keyValueHeadCount()),
            "vocab_size": .integer(vocabulary), "max_position_embeddings": .integer(maxPositions),
            "rms_norm_eps": .number(try number("attention.layer_norm_rms_epsilon")),
            "rope_theta": .number(try optionalNumber("rope.freq_base") ?? 10000),
            "tie_word_embeddings": .bool(file.tensor(named: "output.weight") == nil),
            "attention_bias": .bool(file.tensor(named: "blk.0.attn_q.bias") != nil),
            "mlp_bias": .bool(file.tensor(named: "blk.0.ffn_up.bias") != nil),
        ]
        if let stated { json["head_dim"] = .integer(stated) }
        for (setting, key) in architecture.names.settings where json[setting] == nil {
            json[setting] = file.metadata["\(prefix).\(key)"].flatMap(value)
        }
        for setting in architecture.names.unstated where json[setting] == nil {
            json[setting] = .null
        }
        for (setting, value) in architecture.names.stated { json[setting] = value }
        describeWindows(in: &json)
        let tokens = try GGUFSpecialTokens(file)
        json["bos_token_id"] = tokens.beginOfText.map { .integer($0) }
        json["eos_token_id"] = tokens.endOfText.map { .integer($0) }
        json["pad_token_id"] = tokens.padding.map { .integer($0) }
        guard channels > 0, heads > 0, maxPositions > 0 else { return json }
        guard stated != nil || channels % heads == 0 else {
            throw FledgeError(
                .fileCorrupt,
                "\(prefix).embedding_length is \(channels), which "
                    + "\(prefix).attention.head_count, \(heads), does not divide.",
                at: .init(file: file.path))
        }
        guard embedding.shape == [vocabulary, channels] else {
            throw FledgeError(
                .fileCorrupt,
                "token_embd.weight is \(embedding.shape); the metadata say "
                    + "\([vocabulary, channels]).", at: .init(file: file.path))
        }
        let headDimension = stated ?? channels / heads
        guard headDimension > 0, headDimension % 2 == 0 else { return json }
        try refuseWhatChangesResults(headDimension: headDimension)
        if let complete = architecture.names.complete {
            try complete(file, &json)
            return json
        }
        let scaling =
            try llama3Scaling(headDimension, json["rope_theta"]?.doubleValue ?? 10000, maxPositions)
            ?? ropeScaling(maxPositions: maxPositions)
        json["rope_scaling"] = scaling.json
        if json["rope_scaling"]?["rope_type"] == "yarn", let truncates = json["truncate"] {
            json["rope_scaling"]?["truncate"] = truncates
        }
        json["truncate"] = nil
        return json
    }

    /// Which layers have windows, as config.json says it.
    private func describeWindows(in json: inout JSONValue) {
        guard let slides = json["sliding_window_pattern"]?.arrayValue else { return }
        json["sliding_window_pattern"] = nil
        json["layer_types"] = .array(
            slides.map { .string($0 == .integer(0) ? "full_attention" : "sliding_attention") })
    }

    /// Whatever a setting of a family's own holds.
    private func value(_ value: GGUFValue) -> JSONValue? {
        value.boolValue.map { .bool($0) } ?? value.intValue.map { .integer($0) }
            ?? value.doubleValue.map { .number(Double(Float($0).description) ?? $0) }
            ?? value.stringValue.map { .string($0) }
            ?? value.intArray.map { .array($0.map { .integer($0) }) }
            ?? value.doubleArray.map { .array($0.map { .number($0) }) }
    }

    private func unsupported(_ message: String) -> FledgeError {
        FledgeError(.unsupported, message, at: .init(file: file.path))
    }

    func integer(_ key: String) throws -> Int {
        try file.value("\(prefix).\(key)", "a whole number", \.intValue)
    }

    func number(_ key: String) throws -> Double {
        // Written as float32: its shortest decimal form is what was meant (1e-05, not 9.99…e-06).
        let value = try file.value("\(prefix).\(key)", "a finite number above 0") { entry in
            entry.doubleValue.flatMap { $0.isFinite && $0 > 0 ? $0 : nil }
        }
        return Double(Float(value).description) ?? value
    }

    func optionalInteger(_ key: String) throws -> Int? {
        file.metadata["\(prefix).\(key)"] == nil ? nil : try integer(key)
    }

    func optionalNumber(_ key: String) throws -> Double? {
        file.metadata["\(prefix).\(key)"] == nil ? nil : try number(key)
    }

    func refuseWhatChangesResults(headDimension: Int) throws {
        let rotary = try optionalInteger("rope.dimension_count") ?? headDimension
        guard rotary == headDimension else {
            throw unsupported(
                "Only \(rotary) of \(headDimension) channels of a head are rotated; all must be.")
        }
        let values = try optionalInteger("attention.value_length") ?? headDimension
        guard values == headDimension else {
            throw unsupported(
                "Values have \(values) channels a head and keys \(headDimension); both must agree.")
        }
        guard try !architecture.names.experts.isEmpty || optionalInteger("expert_count") ?? 0 == 0
        else {
            throw unsupported("The model has experts; only dense models are known.")
        }
    }

    func ropeScaling(maxPositions: Int) throws -> RopeScaling {
        let type =
            try file.optionalValue("\(prefix).rope.scaling.type", "a text", \.stringValue) ?? "none"
        // Nothing is scaled by 0, as in llama.cpp.
        let isLinear = file.metadata["\(prefix).rope.scale_linear"]?.doubleValue != 0
        let linear = isLinear ? try optionalNumber("rope.scale_linear") : nil
        switch type {
        case "none":
            return linear.flatMap { $0 == 1 ? nil : .linear(factor: $0) } ?? .none
        case "linear":
            return .linear(factor: try number("rope.scaling.factor"))
        case "yarn":
            let original =
                try optionalInteger("rope.scaling.original_context_length") ?? maxPositions
            var yarn = RopeScaling.Yarn(
                factor: try number("rope.scaling.factor"), originalMaxPositions: original)
            yarn.attentionFactor = try optionalNumber("rope.scaling.attn_factor").map {
                $0 * RopeScaling.Yarn.attentionFactor(yarn.factor)
            }
            return .yarn(yarn)
        default:
            throw unsupported("The rotary scaling is \(type); known are none, linear and yarn.")
        }
    }

    /// Llama 3 files hold the divisors of the frequencies as a tensor; its parameters are found by
    /// trying those that Meta published.
    func llama3Scaling(
        _ dimension: Int, _ theta: Double, _ maxPositions: Int
    ) throws -> RopeScaling? {
        guard let tensor = file.tensor(named: "rope_freqs.weight") else { return nil }
        guard tensor.type == .float32, tensor.shape == [dimension / 2] else {
            throw unsupported(
                "rope_freqs.weight is \(tensor.type) \(tensor.shape); "
                    + "F32 [\(dimension / 2)] is expected.")
        }
        let divisors = (0..<(dimension / 2)).map {
            Double(tensor.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self))
        }
        if divisors.allSatisfy({ $0 == 1 }) { return nil }
        func inverse(_ scaling: RopeScaling) -> [Double] {
            scaling.frequencies(
                dimension: dimension, theta: theta, maxPositions: maxPositions
            ).inverse
        }
        let base = inverse(.none)
        for factor in [8.0, 32, 16, 4, 2] {
            let candidate = RopeScaling.llama3(.init(factor: factor, originalMaxPositions: 8192))
            let fits = zip(zip(base, inverse(candidate)), divisors).allSatisfy { pair, divisor in
                abs(pair.0 / pair.1 - divisor) <= 1e-3 * divisor
            }
            if fits { return candidate }
        }
        throw unsupported("rope_freqs.weight holds divisors that are not those of a Llama 3 model.")
    }
}
