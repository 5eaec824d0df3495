package import FledgeCore

extension PEFTConfiguration {
    /// Reads an `adapter_config.json`.
    ///
    /// - Throws: ``FledgeError`` when the file is not such a configuration, or asks for something
    ///   that would change the computation and is not supported.
    package init(path: String) throws {
        let json = try JSONValue(contentsOf: path)
        let reader = PEFTMembers(json: json, location: FledgeError.Location(file: path))
        let kind = try reader.required("peft_type", json["peft_type"]?.stringValue)
        guard kind == "LORA" else {
            throw FledgeError(
                .unsupported, "The adapter is of type \(kind); Fledge loads LORA.",
                at: reader.location)
        }
        try reader.refuseUnsupported()
        rank = try reader.required("r", json["r"]?.intValue)
        alpha = try reader.required("lora_alpha", json["lora_alpha"]?.doubleValue)
        dropout = json["lora_dropout"]?.doubleValue ?? 0
        isRankStabilized = json["use_rslora"]?.boolValue ?? false
        modules = try reader.modules()
        baseModel = json["base_model_name_or_path"]?.stringValue
        rankPattern = try reader.patterns("rank_pattern", \.intValue)
        alphaPattern = try reader.patterns("alpha_pattern", \.doubleValue)
        guard rank > 0, dropout >= 0, Float(dropout) < 1, rankPattern.allSatisfy({ $0.value > 0 })
        else {
            throw FledgeError(
                .fileCorrupt, "r is \(rank) and lora_dropout is \(dropout).",
                advice: "A rank is at least 1 and a probability is below 1.", at: reader.location)
        }
    }

    /// The whole file as PEFT writes it, with keys in sorted order.
    package var json: JSONValue {
        .object([
            "alora_invocation_tokens": .null,
            "alpha_pattern": Self.json(alphaPattern, Self.number), "arrow_config": .null,
            "auto_mapping": .null,
            "base_model_name_or_path": baseModel.map(JSONValue.string) ?? .null, "bias": "none",
            "corda_config": .null, "ensure_weight_tying": false, "eva_config": .null,
            "exclude_modules": modules.excluded?.json ?? .null, "fan_in_fan_out": false,
            "inference_mode": true, "init_lora_weights": true, "layer_replication": .null,
            "layers_pattern": modules.layerNames.isEmpty
                ? .null : .array(modules.layerNames.map(JSONValue.string)),
            "layers_to_transform": modules.layers.map { .array($0.map(JSONValue.integer)) }
                ?? .null, "loftq_config": .object([]), "lora_alpha": Self.number(alpha),
            "lora_bias": false, "lora_dropout": .number(dropout), "megatron_config": .null,
            "megatron_core": "megatron.core", "modules_to_save": .null, "peft_type": "LORA",
            "peft_version": "0.18.1", "qalora_group_size": 16, "r": .integer(rank),
            "rank_pattern": Self.json(rankPattern, JSONValue.integer), "revision": .null,
            "target_modules": modules.targets.json, "target_parameters": .null,
            "task_type": "CAUSAL_LM", "trainable_token_indices": .null, "use_dora": false,
            "use_qalora": false, "use_rslora": .bool(isRankStabilized),
        ])
    }

    private static func json<Value>(
        _ patterns: [Pattern<Value>], _ value: (Value) -> JSONValue
    ) -> JSONValue {
        .object(patterns.map { .init($0.expression, value($0.value)) })
    }

    private static func number(_ value: Double) -> JSONValue {
        Int(exactly: value).map(JSONValue.integer) ?? .number(value)
    }
}

extension ModuleSelection.Names {
    /// The names as PEFT writes them.
    var json: JSONValue {
        switch self {
        case .list(let names): .array(names.map(JSONValue.string))
        case .expression(let text): .string(text)
        case .allLinear: "all-linear"
        }
    }
}

/// Reads the members of an `adapter_config.json`, with errors that name them.
private struct PEFTMembers {
    let json: JSONValue
    let location: FledgeError.Location

    func required<Value>(_ key: String, _ value: Value?) throws -> Value {
        guard let value else {
            let found = json[key].map { " It is \($0.kind)." } ?? ""
            throw FledgeError(
                .fileCorrupt, "'\(key)' is missing or is not of the expected type.\(found)",
                advice: "This is not the adapter_config.json of a LoRA adapter.", at: location)
        }
        return value
    }

    /// Settings with which the same tensors would mean another function.
    func refuseUnsupported() throws {
        let harmless: [(key: String, isHarmless: (JSONValue) -> Bool)] = [
            ("use_dora", { $0.boolValue == false }), ("use_qalora", { $0.boolValue == false }),
            ("lora_bias", { $0.boolValue == false }),
            ("bias", { ["none", "all", "lora_only"].contains($0.stringValue) }),
            ("fan_in_fan_out", { $0.boolValue == false }),
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

    /// Which modules are adapted.
    func modules() throws -> ModuleSelection {
        var modules = ModuleSelection(try names("target_modules") ?? .list([]))
        modules.excluded = try names("exclude_modules")
        switch json["layers_to_transform"] {
        case nil, .null: break
        case .integer(let layer): modules.layers = [layer]
        case let value?:
            modules.layers = try required(
                "layers_to_transform",
                value.arrayValue?.map { try required("layers_to_transform", $0.intValue) })
        }
        switch json["layers_pattern"] {
        case nil, .null: break
        case .string(let name): modules.layerNames = name.isEmpty ? [] : [name]
        case let value?: modules.layerNames = try texts("layers_pattern", value)
        }
        if let value = json["modules_to_save"], !value.isNull {
            modules.savedModules = try texts("modules_to_save", value)
        }
        return modules
    }

    private func texts(_ key: String, _ value: JSONValue) throws -> [String] {
        try required(key, value.arrayValue).map { try required(key, $0.stringValue) }
    }

    private func names(_ key: String) throws -> ModuleSelection.Names? {
        switch json[key] {
        case nil, .null: return nil
        case .string(let text):
            if text.lowercased() == "all-linear" { return .allLinear }
            try requireExpression(text, key)
            return .expression(text)
        case let value?: return .list(try texts(key, value))
        }
    }

    /// What holds for single modules, in the order of the file.
    func patterns<Value>(
        _ key: String, _ read: (JSONValue) -> Value?
    ) throws -> [PEFTConfiguration.Pattern<Value>] {
        try (json[key]?.members ?? []).map { member in
            try requireExpression(member.key, key)
            return .init(member.key, try required(key, read(member.value)))
        }
    }

    private func requireExpression(_ text: String, _ key: String) throws {
        guard ModulePattern(text) == nil else { return }
        throw FledgeError(
            .unsupported,
            "\(key) holds '\(text)', which is no regular expression that is understood.",
            advice: "Write module names or the ends of their paths.", at: location)
    }
}
