import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// What layers with windows say of themselves, in config.json and in GGUF files.
@Suite struct WindowedFamilyTests {
    private func configuration(_ name: String) throws -> JSONValue {
        try JSONValue(contentsOf: fixtures + "/families/\(name)/config.json")
    }

    private func windows(_ json: JSONValue) throws -> [Int?] {
        try DecoderConfiguration(json: json, file: "config.json").windows
    }

    private func states(_ configuration: DecoderConfiguration, of name: String) throws -> [Float] {
        let weights = try Checkpoint(path: fixtures + "/families/" + name).weights
        return try DecoderLM(configuration, weights, storing: .float32).hiddenStates(
            (0..<20).map { Int32($0 + 3) }, layout: SequenceLayout(lengths: [20]),
            ForwardPass(.float32)
        ).scalars()
    }

    /// Which layers have a window where no list says so.
    @Test func patterns() throws {
        func windows(
            _ name: String, _ changes: [String: JSONValue], without key: String? = nil
        ) throws -> [Int?] {
            var json = try configuration(name)
            json["layer_types"] = nil
            for (key, value) in changes { json[key] = value }
            if let key { json[key] = nil }
            return try self.windows(json)
        }
        #expect(try windows("mistral", [:]) == [6, 6])
        #expect(try windows("mistral", ["sliding_window": .null]) == [])
        #expect(try windows("mistral", [:], without: "sliding_window") == [4096, 4096])
        #expect(try windows("qwen2-window", [:]) == [nil, 5])
        #expect(try windows("qwen2-window", ["use_sliding_window": false]) == [])
        #expect(try windows("qwen2-window", ["max_window_layers": 28]) == [])
        let used: [String: JSONValue] = ["use_sliding_window": true, "sliding_window": 7]
        #expect(try windows("qwen2-moe", used) == [7, nil, 7])
        #expect(try windows("qwen3-moe", used) == [7, 7, 7])
        #expect(try windows("qwen3-moe", [:]) == [])
        #expect(try windows("mixtral", ["sliding_window": 7]) == [7, 7])
        #expect(try windows("smollm3-window", [:]) == [nil, nil, nil, 6])
        #expect(try windows("smollm3-window", ["use_sliding_window": false]) == [])
        #expect(try windows("exaone4-window", [:]) == [6, 6, 6, nil])
        #expect(
            try windows("exaone4-window", ["sliding_window_pattern": "LG"]) == [6, nil, 6, nil])
        #expect(try windows("exaone4-window", ["sliding_window": .null]) == [])
        #expect(try windows("olmo3", [:]) == [6, 6, 6, nil])
        #expect(try windows("gemma2", [:]) == [6, nil])
        #expect(try windows("gemma3", [:]) == [6, 6, 6])
        #expect(try windows("gemma3", ["sliding_window_pattern": 2]) == [6, nil, 6])
        #expect(try windows("llama-biases", ["sliding_window": 6]) == [])
    }

    @Test func whatDoesNotFit() throws {
        func error(_ name: String, _ key: String, _ value: JSONValue) throws -> FledgeError? {
            var json = try configuration(name)
            json[key] = value
            return #expect(throws: FledgeError.self) { try windows(json) }
        }
        for (name, key, value, words) in [
            ("qwen3-window", "layer_types", ["full_attention"], "layer_types"),
            ("qwen3-window", "layer_types", ["full_attention", "chunked_attention"], "chunked"),
            ("qwen3-window", "use_sliding_window", false, "full_attention"),
            ("qwen3-window", "sliding_window", .null, "sliding_window"),
            ("mistral", "sliding_window", 0, "sliding_window"),
            ("mistral", "sliding_window", -3, "sliding_window"),
            ("gemma2", "attn_logit_softcapping", 0, "attn_logit_softcapping"),
            ("gemma2", "final_logit_softcapping", -1, "final_logit_softcapping"),
            ("gemma2", "use_bidirectional_attention", true, "use_bidirectional_attention"),
            ("gemma3", "attn_logit_softcapping", 50, "attn_logit_softcapping"),
            ("gemma3", "sliding_window_pattern", 0, "sliding_window_pattern"),
            ("olmo2", "sliding_window", 4, "OLMo 3"),
        ] as [(String, String, JSONValue, String)] {
            let text = try error(name, key, value)?.description ?? ""
            #expect(text.contains(words), "\(name) \(key): \(text)")
        }
        var json = try configuration("gemma2")
        json["query_pre_attn_scalar"] = 0
        #expect(throws: FledgeError.self) {
            try states(DecoderConfiguration(json: json, file: "config.json"), of: "gemma2")
        }
    }

    /// Gemma 3 before transformers 5: a base for layers with a window, scaling for the others.
    @Test func rotaryBasesInTheOlderSpelling() throws {
        var json = try configuration("gemma3")
        let new = try DecoderConfiguration(json: json, file: "config.json")
        json["rope_parameters"] = nil
        json["rope_theta"] = 10000.0
        json["rope_local_base_freq"] = 100.0
        json["rope_scaling"] = ["rope_type": "linear", "factor": 4.0]
        let old = try DecoderConfiguration(json: json, file: "config.json")
        #expect(try states(old, of: "gemma3") == states(new, of: "gemma3"))
        json["rope_local_base_freq"] = 10000.0
        let other = try DecoderConfiguration(json: json, file: "config.json")
        #expect(try states(other, of: "gemma3") != states(new, of: "gemma3"))
    }

    /// A window changes what is computed, and in no other layer than its own.
    @Test(arguments: ["mistral", "qwen2-window", "exaone4-window", "olmo3", "gemma2", "gemma3"])
    func windowsMatter(_ name: String) throws {
        var c = try DecoderConfiguration(json: configuration(name), file: "config.json")
        let right = try states(c, of: name)
        c.windows = c.windows.map { $0.map { _ in 20 } }
        let wide = try states(c, of: name)
        let first = 6 * c.hiddenSize
        #expect(right != wide && right.prefix(first / 2) == wide.prefix(first / 2))
    }

    /// As llama.cpp writes them: names, settings, scales of norms, lists of layers.
    @Test(arguments: [
        "gemma", "gemma2", "gemma3", "gemma4", "gemma4-keys", "exaone4-window", "exaone4",
    ])
    func filesOfLlamaCpp(_ name: String) throws {
        let checkpoint = try Checkpoint(path: fixtures + "/families/" + name)
        let c = checkpoint.configuration
        let names = try #require(c.family.gguf)
        let architecture = try #require(names.architectures.first).key
        var file = TinyGGUF()
        let tokenizer = file.metadata.filter { $0.key.hasPrefix("tokenizer.") }
        file.metadata = tokenizer.merging([
            "general.architecture": .text(architecture),
            "tokenizer.ggml.tokens": .texts((0..<c.vocabularySize).map { "t\($0)" }),
            "tokenizer.ggml.token_type": .int32s(Array(repeating: 1, count: c.vocabularySize)),
            "tokenizer.ggml.merges": .texts([]),
        ]) { $1 }
        var settings: [String: TinyGGUF.Value] = [
            "embedding_length": .uint32(UInt32(c.hiddenSize)),
            "feed_forward_length": .uint32(UInt32(c.intermediateSize)),
            "block_count": .uint32(UInt32(c.layerCount)),
            "attention.head_count": .uint32(UInt32(c.headCount)),
            "attention.head_count_kv": .uint32(UInt32(c.keyValueHeadCount)),
            "attention.key_length": .uint32(UInt32(c.headDimension)),
            "context_length": .uint32(UInt32(c.maxPositions)),
            "attention.layer_norm_rms_epsilon": .float32(Float(c.rmsNormEpsilon)),
            "rope.freq_base": .float32(Float(c.ropeTheta)),
        ]
        if let window = c.windows.lazy.compactMap({ $0 }).first {
            settings["attention.sliding_window"] = .uint32(UInt32(window))
        }
        if name == "exaone4-window" || name.hasPrefix("gemma3") || name.hasPrefix("gemma4") {
            settings["attention.sliding_window_pattern"] = .int32s(
                (0..<c.layerCount).map { c.window(ofLayer: $0) == nil ? 0 : 1 })
        }
        if name == "gemma2" {
            settings["attn_logit_softcapping"] = .float32(2)
            settings["final_logit_softcapping"] = .float32(3)
        }
        if name == "gemma3" {
            settings["rope.freq_base_swa"] = .float32(100)
            settings["rope.scaling.type"] = .text("linear")
            settings["rope.scaling.factor"] = .float32(4)
        }
        file.tensors = [:]
        if name.hasPrefix("gemma4") {
            addGemma4(&settings, c)
            file.tensors["rope_freqs.weight"] = Tensor(
                (0..<8).map { $0 < 2 ? 1 : 1e30 as Float }, shape: [8])
        }
        for (key, value) in settings { file.metadata["\(architecture).\(key)"] = value }
        for tensor in checkpoint.weights.names {
            var value = try checkpoint.weights.tensor(named: tensor, as: .float32)
            if names.normOffset != 0, tensor.hasSuffix("norm.weight") {
                value = Tensor(value.scalars().map { $0 + 1 }, shape: value.shape)
            }
            file.tensors[stored(tensor, names)] = value
        }
        let folder = try ScratchFolder()
        let read = try Checkpoint(path: folder.write(file.bytes, "m.gguf"))
        #expect(read.configuration.windows == c.windows)
        // What a head is multiplied by is not in the file.
        var expected = c
        expected.original?["query_pre_attn_scalar"] = .integer(c.headDimension)
        let found = try read.causalLM().hiddenStates(
            (0..<20).map { Int32($0 + 3) }, layout: SequenceLayout(lengths: [20]),
            ForwardPass(.float32)
        ).doubles()
        let closeness = Closeness(found, try states(expected, of: name).map { Double($0) })
        #expect(closeness.isWithin(1e-5), "\(closeness)")
        #expect(read.configuration.logitSoftCap == c.logitSoftCap)
    }

    private func addGemma4(
        _ settings: inout [String: TinyGGUF.Value], _ c: DecoderConfiguration
    ) {
        let shared = c.original?["num_kv_shared_layers"]?.intValue ?? 0
        for name in ["attention.key_length", "attention.value_length", "rope.dimension_count"] {
            settings[name] = .uint32(16)
            settings[name + "_swa"] = .uint32(8)
        }
        settings["rope.freq_base_swa"] = .float32(100)
        settings["attention.shared_kv_layers"] = .uint32(UInt32(shared))
        settings["embedding_length_per_layer_input"] = .uint32(shared > 0 ? 4 : 0)
        if shared > 0 {
            settings["feed_forward_length"] = .int32s([24, 24, 24, 48, 48, 48])
            settings["final_logit_softcapping"] = .float32(3)
        } else {
            settings["attention.head_count_kv"] = .int32s([2, 2, 1])
        }
    }

    private func stored(_ name: String, _ names: GGUFNames) -> String {
        let parts = name.split(separator: ".").map { String($0) }
        if let outer = names.outer.first(where: { name == $0.value + ".weight" }) {
            return outer.key + ".weight"
        }
        let isBare = parts.count > 3 && names.bare.contains(parts[3])
        let place = parts.dropFirst(3).dropLast(isBare ? 0 : 1).joined(separator: ".")
        let layer = names.layers.first { $0.value == place }
        return "blk.\(parts[2]).\(layer?.key ?? place).weight"
    }
}
