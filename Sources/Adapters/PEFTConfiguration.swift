internal import FledgeCore

/// The content of an `adapter_config.json`, as far as it changes what a LoRA adapter computes.
public struct PEFTConfiguration: Hashable, Sendable {
    /// The rank of modules without a pattern.
    public var rank: Int
    /// The numerator of the scale of modules without a pattern.
    public var alpha: Double
    /// Probability with which an input channel is dropped in training.
    public var dropout: Double
    /// Whether the scale is `alpha/√rank`.
    public var isRankStabilized: Bool
    /// Names of the adapted modules.
    public var targetModules: [String]
    /// Ranks of single modules, by the end of their path.
    public var rankPattern: [String: Int] = [:]
    /// Numerators of single modules, by the end of their path.
    public var alphaPattern: [String: Double] = [:]
    /// Path of the model that the adapter belongs to.
    public var baseModel: String?

    /// The rank of the module at `path`.
    public func rank(of path: String) -> Int { Self.match(path, rankPattern) ?? rank }

    /// What the update of the module at `path` is multiplied by.
    public func scaling(of path: String) -> Double {
        let rank = Double(rank(of: path))
        let alpha = Self.match(path, alphaPattern) ?? alpha
        return isRankStabilized ? alpha / rank.squareRoot() : alpha / rank
    }

    private static func match<Value>(_ path: String, _ pattern: [String: Value]) -> Value? {
        pattern.filter { LoRA.matches(path, $0.key) }
            .max { $0.key.utf8.count < $1.key.utf8.count }?.value
    }
}

extension PEFTConfiguration {
    /// The configuration of fresh adapters.
    init(_ method: LoRA, layers: [String]) {
        rank = method.rank
        alpha = method.alpha
        dropout = method.dropout
        isRankStabilized = method.isRankStabilized
        switch method.targets {
        case .named(let names): targetModules = names
        case .allLinear:
            var names: [String] = []
            for layer in layers {
                let name = layer.split(separator: ".").last.map(String.init) ?? layer
                if !names.contains(name) { names.append(name) }
            }
            targetModules = names
        }
    }

    /// Reads an `adapter_config.json`.
    ///
    /// - Throws: ``FledgeError`` when the file is not such a configuration, or asks for something
    ///   that would change the computation and is not supported.
    init(path: String) throws {
        let json = try JSONValue(contentsOf: path)
        let location = FledgeError.Location(file: path)
        func required<Value>(_ key: String, _ value: Value?) throws -> Value {
            guard let value else {
                throw FledgeError(
                    .fileCorrupt, "'\(key)' is missing or is not of the expected type.",
                    advice: "This is not the adapter_config.json of a LoRA adapter.", at: location)
            }
            return value
        }
        let kind = try required("peft_type", json["peft_type"]?.stringValue)
        guard kind == "LORA" else {
            throw FledgeError(
                .unsupported, "The adapter is of type \(kind); Fledge loads LORA.", at: location)
        }
        try Self.refuseUnsupported(json, location)
        rank = try required("r", json["r"]?.intValue)
        alpha = try required("lora_alpha", json["lora_alpha"]?.doubleValue)
        dropout = json["lora_dropout"]?.doubleValue ?? 0
        isRankStabilized = json["use_rslora"]?.boolValue ?? false
        targetModules = json["target_modules"]?.arrayValue?.compactMap(\.stringValue) ?? []
        baseModel = json["base_model_name_or_path"]?.stringValue
        for member in json["rank_pattern"]?.members ?? [] {
            let name = try Self.plainName(member.key, location)
            rankPattern[name] = try required("rank_pattern", member.value.intValue)
        }
        for member in json["alpha_pattern"]?.members ?? [] {
            let name = try Self.plainName(member.key, location)
            alphaPattern[name] = try required("alpha_pattern", member.value.doubleValue)
        }
        guard rank > 0, (0..<1).contains(dropout), rankPattern.values.allSatisfy({ $0 > 0 }) else {
            throw FledgeError(
                .fileCorrupt, "r is \(rank) and lora_dropout is \(dropout).",
                advice: "A rank is at least 1 and a probability is below 1.", at: location)
        }
    }

    /// Settings with which the same tensors would mean another function.
    private static func refuseUnsupported(
        _ json: JSONValue, _ location: FledgeError.Location
    ) throws {
        let harmless: [(key: String, isHarmless: (JSONValue) -> Bool)] = [
            ("use_dora", { $0.boolValue == false }), ("use_qalora", { $0.boolValue == false }),
            ("lora_bias", { $0.boolValue == false }), ("bias", { $0.stringValue == "none" }),
            ("fan_in_fan_out", { $0.boolValue == false }),
            ("modules_to_save", { $0.arrayValue?.isEmpty == true }),
            ("layers_to_transform", { $0.arrayValue?.isEmpty == true }),
            ("layer_replication", { $0.arrayValue?.isEmpty == true }),
            ("trainable_token_indices", { $0.arrayValue?.isEmpty == true }),
            ("target_parameters", { $0.arrayValue?.isEmpty == true }),
            ("alora_invocation_tokens", { $0.arrayValue?.isEmpty == true }),
            ("arrow_config", { _ in false }),
            // These say that the base weights were changed when the adapter was made.
            ("init_lora_weights", { $0.boolValue != nil || $0.stringValue == "gaussian" }),
            ("loftq_config", { $0.members?.isEmpty == true }),
        ]
        for (key, isHarmless) in harmless {
            guard let value = json[key], !value.isNull, !isHarmless(value) else { continue }
            throw FledgeError(
                .unsupported,
                "'\(key)' is \(value.serialized()), which changes what the adapter computes.",
                advice: "Fledge does not support it; merge the adapter with the tool that made it.",
                at: location)
        }
    }

    /// Patterns are regular expressions in PEFT; in practice they are ends of module paths.
    private static func plainName(
        _ pattern: String, _ location: FledgeError.Location
    ) throws -> String {
        let plain = pattern.unicodeScalars.allSatisfy {
            $0 == "_" || $0 == "." || $0.properties.isAlphabetic || ("0"..."9").contains($0)
        }
        guard plain else {
            throw FledgeError(
                .unsupported, "The pattern '\(pattern)' is a regular expression.",
                advice: "Write module names or the ends of their paths.", at: location)
        }
        return pattern
    }

    /// The whole file as PEFT writes it, with keys in sorted order.
    var json: JSONValue {
        let patterns = { (values: [String: JSONValue]) in
            JSONValue.object(values.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) })
        }
        return .object([
            "alora_invocation_tokens": .null,
            "alpha_pattern": patterns(alphaPattern.mapValues(Self.number)),
            "arrow_config": .null, "auto_mapping": .null,
            "base_model_name_or_path": baseModel.map(JSONValue.string) ?? .null, "bias": "none",
            "corda_config": .null, "ensure_weight_tying": false, "eva_config": .null,
            "exclude_modules": .null, "fan_in_fan_out": false, "inference_mode": true,
            "init_lora_weights": true, "layer_replication": .null, "layers_pattern": .null,
            "layers_to_transform": .null, "loftq_config": .object([]),
            "lora_alpha": Self.number(alpha), "lora_bias": false, "lora_dropout": .number(dropout),
            "megatron_config": .null, "megatron_core": "megatron.core", "modules_to_save": .null,
            "peft_type": "LORA", "peft_version": "0.18.1", "qalora_group_size": 16,
            "r": .integer(rank), "rank_pattern": patterns(rankPattern.mapValues(JSONValue.integer)),
            "revision": .null, "target_modules": .array(targetModules.map(JSONValue.string)),
            "target_parameters": .null, "task_type": "CAUSAL_LM",
            "trainable_token_indices": .null, "use_dora": false, "use_qalora": false,
            "use_rslora": .bool(isRankStabilized),
        ])
    }

    private static func number(_ value: Double) -> JSONValue {
        Int(exactly: value).map(JSONValue.integer) ?? .number(value)
    }
}
