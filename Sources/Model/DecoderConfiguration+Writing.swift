public import FledgeCore

extension DecoderConfiguration {
    /// What transformers' classes of the model's kind begin with.
    var className: String? { enclosing?.className ?? family.modelTypes[modelType] }

    /// The content of a config.json: what the original file held, with this value's own keys over it.
    ///
    /// The spelling of rotary parameters and element type is that of the original file; the older
    /// one, which every version of transformers reads, when there was none.
    public func json(elementType: String? = nil) -> JSONValue {
        enclosing?.json(of: self, elementType: elementType) ?? textJSON(elementType: elementType)
    }

    /// The same of the text model alone.
    func textJSON(elementType: String? = nil) -> JSONValue {
        var json = original ?? .object([JSONValue.Member]())
        SequenceScore.remove(from: &json)
        // What is written has its head, whatever was read.
        let classes = json["architectures"]?.arrayValue?.compactMap(\.stringValue) ?? []
        if !classes.contains(where: { $0.hasSuffix("ForCausalLM") }), let className {
            json["architectures"] = [.string(className + "ForCausalLM")]
        }
        json["model_type"] = .string(modelType)
        // What is written is plain.
        json["quantization_config"] = nil
        json["hidden_size"] = .integer(hiddenSize)
        json["intermediate_size"] = .integer(intermediateSize)
        json["num_hidden_layers"] = .integer(layerCount)
        json["num_attention_heads"] = .integer(headCount)
        json["num_key_value_heads"] = .integer(keyValueHeadCount)
        if json["head_dim"] != nil || headDimension * headCount != hiddenSize {
            json["head_dim"] = .integer(headDimension)
        }
        json["vocab_size"] = .integer(vocabularySize)
        json["rms_norm_eps"] = .number(rmsNormEpsilon)
        json["max_position_embeddings"] = .integer(maxPositions)
        json["tie_word_embeddings"] = .bool(tieWordEmbeddings)
        let activation = json["hidden_activation"] == nil ? "hidden_act" : "hidden_activation"
        json[activation] = .string(hiddenActivation.rawValue)
        family.describe(self, in: &json)
        json["bos_token_id"] = .init(beginOfTextID)
        if original?["eos_token_id"]?.arrayValue != nil || endOfTextIDs.count != 1 {
            json["eos_token_id"] =
                endOfTextIDs.isEmpty ? .null : .array(endOfTextIDs.map { .integer($0) })
        } else {
            json["eos_token_id"] = .integer(endOfTextIDs[0])
        }
        json["pad_token_id"] = .init(paddingID)
        writeRope(into: &json)
        if let type = elementType ?? declaredType {
            let isNew = json["dtype"] != nil
            json[isNew ? "dtype" : "torch_dtype"] = .string(type)
        }
        return json
    }

    /// The content of a generation_config.json.
    public func generationJSON() -> JSONValue {
        var json = originalGeneration ?? .object([JSONValue.Member]())
        if let beginOfTextID { json["bos_token_id"] = .integer(beginOfTextID) }
        let ids = generationEndOfTextIDs
        if ids.count == 1, json["eos_token_id"]?.arrayValue == nil {
            json["eos_token_id"] = .integer(ids[0])
        } else if !ids.isEmpty {
            json["eos_token_id"] = .array(ids.map { .integer($0) })
        }
        if let paddingID { json["pad_token_id"] = .integer(paddingID) }
        return json
    }

    /// Writes config.json and generation_config.json into a folder.
    ///
    /// - Parameter score: What makes the model a classifier of sequences.
    public func write(
        to folder: String, elementType: String? = nil, scoring score: SequenceScore? = nil
    ) throws {
        let sorted = JSONWriter.Style(indent: 2, sortsKeys: true)
        var json = json(elementType: elementType)
        if let score { score.describe(in: &json, of: self) }
        try AtomicFile.write(json.serialized(sorted) + "\n", to: folder + "/config.json")
        try AtomicFile.write(
            generationJSON().serialized(sorted) + "\n", to: folder + "/generation_config.json")
    }

    /// Whether the file that was read says the same, so that it may stay as it is written there.
    private var ropeIsAsRead: Bool {
        let places = ["rope_scaling", "rope_parameters", "rope_theta"]
        guard let original, places.contains(where: { original[$0].map { !$0.isNull } ?? false }),
            original["rope_scaling"] == nil || original["rope_parameters"] == nil
        else { return false }
        if let full = try? reader.rope(ofLayers: "full_attention", maxPositions: maxPositions) {
            return full.theta == ropeTheta && full.scaling == ropeScaling
        }
        guard let read = try? reader.rope(maxPositions: maxPositions) else { return false }
        return read.theta == ropeTheta && read.scaling == ropeScaling
    }

    /// The newer spelling, with what the file has beside it.
    private func ropeParameters(over before: JSONValue) -> JSONValue {
        let scaling = ropeScaling.json
        // Keys of a scaling that is no longer in force would contradict the new one.
        let isSame = before["rope_type"]?.stringValue == scaling?["rope_type"]?.stringValue
        var parameters = isSame ? before : [:]
        for member in scaling?.members ?? [] { parameters[member.key] = member.value }
        if scaling == nil { parameters = ["rope_type": "default"] }
        if let partial = before["partial_rotary_factor"] {
            parameters["partial_rotary_factor"] = partial
        }
        parameters["rope_theta"] = .number(ropeTheta)
        return parameters
    }

    private func writeRope(into json: inout JSONValue) {
        guard !ropeIsAsRead else { return }
        let scaling = ropeScaling.json
        if let full = json["rope_parameters"]?["full_attention"] {
            // The other kinds of layers keep what they have.
            json["rope_parameters"]?["full_attention"] = ropeParameters(over: full)
            return
        }
        guard json["rope_parameters"]?.members == nil else {
            json["rope_parameters"] = json["rope_parameters"].map { ropeParameters(over: $0) }
            // Beside it the older spelling would count.
            json["rope_scaling"] = nil
            return
        }
        json["rope_theta"] = .number(ropeTheta)
        var written = scaling ?? .null
        // What is not understood but was there, such as mscale, stays when the kind stays.
        if let before = json["rope_scaling"], let type = written["rope_type"]?.stringValue,
            (before["rope_type"] ?? before["type"])?.stringValue == type
        {
            for member in before.members ?? [] where written[member.key] == nil {
                written[member.key] = member.value
            }
        }
        json["rope_scaling"] = written
    }
}

extension RopeScaling {
    /// The dictionary that Hugging Face configurations hold; nil for no scaling.
    var json: JSONValue? {
        switch self {
        case .none: return nil
        case .linear(let factor): return ["rope_type": "linear", "factor": .number(factor)]
        case .dynamic(let factor): return ["rope_type": "dynamic", "factor": .number(factor)]
        case .proportional(let part, let factor):
            var json: JSONValue = [
                "rope_type": "proportional", "partial_rotary_factor": .number(part),
            ]
            if factor != 1 { json["factor"] = .number(factor) }
            return json
        case .yarn(let yarn):
            var json: JSONValue = [
                "rope_type": "yarn", "factor": .number(yarn.factor),
                "original_max_position_embeddings": .integer(yarn.originalMaxPositions),
                "beta_fast": .number(yarn.betaFast), "beta_slow": .number(yarn.betaSlow),
            ]
            if let factor = yarn.attentionFactor { json["attention_factor"] = .number(factor) }
            if !yarn.truncates { json["truncate"] = false }
            return json
        case .longrope(let longrope):
            return [
                "rope_type": "longrope",
                "short_factor": .array(longrope.shortFactors.map { .number($0) }),
                "long_factor": .array(longrope.longFactors.map { .number($0) }),
                "original_max_position_embeddings": .integer(longrope.originalMaxPositions),
                "attention_factor": .number(longrope.attentionFactor),
            ]
        case .llama3(let llama3):
            return [
                "rope_type": "llama3", "factor": .number(llama3.factor),
                "low_freq_factor": .number(llama3.lowFrequencyFactor),
                "high_freq_factor": .number(llama3.highFrequencyFactor),
                "original_max_position_embeddings": .integer(llama3.originalMaxPositions),
            ]
        }
    }
}

extension JSONValue {
    fileprivate init(_ value: Int?) { self = value.map { .integer($0) } ?? .null }
}
