public import FledgeCore

/// What llama.cpp calls the parts and settings of a family in its files.
public struct GGUFNames: Sendable {
    /// What `general.architecture` says, with the `model_type` that it stands for.
    public var architectures: [String: String]
    /// The parts of a block: from names of files, such as `attn_q`, to those of checkpoints, such as
    /// `self_attn.q_proj`.
    public var layers: [String: String]
    /// The parts outside the blocks.
    public var outer: [String: String]
    /// The settings: from names of config.json to keys behind the architecture's prefix.
    public var settings: [String: String]
    /// Whether q and k are stored with the rows of a rotary pair next to each other.
    public var interleavesRotaryRows: Bool
    /// Settings of config.json that are null where a file says nothing of them, not what they usually are.
    public var unstated: Set<String>
    /// Settings of config.json that follow from the architecture.
    public var stated: [String: JSONValue] = [:]
    /// The matrices of experts, which files hold in stacks: from names of files, such as `ffn_up_exps`, to
    /// those of checkpoints with `*` for the expert, such as `mlp.experts.*.up_proj`.
    public var experts: [String: String] = [:]
    /// Parts of checkpoints whose names do not end with `.weight`.
    public var bare: Set<String> = []
    /// Parts of checkpoints that are matrices of one row, and vectors in files.
    public var rows: Set<String> = []
    /// Writes what the metadata say otherwise than other families' into the config.json that says the same,
    /// rotary positions among it; nil where they say all in the usual way.
    public var complete: (@Sendable (GGUFFile, inout JSONValue) throws -> Void)?
    /// What files add to the scales of norms, which checkpoints have around 0.
    public var normOffset: Float = 0
    /// Tensors that the configuration is read from instead.
    static let derived: Set<String> = ["rope_freqs.weight"]

    /// Creates the names of a decoder like Llama, to which others may be added.
    public init(
        _ architectures: [String: String], layers: [String: String] = [:],
        settings: [String: String] = [:], unstated: Set<String> = [],
        interleavesRotaryRows: Bool = false
    ) {
        self.unstated = unstated
        self.architectures = architectures
        self.interleavesRotaryRows = interleavesRotaryRows
        self.layers = [
            "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj",
            "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
            "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
            "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
        ].merging(layers) { $1 }
        outer = [
            "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
        ]
        self.settings = [
            "hidden_size": "embedding_length", "intermediate_size": "feed_forward_length",
            "num_hidden_layers": "block_count", "num_attention_heads": "attention.head_count",
            "num_key_value_heads": "attention.head_count_kv",
            "head_dim": "attention.key_length", "vocab_size": "vocab_size",
            "max_position_embeddings": "context_length",
            "rms_norm_eps": "attention.layer_norm_rms_epsilon", "rope_theta": "rope.freq_base",
            "sliding_window": "attention.sliding_window",
            "sliding_window_pattern": "attention.sliding_window_pattern",
        ].merging(settings) { $1 }
    }

    /// The same for a model with experts.
    ///
    /// - Parameters:
    ///   - path: Where they are in checkpoints, such as `mlp.experts`.
    ///   - parts: What gate, up and down are called there.
    func withExperts(
        _ path: String,
        _ parts: (gate: String, up: String, down: String) = (
            "gate_proj", "up_proj", "down_proj"
        ), settings: [String: String]
    ) -> GGUFNames {
        var copy = self
        copy.experts = [
            "ffn_gate_exps": "\(path).*.\(parts.gate)", "ffn_up_exps": "\(path).*.\(parts.up)",
            "ffn_down_exps": "\(path).*.\(parts.down)",
        ]
        copy.settings.merge(settings) { $1 }
        return copy
    }

    /// The name in a Hugging Face checkpoint, such as `model.layers.0.mlp.up_proj.weight`.
    func checkpointName(of stored: String) -> String? {
        let parts = stored.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 2:
            return outer[parts[0]].map { $0 + "." + parts[1] }
        case 4 where parts[0] == "blk":
            guard let layer = Int(parts[1]), let place = layers[parts[2]] else { return nil }
            let ending = bare.contains(place) ? "" : ".\(parts[3])"
            return "model.layers.\(layer).\(place)\(ending)"
        default:
            return nil
        }
    }

    /// The name in a checkpoint of each expert's part of a stacked tensor; nil where it is none.
    func expertName(of stored: String) -> ((_ expert: Int) -> String)? {
        let parts = stored.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]),
            let place = experts[parts[2]]
        else { return nil }
        return {
            "model.layers.\(layer).\(place.replacing("*", with: String($0))).\(parts[3])"
        }
    }

    /// The name in the file of a checkpoint's tensor; a name that has no place there stays.
    func storedName(of name: String) -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let (place, ending) = (parts.dropLast().joined(separator: "."), parts.last ?? "")
        if let outer = outer.first(where: { $0.value == place }) {
            return "\(outer.key).\(ending)"
        }
        guard parts.count > 3, name.hasPrefix("model.layers.") else { return name }
        if let layer = layers.first(where: {
            bare.contains($0.value) && $0.value == parts[3...].joined(separator: ".")
        }) {
            return "blk.\(parts[2]).\(layer.key).weight"
        }
        let inner = parts[3...].dropLast().joined(separator: ".")
        let any = parts[3...].dropLast().map { Int($0) == nil ? $0 : "*" }.joined(separator: ".")
        if let stack = experts.first(where: { $0.value == any }) {
            return "blk.\(parts[2]).\(stack.key).\(ending)"
        }
        guard let layer = layers.first(where: { $0.value == inner }) else { return name }
        return "blk.\(parts[2]).\(layer.key).\(ending)"
    }
}
