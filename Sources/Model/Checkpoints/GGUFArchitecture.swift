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

    /// Key/value heads; as many as query heads when the file does not say.
    func keyValueHeadCount(_ file: GGUFFile) throws -> Int {
        guard file.metadata["\(name).attention.head_count_kv"] != nil else {
            return try file.value("\(name).attention.head_count", "a number", \.intValue)
        }
        return try file.value("\(name).attention.head_count_kv", "a number", \.intValue)
    }
}
