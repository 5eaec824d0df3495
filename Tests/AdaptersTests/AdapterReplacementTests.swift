import FledgeAdapters
import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// What an adapter file holds of its base itself.
@Suite struct AdapterReplacementTests {
    private static let prefix = "base_model.model."

    /// A folder of an adapter of q_proj, with further tensors.
    private func folder(
        _ more: [String: Tensor], changing: [String: JSONValue] = [:]
    ) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let model = try TinyModel.make()
        try model.attach(LoRA(rank: 2, targets: .named(["q_proj"])), seed: 1).save(to: folder.path)
        let path = folder.path + "/adapter_model.safetensors"
        let file = try SafetensorsFile(path: path)
        let tensors = try file.names.map { ($0, try file.tensor(named: $0, as: .float32).owned()) }
        try SafetensorsWriter.write(tensors + more.map { ($0.key, $0.value) }, to: path)
        var json = try JSONValue(contentsOf: folder.path + "/adapter_config.json")
        for (key, value) in changing { json[key] = value }
        try AtomicFile.write(json.serialized(), to: folder.path + "/adapter_config.json")
        return folder
    }

    private func value(_ name: String, of model: DecoderLM) -> [Float]? {
        model.parameters.first { $0.name == name }?.value.scalars()
    }

    @Test func equalCopiesOfTheBaseAreHarmless() throws {
        let names = ["model.embed_tokens.weight", "lm_head.weight"]
        let copies = Dictionary(
            uniqueKeysWithValues: names.map {
                (Self.prefix + $0, TinyModel.tensor($0, [24, 16]))
            })
        let model = try TinyModel.make()
        let folder = try folder(copies)
        _ = try model.attachAdapter(folder: folder.path, trainable: true)
        #expect(model.trainableParameters.count == 4)
    }

    @Test(arguments: [
        "lm_head.weight", "lm_head.base_layer.weight", "lm_head.modules_to_save.weight",
        "model.embed_tokens.weight", "model.embed_tokens.base_layer.weight", "model.norm.weight",
    ]) func othersTakeTheBasesPlace(_ name: String) throws {
        let place = name.replacing(".base_layer", with: "").replacing(".modules_to_save", with: "")
        let shape = place == "model.norm.weight" ? [16] : [24, 16]
        let new = TinyModel.tensor("something else", shape)
        let folder = try folder([Self.prefix + name: new])
        let model = try TinyModel.make()
        #expect(value(place, of: model) != new.scalars())
        try model.attachAdapter(folder: folder.path).merge()
        #expect(value(place, of: model) == new.scalars())
        // Training would have to train them too.
        let error = #expect(throws: FledgeError.self) {
            _ = try TinyModel.make().attachAdapter(folder: folder.path, trainable: true)
        }
        #expect(error?.message.contains(place) == true)
    }

    @Test func biasesTakeTheBasesPlace() throws {
        var configuration = TinyModel.configuration
        configuration.modelType = "qwen2"
        configuration.attentionBias = true
        var tensors = TinyModel.tensors(configuration)
        for layer in 0..<2 {
            for (name, count) in [("q_proj", 16), ("k_proj", 8), ("v_proj", 8)] {
                let path = "model.layers.\(layer).self_attn.\(name).bias"
                tensors[path] = TinyModel.tensor(path, [count])
            }
        }
        let model = try DecoderLM(configuration, InMemoryTensors(tensors), storing: .float32)
        let name = "model.layers.1.self_attn.q_proj"
        let new = TinyModel.tensor("another bias", [16])
        let folder = try folder(
            [Self.prefix + name + ".base_layer.bias": new], changing: ["bias": "lora_only"])
        try model.attachAdapter(folder: folder.path).merge()
        #expect(value(name + ".bias", of: model) == new.scalars())
    }

    @Test func whatDoesNotFitIsNamed() throws {
        func message(_ name: String, _ tensor: Tensor) throws -> String {
            let folder = try folder([Self.prefix + name: tensor])
            let error = #expect(throws: FledgeError.self) {
                _ = try TinyModel.make().attachAdapter(folder: folder.path)
            }
            return error?.description ?? ""
        }
        let resized = try message("model.embed_tokens.weight", Tensor(zeros: [32, 16]))
        #expect(resized.contains("[32, 16]") && resized.contains("[24, 16]"))
        #expect(resized.contains("vocabulary"))
        #expect(try message("model.layers.9.mlp.x.weight", Tensor(zeros: [2])).contains("layers.9"))
        let spoiled = Tensor([1, .nan] + [Float](repeating: 0, count: 14), shape: [16])
        #expect(try message("model.norm.weight", spoiled).contains("[1]"))
    }

    @Test func spoiledFactorsAreNamed() throws {
        let folder = try folder([:])
        let path = folder.path + "/adapter_model.safetensors"
        let file = try SafetensorsFile(path: path)
        let tensors = try file.names.map { name in
            var values = try file.tensor(named: name, as: .float32).scalars()
            if name.contains("layers.1"), name.contains("lora_B") { values[5] = .infinity }
            return (name, Tensor(values, shape: file.shape(of: name) ?? []))
        }
        try SafetensorsWriter.write(tensors, to: path)
        let error = #expect(throws: FledgeError.self) {
            _ = try TinyModel.make().attachAdapter(folder: folder.path)
        }
        #expect(error?.message.contains("layers.1.self_attn.q_proj.lora_B") == true)
        #expect(error?.message.contains("[2, 1]") == true)
    }

    @Test func aModelOrAnAdapterInTheOthersPlaceIsNamed() throws {
        let folder = try folder([:])
        let error = #expect(throws: FledgeError.self) { try Checkpoint(path: folder.path) }
        #expect(error?.message.contains("holds an adapter") == true)
        #expect(error?.advice.contains("adapter_name_or_path") == true)
        let model = try TemporaryFolder()
        try AtomicFile.write("{}", to: model.path + "/config.json")
        let other = #expect(throws: FledgeError.self) {
            _ = try TinyModel.make().attachAdapter(folder: model.path)
        }
        #expect(other?.message.contains("whole model") == true)
    }
}
