internal import FledgeCore

/// What llama.cpp's files of Gemma 4 say.
extension Gemma4Settings {
    static let namesOfFiles: GGUFNames = {
        var names = GGUFNames.sandwich(
            ["gemma4": "gemma4_text"],
            layers: [
                "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
                "inp_gate": "per_layer_input_gate", "proj": "per_layer_projection",
                "post_norm": "post_per_layer_input_norm", "layer_output_scale": "layer_scalar",
            ],
            settings: [
                "hidden_size_per_layer_input": "embedding_length_per_layer_input",
                "num_kv_shared_layers": "attention.shared_kv_layers",
                "global_head_dim": "attention.key_length",
            ])
        names.outer.merge([
            "per_layer_token_embd": "model.embed_tokens_per_layer",
            "per_layer_model_proj": "model.per_layer_model_projection",
            "per_layer_proj_norm": "model.per_layer_projection_norm",
        ]) { $1 }
        (names.bare, names.normOffset) = (["layer_scalar"], 0)
        names.unstated = []
        names.complete = complete
        return names
    }()

    /// Writes what differs from layer to layer: heads, widths, rotary positions.
    private static func complete(_ file: GGUFFile, _ json: inout JSONValue) throws {
        let location = FledgeError.Location(file: file.path)
        func key(_ name: String) -> String { "gemma4.\(name)" }
        func number(_ name: String) throws -> Int {
            try file.value(key(name), "a whole number", \.intValue)
        }
        let kinds = json["layer_types"]?.arrayValue?.compactMap(\.stringValue) ?? []
        guard let full = kinds.firstIndex(of: "full_attention") else {
            throw FledgeError(
                .fileCorrupt,
                "The metadata's \(key("attention.sliding_window_pattern")) says of no layer that it has "
                    + "no window.", at: location)
        }
        let local = kinds.firstIndex(of: "sliding_attention") ?? full
        if let heads = file.metadata[key("attention.head_count_kv")]?.intArray,
            heads.count == kinds.count
        {
            json["num_key_value_heads"] = .integer(heads[local])
            json["num_global_key_value_heads"] = .integer(heads[full])
        }
        let widths = file.metadata[key("feed_forward_length")]?.intArray ?? []
        json["use_double_wide_mlp"] = .bool(widths.first != widths.last)
        json["attention_k_eq_v"] = .bool(file.tensor(named: "blk.\(full).attn_v.weight") == nil)
        let dimension = try number("attention.key_length_swa")
        json["head_dim"] = .integer(dimension)
        if let table = file.tensor(named: "per_layer_token_embd.weight") {
            json["vocab_size_per_layer_input"] = .integer(table.shape[0])
        }
        for (name, size) in [
            ("attention.value_length_swa", dimension), ("rope.dimension_count_swa", dimension),
        ] where try file.metadata[key(name)] != nil && number(name) != size {
            throw FledgeError(
                .unsupported,
                "\(key(name)) is \(try number(name)), \(key("attention.key_length_swa")) \(size); both "
                    + "must agree.", at: location)
        }
        let base = file.metadata[key("rope.freq_base_swa")]?.doubleValue ?? 10000
        json["rope_parameters"] = [
            "sliding_attention": ["rope_type": "default", "rope_theta": .number(base)],
            "full_attention": [
                "rope_type": "proportional",
                "partial_rotary_factor": .number(try rotatedPart(file)),
                "rope_theta": json["rope_theta"] ?? 1_000_000,
            ],
        ]
        json["rope_theta"] = nil
    }

    /// The part of a head that is rotated in layers that see all: a file divides the frequencies of the
    /// others by so much that nothing is left of them.
    private static func rotatedPart(_ file: GGUFFile) throws -> Double {
        guard let tensor = file.tensor(named: "rope_freqs.weight") else { return 1 }
        guard tensor.type == .float32, tensor.shape.count == 1, tensor.shape[0] > 0 else {
            throw FledgeError(
                .unsupported,
                "rope_freqs.weight is \(tensor.type) \(tensor.shape); a list of F32 is expected.",
                at: .init(file: file.path))
        }
        let divisors = (0..<tensor.shape[0]).map {
            tensor.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
        }
        let count = divisors.prefix { $0 == 1 }.count
        guard count > 0, divisors.dropFirst(count).allSatisfy({ $0 >= 1e20 }) else {
            throw FledgeError(
                .unsupported,
                "rope_freqs.weight holds other divisors than 1 and ones that leave nothing.",
                at: .init(file: file.path))
        }
        return Double(count) / Double(divisors.count)
    }
}
