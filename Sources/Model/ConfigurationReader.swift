import FledgeCore

/// Reads the keys of a config.json, with errors that name the key.
struct ConfigurationReader {
    private let json: JSONValue
    private let location: FledgeError.Location

    init(_ json: JSONValue, _ file: String) { (self.json, location) = (json, .init(file: file)) }

    func has(_ key: String) -> Bool { json[key] != nil }

    private func wrong(_ key: String, _ expected: String) -> FledgeError {
        let found = json[key]?.serialized() ?? "missing"
        return FledgeError(
            .fileCorrupt, "\(key) is \(found); it should be \(expected).",
            advice: "Correct it, or download the model's files again.", at: location)
    }

    private func unsupported(_ message: String) -> FledgeError {
        FledgeError(.unsupported, message, at: location)
    }

    func integer(_ key: String) throws -> Int {
        guard let value = json[key]?.intValue else { throw wrong(key, "a whole number") }
        return value
    }

    func optionalInteger(_ key: String) throws -> Int? {
        guard let value = json[key], !value.isNull else { return nil }
        return try integer(key)
    }

    func optionalNumber(_ key: String) throws -> Double? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let number = value.doubleValue else { throw wrong(key, "a number") }
        return number
    }

    func flag(_ key: String) throws -> Bool? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let flag = value.boolValue else { throw wrong(key, "true or false") }
        return flag
    }

    /// One id or a list of them.
    static func ids(_ value: JSONValue?) -> [Int]? {
        value?.intValue.map { [$0] } ?? value?.arrayValue?.compactMap(\.intValue)
    }

    func modelType(_ known: [String]) throws -> String {
        guard let type = json["model_type"]?.stringValue else {
            throw wrong("model_type", "the family's name")
        }
        guard known.contains(type) else {
            throw unsupported(
                "The model is of the type \(type); known are \(known.joined(separator: ", ")).")
        }
        let classes = json["architectures"]?.arrayValue?.compactMap(\.stringValue) ?? []
        // A model that was saved without its head (LlamaModel) is one with a tied head.
        guard
            classes.isEmpty
                || classes.contains(where: Self.isLanguageModel)
                || SequenceScore.isDescribed(in: json)
        else {
            throw unsupported(
                "The model is a \(classes.joined(separator: ", ")); only …ForCausalLM and …Model, "
                    + "the same without its head, are known.")
        }
        return type
    }

    private static func isLanguageModel(_ name: String) -> Bool {
        // LlamaForRewardModel is another kind of model.
        name.hasSuffix("ForCausalLM") || name.hasSuffix("Model") && !name.contains("For")
    }

    func activation() throws -> DecoderConfiguration.HiddenActivation {
        switch json["hidden_act"]?.stringValue ?? "silu" {
        case "silu", "swish": return .silu
        case "gelu": return .gelu
        case "gelu_pytorch_tanh", "gelu_new": return .geluTanh
        case let other:
            throw unsupported(
                "hidden_act is \(other); known are silu, gelu, gelu_new and gelu_pytorch_tanh.")
        }
    }

    func slidingWindow(_ type: String) throws -> Int? {
        if let layers = json["layer_types"]?.arrayValue,
            layers.contains(where: { $0.stringValue != "full_attention" })
        {
            throw unsupported(
                "layer_types differ from layer to layer; only full_attention is known.")
        }
        guard type != "qwen2" else {
            if try flag("use_sliding_window") ?? false {
                throw unsupported("use_sliding_window is true; only false is known.")
            }
            return nil
        }
        if type == "mistral", !has("sliding_window") { return 4096 }
        return try optionalInteger("sliding_window")
    }

    /// Options of the family that would change the numbers and that nothing here computes.
    func refuseWhatChangesResults() throws {
        if let quantisation = json["quantization_config"], !quantisation.isNull {
            let method = quantisation["quant_method"]?.stringValue ?? "an unnamed method"
            throw unsupported("The weights are quantised by \(method), which is not read yet.")
        }
        if try optionalNumber("attention_dropout") ?? 0 != 0 {
            throw unsupported("attention_dropout is not 0; it is not supported.")
        }
        let rope = setting("rope_scaling") ?? setting("rope_parameters")
        let partial = rope?["partial_rotary_factor"] ?? json["partial_rotary_factor"]
        if let partial, !partial.isNull, partial.doubleValue != 1 {
            throw unsupported("partial_rotary_factor is \(partial.serialized()); only 1 is known.")
        }
    }

    func rope(maxPositions: Int) throws -> (theta: Double, scaling: RopeScaling) {
        // Of two the older spelling counts, whole, as in transformers.
        let given = setting("rope_scaling") ?? setting("rope_parameters")
        let theta = given?["rope_theta"] ?? json["rope_theta"]
        guard theta == nil || theta?.isNull == true || theta?.doubleValue != nil else {
            throw wrong("rope_theta", "a number")
        }
        let value = theta?.doubleValue ?? Self.usualTheta
        guard value.isFinite, value > 0 else {
            throw FledgeError(
                .fileCorrupt,
                "rope_theta is \(theta?.serialized() ?? "missing"); it should be a positive number.",
                advice: "Correct it, or download the model's files again.", at: location)
        }
        guard let given else { return (value, .none) }
        return (value, try ropeScaling(given, maxPositions))
    }

    /// An object that says something.
    private func setting(_ key: String) -> JSONValue? {
        guard let value = json[key], value.members?.isEmpty == false else { return nil }
        return value
    }

    /// What stands twice, with the one that counts.
    func contradictions() -> [String] {
        let size = json["vocab_size"]?.intValue ?? .max
        let foreign = (Self.ids(json["eos_token_id"]) ?? []).filter { !(0..<size).contains($0) }
        let ends = foreign.map {
            "eos_token_id is \($0), which is none of the \(size) tokens: it ends nothing."
        }
        let pairs = [("rope_scaling", "rope_parameters"), ("dtype", "torch_dtype")]
        return ends
            + pairs.compactMap {
                first, second in
                guard let one = json[first], let other = json[second], !one.isNull, !other.isNull,
                    !agree(one, other)
                else { return nil }
                return "\(first) is \(one.serialized()) and \(second) is \(other.serialized()): "
                    + "\(first) counts, as in transformers."
            }
    }

    /// The base of rotary positions where nothing states it.
    private static let usualTheta = 10000.0

    /// Whether the second of two settings says nothing that the first, which counts, does not say.
    private func agree(_ one: JSONValue, _ other: JSONValue) -> Bool {
        guard let members = one.members, let others = other.members else { return one == other }
        let spellings = ["type": "rope_type"]
        func named(_ members: [JSONValue.Member]) -> [String: JSONValue] {
            Dictionary(
                members.map { (spellings[$0.key] ?? $0.key, $0.value) },
                uniquingKeysWith: { first, _ in first })
        }
        let (left, right) = (named(members), named(others))
        return (left["rope_type"] ?? "default") == (right["rope_type"] ?? "default")
            && right.allSatisfy { key, value in
                // The base of the older spelling stands beside it.
                let own =
                    key == "rope_theta"
                    ? left[key] ?? json[key] ?? .number(Self.usualTheta) : left[key]
                let isSame =
                    own == value || own?.doubleValue.map { $0 == value.doubleValue } == true
                return value.isNull || key == "rope_type" || isSame
            }
    }

    private func ropeScaling(_ given: JSONValue, _ maxPositions: Int) throws -> RopeScaling {
        func number(_ key: String) throws -> Double? {
            guard let value = given[key], !value.isNull else { return nil }
            guard let number = value.doubleValue, number.isFinite, number > 0 else {
                throw FledgeError(
                    .fileCorrupt,
                    "rope_scaling.\(key) is \(value.serialized()); it should be a positive number.",
                    at: location)
            }
            return number
        }
        func factor() throws -> Double {
            guard let factor = try number("factor") else {
                throw FledgeError(.fileCorrupt, "rope_scaling has no factor.", at: location)
            }
            return factor
        }
        let original = try number("original_max_position_embeddings")
        // The reference falls back to the model's maximum where the original one is not stated.
        let stated = original ?? optionalOriginal()
        guard stated.map({ $0 >= 1 && $0 < 1e12 }) ?? true else {
            throw wrong("original_max_position_embeddings", "a number of tokens")
        }
        let originalLength = stated.map { Int($0) } ?? maxPositions
        switch (given["rope_type"] ?? given["type"])?.stringValue ?? "default" {
        case "default": return .none
        case "linear": return .linear(factor: try factor())
        case "dynamic": return .dynamic(factor: try factor())
        case "yarn":
            let ratio = Double(maxPositions) / Double(originalLength)
            var yarn = RopeScaling.Yarn(
                factor: try number("factor") ?? ratio, originalMaxPositions: originalLength)
            yarn.attentionFactor = try number("attention_factor")
            if yarn.attentionFactor == nil, let scale = try number("mscale"),
                let all = try number("mscale_all_dim")
            {
                yarn.attentionFactor =
                    RopeScaling.Yarn.attentionFactor(yarn.factor, scale)
                    / RopeScaling.Yarn.attentionFactor(yarn.factor, all)
            }
            yarn.betaFast = try number("beta_fast") ?? 32
            yarn.betaSlow = try number("beta_slow") ?? 1
            yarn.truncates = given["truncate"]?.boolValue ?? true
            return .yarn(yarn)
        case "llama3":
            var llama3 = RopeScaling.Llama3(
                factor: try factor(), originalMaxPositions: originalLength)
            llama3.lowFrequencyFactor = try number("low_freq_factor") ?? 1
            llama3.highFrequencyFactor = try number("high_freq_factor") ?? 4
            return .llama3(llama3)
        case let other:
            throw unsupported(
                "The rotary scaling is \(other); known are linear, dynamic, yarn and llama3.")
        }
    }

    /// Some files state the original length outside the scaling.
    private func optionalOriginal() -> Double? {
        json["original_max_position_embeddings"]?.doubleValue
    }
}
