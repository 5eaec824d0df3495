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
            intermediateSize: architecture.layerValue("feed_forward_length", file),
            layerCount: reader.integer("block_count"),
            headCount: architecture.layerValue("attention.head_count", file),
            keyValueHeadCount: architecture.keyValueHeadCount(file),
            vocabularySize: reader.optionalInteger("vocab_size") ?? embedding.shape[0])
        modelType = architecture.name
        maxPositions = try reader.integer("context_length")
        rmsNormEpsilon = try reader.number("attention.layer_norm_rms_epsilon")
        ropeTheta = try reader.optionalNumber("rope.freq_base") ?? 10000
        let stated = try reader.optionalInteger("attention.key_length")
        // Before anything is computed from them; that heads divide the channels comes next.
        headDimension = stated ?? 2
        try validate(.init(file: file.path), naming: architecture.metadataKey)
        guard stated != nil || hiddenSize % headCount == 0 else {
            throw FledgeError(
                .fileCorrupt,
                "\(architecture.name).embedding_length is \(hiddenSize), which "
                    + "\(architecture.name).attention.head_count, \(headCount), does not divide.",
                at: .init(file: file.path))
        }
        headDimension = stated ?? hiddenSize / headCount
        guard embedding.shape == [vocabularySize, hiddenSize] else {
            throw FledgeError(
                .fileCorrupt,
                "token_embd.weight is \(embedding.shape); the metadata say "
                    + "\([vocabularySize, hiddenSize]).", at: .init(file: file.path))
        }
        slidingWindow = try reader.optionalInteger("attention.sliding_window")
        tieWordEmbeddings = file.tensor(named: "output.weight") == nil
        attentionBias = file.tensor(named: "blk.0.attn_q.bias") != nil
        attentionOutputBias = file.tensor(named: "blk.0.attn_output.bias") != nil
        mlpBias = file.tensor(named: "blk.0.ffn_up.bias") != nil
        let tokens = try GGUFSpecialTokens(file)
        beginOfTextID = tokens.beginOfText
        endOfTextIDs = [tokens.endOfText].compactMap { $0 }
        paddingID = tokens.padding
        try reader.refuseWhatChangesResults(headDimension: headDimension)
        ropeScaling = try reader.ropeScaling(maxPositions: maxPositions)
        ropeScaling = try reader.llama3Scaling(of: self) ?? ropeScaling
        try validate(.init(file: file.path), naming: architecture.metadataKey)
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
        guard try optionalInteger("expert_count") ?? 0 == 0 else {
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
