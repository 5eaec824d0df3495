public import FledgeCore

/// Reads the keys of a config.json, with errors that name the key.
public struct ConfigurationReader {
    private let json: JSONValue
    private let location: FledgeError.Location
    private var defaults: JSONValue = [:]
    private let name: (String) -> String
    private let asked = AskedKeys()

    /// The keys that anybody has asked for.
    private final class AskedKeys { var names: Set<String> = [] }

    /// Creates a reader.
    ///
    /// - Parameter name: What a key is called in the file that it was read from.
    init(_ json: JSONValue, _ file: String, naming name: @escaping (String) -> String = { $0 }) {
        (self.json, location, self.name) = (json, .init(file: file), name)
    }

    /// The same file, with what counts for keys that it does not have; null is another matter.
    public func withDefaults(_ defaults: JSONValue) -> ConfigurationReader {
        var copy = self
        copy.defaults = defaults
        return copy
    }

    /// The same with what counts for one more key.
    func withDefault(_ key: String, _ value: JSONValue) -> ConfigurationReader {
        var copy = self
        copy.defaults[key] = value
        return copy
    }

    /// What the file says, else the default.
    public subscript(key: String) -> JSONValue? { stated(key) ?? defaults[key] }

    /// Whether the file has a key.
    public func has(_ key: String) -> Bool { stated(key) != nil }

    /// What the file says.
    private func stated(_ key: String) -> JSONValue? {
        asked.names.insert(key)
        return json[key]
    }

    /// Notes settings that are known, though they matter beside others alone.
    public func knows(_ keys: String...) { asked.names.formUnion(keys) }

    /// What stands in the file, means something to it, and was not asked for by anybody.
    func unreadKeys() -> [String] {
        UnreadSettings.keys(of: json).filter { !asked.names.contains($0) }
    }

    /// The error of a value that is not what it should be.
    public func wrong(_ key: String, _ expected: String) -> FledgeError {
        let found = self[key]?.serialized() ?? "missing"
        return FledgeError(
            .fileCorrupt, "\(name(key)) is \(found); it should be \(expected).",
            advice: "Correct it, or download the model's files again.", at: location)
    }

    /// The error of something that is computed otherwise than here.
    public func unsupported(_ message: String) -> FledgeError {
        FledgeError(.unsupported, message, at: location)
    }

    /// A whole number.
    public func integer(_ key: String) throws -> Int {
        guard let value = self[key]?.intValue else { throw wrong(key, "a whole number") }
        return value
    }

    /// A whole number; nil for null and for nothing.
    public func optionalInteger(_ key: String) throws -> Int? {
        guard let value = self[key], !value.isNull else { return nil }
        return try integer(key)
    }

    /// A number; nil for null and for nothing.
    public func optionalNumber(_ key: String) throws -> Double? {
        guard let value = self[key], !value.isNull else { return nil }
        guard let number = value.doubleValue else { throw wrong(key, "a number") }
        return number
    }

    /// True or false; nil for null and for nothing.
    public func flag(_ key: String) throws -> Bool? {
        guard let value = self[key], !value.isNull else { return nil }
        guard let flag = value.boolValue else { throw wrong(key, "true or false") }
        return flag
    }

    /// One id or a list of them.
    static func ids(_ value: JSONValue?) -> [Int]? {
        value?.intValue.map { [$0] } ?? value?.arrayValue?.compactMap(\.intValue)
    }

    /// What `model_type` says.
    func typeName() throws -> String {
        guard let type = json["model_type"]?.stringValue else {
            throw wrong("model_type", "the family's name")
        }
        return type
    }

    /// The name of the model's family.
    ///
    /// - Throws: ``FledgeError`` where there is none, or what is there is no language model.
    func modelType() throws -> String {
        let type = try typeName()
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
        let key = ["hidden_activation", "hidden_act"].first { self[$0]?.isNull == false }
        switch key.flatMap({ self[$0]?.stringValue }) ?? "silu" {
        case "silu", "swish": return .silu
        case "gelu": return .gelu
        case "gelu_pytorch_tanh", "gelu_new": return .geluTanh
        case let other:
            throw unsupported(
                "\(key ?? "hidden_act") is \(other); known are silu, gelu, gelu_new and "
                    + "gelu_pytorch_tanh.")
        }
    }

    /// Refuses layers of any other kind of attention.
    public func requireFullAttention() throws {
        if let layers = self["layer_types"]?.arrayValue,
            layers.contains(where: { $0.stringValue != "full_attention" })
        {
            throw unsupported(
                "layer_types differ from layer to layer; only full_attention is known.")
        }
    }

    /// Options of the family that would change the numbers and that nothing here computes.
    func refuseWhatChangesResults(expanding methods: Set<String> = []) throws {
        if let quantisation = stated("quantization_config"), !quantisation.isNull,
            !methods.contains(quantisation["quant_method"]?.stringValue ?? "")
        {
            let method = quantisation["quant_method"]?.stringValue ?? "an unnamed method"
            throw unsupported("The weights are quantised by \(method), which is not read yet.")
        }
        if try optionalNumber("attention_dropout") ?? 0 != 0 {
            throw unsupported("attention_dropout is not 0; it is not supported.")
        }
    }

    /// Which part of a head's channels is rotated.
    func partialRotaryFactor() throws -> Double {
        let rope = statedRope
        let stated = rope?["partial_rotary_factor"] ?? self["partial_rotary_factor"]
        guard let stated, !stated.isNull else { return 1 }
        guard let factor = stated.doubleValue, factor > 0, factor <= 1 else {
            throw wrong("partial_rotary_factor", "a number above 0, at most 1")
        }
        return factor
    }

    func rope(maxPositions: Int) throws -> (theta: Double, scaling: RopeScaling) {
        // Of two the older spelling counts, whole, as in transformers.
        let given = statedRope
        let theta = given?["rope_theta"] ?? self["rope_theta"]
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

    /// What the file says of rotary positions.
    var statedRope: JSONValue? { setting("rope_scaling") ?? setting("rope_parameters") }

    /// An object that says something.
    private func setting(_ key: String) -> JSONValue? {
        guard let value = stated(key), value.members?.isEmpty == false else { return nil }
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
                    ? left[key] ?? self[key] ?? .number(Self.usualTheta) : left[key]
                let isSame =
                    own == value || own?.doubleValue.map { $0 == value.doubleValue } == true
                return value.isNull || key == "rope_type" || isSame
            }
    }

    func ropeScaling(_ given: JSONValue, _ maxPositions: Int) throws -> RopeScaling {
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
        case "longrope", "su":
            guard let original = stated, original > 1 else {
                throw wrong("original_max_position_embeddings", "a number of tokens above 1")
            }
            func factors(_ key: String) throws -> [Double] {
                let numbers = given[key]?.arrayValue?.compactMap(\.doubleValue) ?? []
                guard !numbers.isEmpty, numbers.count == given[key]?.arrayValue?.count,
                    numbers.allSatisfy({ $0 > 0 && $0.isFinite })
                else {
                    throw FledgeError(
                        .fileCorrupt, "rope_scaling.\(key) should be a list of positive numbers.",
                        at: location)
                }
                return numbers
            }
            var longrope = RopeScaling.LongRope(
                shortFactors: try factors("short_factor"), longFactors: try factors("long_factor"),
                originalMaxPositions: originalLength,
                factor: try number("factor") ?? Double(maxPositions) / original)
            longrope.attentionFactor =
                try number("attention_factor") ?? longrope.attentionFactor
            return .longrope(longrope)
        case let other:
            throw unsupported(
                "The rotary scaling is \(other); known are linear, dynamic, yarn, llama3 and "
                    + "longrope.")
        }
    }

    /// Some files state the original length outside the scaling.
    var statedOriginal: JSONValue? { stated("original_max_position_embeddings") }

    private func optionalOriginal() -> Double? { statedOriginal?.doubleValue }
}
