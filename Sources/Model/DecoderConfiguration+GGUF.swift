public import FledgeCore

extension DecoderConfiguration {
    /// Reads the metadata of a GGUF file.
    public init(gguf file: GGUFFile) throws {
        let architecture = try GGUFArchitecture(file)
        let reader = GGUFConfigurationReader(file, architecture.name)
        guard let embedding = file.tensor(named: "token_embd.weight"), embedding.shape.count == 2
        else {
            throw FledgeError(
                .fileCorrupt, "The file has no matrix token_embd.weight.",
                at: .init(file: file.path))
        }
        try self.init(
            hiddenSize: reader.integer("embedding_length"),
            intermediateSize: reader.integer("feed_forward_length"),
            layerCount: reader.integer("block_count"),
            headCount: reader.integer("attention.head_count"),
            keyValueHeadCount: architecture.keyValueHeadCount(file),
            vocabularySize: reader.optionalInteger("vocab_size") ?? embedding.shape[0])
        modelType = architecture.name
        guard embedding.shape == [vocabularySize, hiddenSize] else {
            throw FledgeError(
                .fileCorrupt,
                "token_embd.weight is \(embedding.shape); the metadata say "
                    + "\([vocabularySize, hiddenSize]).", at: .init(file: file.path))
        }
        headDimension =
            try reader.optionalInteger("attention.key_length") ?? hiddenSize / max(headCount, 1)
        maxPositions = try reader.integer("context_length")
        rmsNormEpsilon = try reader.number("attention.layer_norm_rms_epsilon")
        ropeTheta = try reader.optionalNumber("rope.freq_base") ?? 10000
        slidingWindow = try reader.optionalInteger("attention.sliding_window")
        tieWordEmbeddings = file.tensor(named: "output.weight") == nil
        attentionBias = file.tensor(named: "blk.0.attn_q.bias") != nil
        attentionOutputBias = file.tensor(named: "blk.0.attn_output.bias") != nil
        mlpBias = file.tensor(named: "blk.0.ffn_up.bias") != nil
        beginOfTextID = file.metadata["tokenizer.ggml.bos_token_id"]?.intValue
        endOfTextIDs = [file.metadata["tokenizer.ggml.eos_token_id"]?.intValue].compactMap { $0 }
        paddingID = file.metadata["tokenizer.ggml.padding_token_id"]?.intValue
        try reader.refuseWhatChangesResults(headDimension: headDimension)
        ropeScaling = try reader.ropeScaling(maxPositions: maxPositions)
        ropeScaling = try reader.llama3Scaling(of: self) ?? ropeScaling
        try validate(.init(file: file.path))
    }
}

/// Reads the metadata under an architecture's prefix.
private struct GGUFConfigurationReader {
    let file: GGUFFile
    let prefix: String

    init(_ file: GGUFFile, _ prefix: String) { (self.file, self.prefix) = (file, prefix) }

    private func unsupported(_ message: String) -> FledgeError {
        FledgeError(.unsupported, message, at: .init(file: file.path))
    }

    func integer(_ key: String) throws -> Int {
        try file.value("\(prefix).\(key)", "a whole number", \.intValue)
    }

    func number(_ key: String) throws -> Double {
        // Written as float32: its shortest decimal form is what was meant (1e-05, not 9.99…e-06).
        let value = try file.value("\(prefix).\(key)", "a number", \.doubleValue)
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
        guard try optionalInteger("expert_count") ?? 0 == 0 else {
            throw unsupported("The model has experts; only dense models are known.")
        }
    }

    func ropeScaling(maxPositions: Int) throws -> RopeScaling {
        let type = file.metadata["\(prefix).rope.scaling.type"]?.stringValue ?? "none"
        let linear = try optionalNumber("rope.scale_linear")
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
    func llama3Scaling(of configuration: DecoderConfiguration) throws -> RopeScaling? {
        guard let tensor = file.tensor(named: "rope_freqs.weight") else { return nil }
        let dimension = configuration.headDimension
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
                dimension: dimension, theta: configuration.ropeTheta,
                maxPositions: configuration.maxPositions
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
