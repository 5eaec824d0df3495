import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Folders of strangers: files that contradict each other, names without their prefix, numbers that are
/// none.
@Suite struct ModelFolderTests {
    private func json(
        _ configuration: DecoderConfiguration, changing: [String: JSONValue] = [:]
    ) -> String {
        var json = configuration.json(elementType: "float32")
        for (key, value) in changing { json[key] = value }
        return json.serialized()
    }

    private func write(
        _ tensors: [String: Tensor], _ name: String, _ folder: ScratchFolder
    ) throws {
        try SafetensorsWriter.write(
            tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
            to: folder.path + "/" + name)
    }

    private func tied() -> DecoderConfiguration {
        var configuration = TinyModel.configuration
        configuration.tieWordEmbeddings = true
        return configuration
    }

    private func embedding(_ path: String) throws -> [Float]? {
        try Checkpoint(path: path).causalLM().parameters
            .first { $0.name == "model.embed_tokens.weight" }?.value.scalars()
    }

    @Test func theSingleFileComesBeforeAnIndexAndASentenceSaysSo() throws {
        let folder = try ScratchFolder()
        let tensors = TinyModel.tensors()
        _ = try folder.write(Array(json(TinyModel.configuration).utf8), "config.json")
        try write(tensors, "model.safetensors", folder)
        #expect(try Checkpoint(path: folder.path).notes.isEmpty)
        let old = tensors.mapValues { Tensor($0.scalars().map { 2 * $0 }, shape: $0.shape) }
        let part = "model-00001-of-00001.safetensors"
        try write(old, part, folder)
        let map = JSONValue.object(old.keys.sorted().map { .init($0, .string(part)) })
        let index: JSONValue = ["metadata": [:], "weight_map": map]
        _ = try folder.write(Array(index.serialized().utf8), "model.safetensors.index.json")
        let expected = tensors["model.embed_tokens.weight"]?.scalars()
        #expect(try embedding(folder.path) == expected)
        let note = try #require(try Checkpoint(path: folder.path).notes.first)
        #expect(note.contains(part) && note.contains("model.safetensors"))
        // Without it the index counts.
        try FileManager.default.removeItem(atPath: folder.path + "/model.safetensors")
        #expect(try embedding(folder.path) != expected)
    }

    @Test func aModelThatWasSavedWithoutItsHeadIsRead() throws {
        let folder = try ScratchFolder()
        let tensors = TinyModel.tensors(tied())
        let bare = Dictionary(
            uniqueKeysWithValues: tensors.map {
                (String($0.key.dropFirst("model.".count)), $0.value)
            })
        try write(bare, "model.safetensors", folder)
        let classes = ["architectures": ["LlamaModel"] as JSONValue]
        _ = try folder.write(Array(json(tied(), changing: classes).utf8), "config.json")
        #expect(try embedding(folder.path) == tensors["model.embed_tokens.weight"]?.scalars())
        // What is written has its head, under the usual names.
        let target = try ScratchFolder()
        try Checkpoint(path: folder.path).causalLM().save(to: target.path)
        let written = try JSONValue(contentsOf: target.path + "/config.json")
        #expect(written["architectures"] == ["LlamaForCausalLM"])
        #expect(try Checkpoint(path: target.path).weights.names.contains("model.norm.weight"))
        // A head that is a matrix of its own is missing.
        var untied = tied()
        untied.tieWordEmbeddings = false
        _ = try folder.write(Array(json(untied, changing: classes).utf8), "config.json")
        let error = #expect(throws: FledgeError.self) { try Checkpoint(path: folder.path) }
        #expect(error?.message.contains("without its head") == true)
    }

    @Test(arguments: ["module.", "_orig_mod.", "base_model.model."])
    func anotherPrefixIsNamed(_ prefix: String) throws {
        let folder = try ScratchFolder()
        let tensors = Dictionary(
            uniqueKeysWithValues: TinyModel.tensors().map { (prefix + $0.key, $0.value) })
        try write(tensors, "model.safetensors", folder)
        _ = try folder.write(Array(json(TinyModel.configuration).utf8), "config.json")
        let error = #expect(throws: FledgeError.self) { try Checkpoint(path: folder.path) }
        #expect(error?.message.contains("'\(prefix)'") == true)
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity], [ElementType.float32, .bfloat16])
    func numbersThatAreNoneAreFoundOnLoading(_ value: Float, _ type: ElementType) throws {
        for name in ["model.layers.1.mlp.up_proj.weight", "model.norm.weight", "lm_head.weight"] {
            var tensors = TinyModel.tensors()
            var values = try #require(tensors[name]).scalars()
            values[11] = value
            tensors[name] = Tensor(values, shape: tensors[name]?.shape ?? [])
            for storage in [LinearStorage.plain, .quantized(.int8)] {
                let error = #expect(throws: FledgeError.self) {
                    try DecoderLM(
                        TinyModel.configuration, InMemoryTensors(tensors), storing: type,
                        linears: storage, path: "m")
                }
                #expect(error?.message.contains(name) == true && error?.location?.file == "m")
                #expect(error?.message.contains(name.contains("norm") ? "[11]" : "[0, 11]") == true)
            }
        }
    }

    @Test func theFirstOfManyElementsIsFound() {
        for type in [ElementType.float32, .bfloat16, .float64] {
            for (count, place) in [(1, 0), (4096, 4095), (4097, 4096), (20_000, 8191)] {
                var values = [Float](repeating: -3, count: count)
                #expect(Tensor(values, shape: [count]).converted(to: type).firstNonFinite == nil)
                values[place] = .nan
                values[count - 1] = -.infinity
                let tensor = Tensor(values, shape: [count]).converted(to: type)
                #expect(tensor.firstNonFinite == place, "\(type) \(count)")
            }
        }
        // The largest and the smallest numbers are numbers.
        let edges: [Float] = [
            .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0, .leastNonzeroMagnitude,
        ]
        #expect(Tensor(edges, shape: [4]).isFinite)
    }

    @Test func ofTwoRotarySettingsTheOlderSpellingCounts() throws {
        let base = TinyModel.configuration.json()
        func read(_ changes: [String: JSONValue]) throws -> DecoderConfiguration {
            var json = base
            json["rope_theta"] = nil
            json["rope_scaling"] = nil
            for (key, value) in changes { json[key] = value }
            return try DecoderConfiguration(json: json, file: "config.json")
        }
        let linear: JSONValue = ["rope_type": "linear", "factor": 2]
        let both = try read([
            "rope_scaling": linear, "rope_parameters": ["rope_type": "default", "rope_theta": 500],
            "rope_theta": 700,
        ])
        #expect(both.ropeScaling == .linear(factor: 2) && both.ropeTheta == 700)
        #expect(both.contradictions.count == 1)
        #expect(both.contradictions.first?.contains("rope_scaling counts") == true)
        // What agrees is no contradiction, whatever its spelling.
        let same = try read([
            "rope_scaling": ["type": "linear", "factor": 2],
            "rope_parameters": ["rope_type": "linear", "factor": 2, "rope_theta": 500],
            "rope_theta": 500.0,
        ])
        #expect(same.contradictions.isEmpty && same.ropeScaling == .linear(factor: 2))
        // A base that the setting which counts does not have is another one.
        let other = try read([
            "rope_scaling": ["type": "linear", "factor": 2],
            "rope_parameters": ["rope_type": "linear", "factor": 2, "rope_theta": 500],
        ])
        #expect(other.contradictions.count == 1 && other.ropeTheta == 10000)
        for length in [1e300, -1, 0] as [JSONValue] {
            #expect(throws: FledgeError.self) {
                try read([
                    "rope_scaling": [
                        "type": "yarn", "factor": 2, "original_max_position_embeddings": length,
                    ]
                ])
            }
            #expect(throws: FledgeError.self) {
                try read([
                    "rope_scaling": ["type": "yarn", "factor": 2],
                    "original_max_position_embeddings": length,
                ])
            }
        }
        #expect(
            try read(["rope_scaling": [:], "rope_parameters": ["rope_theta": 5]]).ropeTheta == 5)
        // Written again it stands once.
        let written = try DecoderConfiguration(json: both.json(), file: "config.json")
        #expect(written.contradictions.isEmpty && written.ropeScaling == both.ropeScaling)
        #expect(written.ropeTheta == both.ropeTheta)
    }

    @Test func theStoredTypeIsThatOfTheMatricesWhereNoneIsDeclared() throws {
        for (type, stored) in [
            (ElementType.bfloat16, SafetensorsType.bfloat16), (.float32, .float32),
        ] {
            let folder = try ScratchFolder()
            try write(
                TinyModel.tensors().mapValues { $0.shape.count == 2 ? $0.converted(to: type) : $0 },
                "model.safetensors", folder)
            _ = try folder.write(
                Array(json(TinyModel.configuration, changing: ["torch_dtype": .null]).utf8),
                "config.json")
            #expect(try Checkpoint(path: folder.path).storedType == stored)
        }
    }

    @Test func whatIsNoWeightFileIsCalledWhatItIs() throws {
        let folder = try ScratchFolder()
        _ = try folder.write(Array(json(TinyModel.configuration).utf8), "config.json")
        for (text, part) in [
            ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS"),
            ("<!DOCTYPE html><html></html>", "HTML"),
        ] {
            _ = try folder.write(Array(text.utf8), "model.safetensors")
            let error = #expect(throws: FledgeError.self) { try Checkpoint(path: folder.path) }
            #expect(error?.message.contains(part) == true)
        }
    }
}
