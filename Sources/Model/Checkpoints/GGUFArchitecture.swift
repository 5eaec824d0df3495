import FledgeCore

/// What a GGUF file calls its architecture, and how its tensors' names map to a checkpoint's.
struct GGUFArchitecture {
    /// The architectures that are read.
    static let known = ["llama", "qwen2"]
    /// Tensors that the configuration is read from instead.
    static let derived: Set<String> = ["rope_freqs.weight"]

    private static let layerNames = [
        "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
        "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    ]
    private static let outerNames = [
        "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
    ]

    let name: String

    /// Reads the architecture of a file; throws for one that is not known.
    init(_ file: GGUFFile) throws {
        name = try file.value("general.architecture", "the architecture's name", \.stringValue)
        guard Self.known.contains(name) else {
            throw FledgeError(
                .unsupported,
                "The file holds a model of the architecture \(name); "
                    + "known are \(Self.known.joined(separator: ", ")).",
                at: .init(file: file.path))
        }
    }

    /// Whether q and k are stored with the rows of a rotary pair next to each other.
    var interleavesRotaryRows: Bool { name == "llama" }

    /// The name in a Hugging Face checkpoint, such as `model.layers.0.mlp.up_proj.weight`.
    func checkpointName(of stored: String) -> String? {
        let parts = stored.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 2:
            return Self.outerNames[parts[0]].map { $0 + "." + parts[1] }
        case 4 where parts[0] == "blk":
            guard let layer = Int(parts[1]), let place = Self.layerNames[parts[2]] else {
                return nil
            }
            return "model.layers.\(layer).\(place).\(parts[3])"
        default:
            return nil
        }
    }

    /// The name in the file of a checkpoint's tensor; a name that has no place there stays.
    func storedName(of name: String) -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let (place, ending) = (parts.dropLast().joined(separator: "."), parts.last ?? "")
        if let outer = Self.outerNames.first(where: { $0.value == place }) {
            return "\(outer.key).\(ending)"
        }
        guard parts.count > 4, name.hasPrefix("model.layers.") else { return name }
        let inner = parts[3...].dropLast().joined(separator: ".")
        guard let layer = Self.layerNames.first(where: { $0.value == inner }) else { return name }
        return "blk.\(parts[2]).\(layer.key).\(ending)"
    }

    /// The key in the file's metadata of a setting that config.json calls by another name.
    func metadataKey(of setting: String) -> String {
        Self.settings[setting].map { "\(name).\($0)" } ?? setting
    }

    private static let settings = [
        "hidden_size": "embedding_length", "intermediate_size": "feed_forward_length",
        "num_hidden_layers": "block_count", "num_attention_heads": "attention.head_count",
        "num_key_value_heads": "attention.head_count_kv", "head_dim": "attention.key_length",
        "vocab_size": "vocab_size", "max_position_embeddings": "context_length",
        "rms_norm_eps": "attention.layer_norm_rms_epsilon", "rope_theta": "rope.freq_base",
    ]

    /// A number that is the same in all layers; files may list one for each.
    func layerValue(_ key: String, _ file: GGUFFile) throws -> Int {
        let key = "\(name).\(key)"
        let expectation = "a whole number, or a list of one for each layer"
        guard let values = file.metadata[key]?.intArray else {
            return try file.value(key, expectation, \.intValue)
        }
        let layers = try file.value("\(name).block_count", "a whole number", \.intValue)
        guard values.count == layers, let first = values.first else {
            throw FledgeError(
                .fileCorrupt,
                "The metadata's \(key) is a list of \(values.count), and \(name).block_count is "
                    + "\(layers); it should have one number for each layer.",
                at: .init(file: file.path))
        }
        guard let other = values.firstIndex(where: { $0 != first }) else { return first }
        throw FledgeError(
            .unsupported,
            "The metadata's \(key) is \(first) for layer 0 and \(values[other]) for layer \(other); "
                + "only layers of one size are known.", at: .init(file: file.path))
    }

    /// Key/value heads; as many as query heads when the file does not say.
    func keyValueHeadCount(_ file: GGUFFile) throws -> Int {
        let key = "attention.head_count_kv"
        return try layerValue(
            file.metadata["\(name).\(key)"] == nil ? "attention.head_count" : key, file)
    }
}
