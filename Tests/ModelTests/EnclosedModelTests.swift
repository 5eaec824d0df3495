import FledgeAdapters
import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// Text models that are parts of models that see: what is around them stays as it is.
@Suite struct EnclosedModelTests {
    static let names = ["gemma3-vision", "gemma4-vision", "mistral3", "mistral3-ministral3"]

    private func folder(_ name: String) -> String { fixtures + "/families/" + name }

    private func states(_ model: DecoderLM) -> [Float] {
        model.hiddenStates(
            (0..<20).map { Int32($0 + 3) }, layout: SequenceLayout(lengths: [20]),
            ForwardPass(.float32)
        ).scalars()
    }

    /// Writes a copy of a folder with other names of tensors, or other settings.
    private func copy(
        _ name: String, to target: String, renaming: (String) -> String = { $0 },
        _ change: (inout JSONValue) -> Void = { _ in }
    ) throws {
        let file = try SafetensorsFile(path: folder(name) + "/model.safetensors")
        let entries = file.entries.map {
            SafetensorsWriter.Entry(renaming($0.name), $0.type, $0.shape)
        }
        let names = Dictionary(uniqueKeysWithValues: file.names.map { (renaming($0), $0) })
        try SafetensorsWriter.writeShards(entries, to: target) {
            try file.tensor(named: names[$0.name] ?? $0.name)
        }
        var json = try JSONValue(contentsOf: folder(name) + "/config.json")
        change(&json)
        try AtomicFile.write(json.serialized(), to: target + "/config.json")
    }

    /// transformers 4 wrote other names, and `language_model.` before the head's too.
    private func older(_ name: String) -> String {
        let text = "model.language_model."
        if name.hasPrefix(text) { return "language_model.model." + name.dropFirst(text.count) }
        if name.hasPrefix("lm_head.") { return "language_model." + name }
        return name.hasPrefix("model.") ? String(name.dropFirst("model.".count)) : name
    }

    private func newer(_ name: String) -> String {
        if name.hasPrefix("language_model.lm_head.") {
            return String(name.dropFirst("language_model.".count))
        }
        let text = "language_model.model."
        if name.hasPrefix(text) { return "model.language_model." + name.dropFirst(text.count) }
        return name.hasPrefix("model.") || name.hasPrefix("lm_head.") ? name : "model." + name
    }

    @Test(arguments: names) func modulesHaveTheNamesOfTheWhole(_ name: String) throws {
        let model = try Checkpoint(path: folder(name)).causalLM()
        let expected = try JSONValue(contentsOf: folder(name) + "/expected.json")
        let paths = (expected["linear_paths"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(!paths.isEmpty)
        #expect(
            Set(model.linears.map(\.name).filter { $0 != "lm_head" }) == Set(paths), "\(name)")
    }

    /// Each spelling of the names loads, and is written back as it was read.
    @Test(arguments: names) func spellings(_ name: String) throws {
        let target = try ScratchFolder()
        let expected = states(try Checkpoint(path: folder(name)).causalLM())
        for spelling in [older, newer] {
            try copy(name, to: target.path, renaming: { spelling(newer($0)) })
            let model = try Checkpoint(path: target.path).causalLM()
            #expect(states(model) == expected, "\(name)")
            let saved = try ScratchFolder()
            try model.save(to: saved.path)
            let read = try SafetensorsFile(path: target.path + "/model.safetensors")
            let written = try SafetensorsFile(path: saved.path + "/model.safetensors")
            #expect(read.names == written.names)
            for entry in read.entries {
                let other = try #require(written.entry(named: entry.name))
                #expect(
                    read.bytes(of: entry).elementsEqual(written.bytes(of: other))
                        && entry.shape == other.shape && entry.type == other.type,
                    "\(name) \(entry.name)")
            }
        }
    }

    /// What is left alone keeps its bytes, of whatever type, while the text model is written in another; and
    /// so do settings.
    @Test func whatIsLeftAloneKeepsItsBytes() throws {
        let (source, target) = (try ScratchFolder(), try ScratchFolder())
        let file = try SafetensorsFile(path: folder("gemma3-vision") + "/model.safetensors")
        let odd = ["vision.halves", "vision.counts", "vision.flags"]
        let entries =
            file.entries.map { SafetensorsWriter.Entry($0.name, $0.type, $0.shape) }
            + [
                .init(odd[0], .float16, [3, 2]), .init(odd[1], .int64, [2]),
                .init(odd[2], .bool, [5]),
            ]
        func bytes(_ count: Int) -> Tensor {
            var tensor = Tensor(uninitialized: [count], .uint8)
            tensor.withUnsafeMutableBytes { bytes in
                for index in 0..<count { bytes[index] = UInt8(index * 7 % 2) }
            }
            return tensor
        }
        try SafetensorsWriter.writeShards(entries, to: source.path) {
            odd.contains($0.name) ? bytes($0.byteCount) : try file.tensor(named: $0.name)
        }
        var json = try JSONValue(contentsOf: folder("gemma3-vision") + "/config.json")
        json["vision_config"]?["something"] = ["of": "its own"]
        try AtomicFile.write(json.serialized(), to: source.path + "/config.json")
        try AtomicFile.write("{\"size\": 8}", to: source.path + "/preprocessor_config.json")
        try Checkpoint(path: source.path).causalLM().save(
            to: target.path, as: .bfloat16, shardByteCount: 3000)
        let written = try Checkpoint(path: target.path)
        let shards = try ShardedSafetensors(folder: target.path)
        let read = try SafetensorsFile(path: source.path + "/model.safetensors")
        #expect(shards.names == read.names)
        for entry in read.entries {
            let isText = entry.name.contains("language_model") || entry.name.contains("lm_head")
            #expect(shards.storedType(of: entry.name) == (isText ? .bfloat16 : entry.type))
            guard !isText else { continue }
            let (a, b) = (
                try #require(shards.storedBytes(of: entry.name)),
                try #require(read.storedBytes(of: entry.name))
            )
            #expect(a.hasSameBytes(as: b), "\(entry.name)")
        }
        let config = try JSONValue(contentsOf: target.path + "/config.json")
        #expect(config["vision_config"] == json["vision_config"])
        #expect(config["dtype"] == "bfloat16" && config["model_type"] == "gemma3")
        #expect(config["architectures"] == json["architectures"])
        #expect(written.storedType == .bfloat16)
        #expect(
            try JSONValue(contentsOf: target.path + "/preprocessor_config.json")["size"] == 8)
    }

    /// An adapter names whole paths: other parts have modules of the same names.
    @Test func adaptersNameTheWholesModules() throws {
        let target = try ScratchFolder()
        let model = try Checkpoint(path: folder("gemma3-vision")).causalLM()
        let adapters = try model.attach(LoRA(rank: 2, targets: .named(["q_proj"])), seed: 1)
        for parameter in adapters.parameters {
            parameter.value = Tensor(
                (0..<parameter.value.count).map { Float($0 % 5) * 0.1 },
                shape: parameter.value.shape)
        }
        try adapters.save(to: target.path)
        let file = try SafetensorsFile(path: target.path + "/adapter_model.safetensors")
        #expect(
            file.names.first
                == "base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight")
        let json = try JSONValue(contentsOf: target.path + "/adapter_config.json")
        let targets = (json["target_modules"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(targets == adapters.layers.map(\.name) && targets.count == 3)
        let again = try Checkpoint(path: folder("gemma3-vision")).causalLM()
        _ = try again.attachAdapter(folder: target.path)
        #expect(states(again) == states(model))
    }

    /// Real folders state little: the rest is what transformers' classes have.
    @Test func sparseSettings() throws {
        let json: JSONValue = [
            "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
            "eos_token_id": [1, 106], "torch_dtype": "bfloat16",
            "text_config": [
                "hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
                "num_hidden_layers": 34, "rope_scaling": ["factor": 8.0, "rope_type": "linear"],
                "sliding_window": 1024,
            ], "vision_config": ["hidden_size": 1152, "model_type": "siglip_vision_model"],
        ]
        let c = try DecoderConfiguration(json: json, file: "config.json")
        #expect(c.modelType == "gemma3_text" && c.enclosing?.modelType == "gemma3")
        #expect((c.headCount, c.keyValueHeadCount, c.headDimension) == (8, 4, 256))
        #expect(c.vocabularySize == 262208 && c.layerCount == 34 && c.tieWordEmbeddings)
        #expect(c.ropeScaling == .linear(factor: 8) && c.ropeTheta == 1_000_000)
        #expect(c.window(ofLayer: 4) == 1024 && c.window(ofLayer: 5) == nil)
        #expect(c.endOfTextIDs == [1, 106] && c.declaredType == "bfloat16")
        #expect(c.json() == json)
        var stretched = c
        stretched.ropeScaling = .linear(factor: 16)
        let written = stretched.json(elementType: "float32")
        #expect(written["text_config"]?["rope_scaling"]?["factor"] == 16.0)
        #expect(written["torch_dtype"] == "float32")
        #expect(written["text_config"]?["vocab_size"] == nil)
    }

    /// Where nothing says whether head and table are one, what the files hold does.
    @Test func headsThatNothingStates() throws {
        let target = try ScratchFolder()
        try copy("mistral3", to: target.path, renaming: { $0 }) { $0["tie_word_embeddings"] = nil }
        #expect(try !Checkpoint(path: target.path).configuration.tieWordEmbeddings)
        try copy("gemma3-vision", to: target.path, renaming: { $0 }) {
            $0["tie_word_embeddings"] = nil
        }
        #expect(try Checkpoint(path: target.path).configuration.tieWordEmbeddings)
    }

    @Test func whatIsNotKnown() throws {
        func message(_ name: String, _ change: (inout JSONValue) -> Void) throws -> String {
            var json = try JSONValue(contentsOf: folder(name) + "/config.json")
            change(&json)
            return #expect(throws: FledgeError.self) {
                try DecoderConfiguration(json: json, file: "config.json")
            }?.description ?? ""
        }
        let text = "text_config"
        #expect(try message("gemma3-vision") { $0["model_type"] = "glm4v" }.contains("glm4v"))
        #expect(try message("mistral3") { $0[text]?["model_type"] = "llama4" }.contains("llama4"))
        #expect(
            try message("mistral3") { $0[text]?["attention_dropout"] = 0.5 }.contains("dropout"))
        #expect(
            try message("gemma3-vision") {
                $0["architectures"] = ["Gemma3ForSequenceClassification"]
            }.contains("Gemma3ForSequenceClassification"))
        let target = try ScratchFolder()
        try copy("gemma3-vision", to: target.path, renaming: { "inner." + $0 })
        let error = #expect(throws: FledgeError.self) { try Checkpoint(path: target.path) }
        #expect(error?.description.contains("embed_tokens") == true)
    }
}
