import FledgeAdapters
import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

@Suite("PEFT folders")
struct PEFTFormatTests {
    /// An adapter folder of the toy model, with changes to its configuration.
    private func folder(
        _ method: LoRA = LoRA(rank: 4, alpha: 8), changing: [String: JSONValue] = [:]
    ) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try TinyModel.make().attach(method, seed: 1).save(to: folder.path)
        let path = folder.path + "/adapter_config.json"
        var json = try JSONValue(contentsOf: path)
        for (key, value) in changing { json[key] = value }
        try AtomicFile.write(json.serialized(), to: path)
        return folder
    }

    private func failure(_ folder: TemporaryFolder, _ model: DecoderLM? = nil) throws
        -> FledgeError?
    {
        let model = try model ?? TinyModel.make()
        return #expect(throws: FledgeError.self) {
            _ = try model.attachAdapter(folder: folder.path)
        }
    }

    @Test func keysAndShapesAreThoseOfPEFT() throws {
        let folder = try folder(LoRA(rank: 4, targets: .named(["q_proj"])))
        let file = try SafetensorsFile(path: folder.path + "/adapter_model.safetensors")
        let module = "base_model.model.model.layers.0.self_attn.q_proj"
        #expect(file.names.count == 4)
        #expect(file.shape(of: module + ".lora_A.weight") == [4, 16])
        #expect(file.shape(of: module + ".lora_B.weight") == [16, 4])
        #expect(file.metadata == ["format": "pt"])
    }

    @Test func patternsGiveSingleModulesTheirOwnRankAndScale() throws {
        let model = try TinyModel.make()
        let adapters = try model.attach(
            LoRA(rank: 4, alpha: 8, targets: .named(["q_proj"])), seed: 1)
        _ = adapters
        let folder = try folder(
            LoRA(rank: 4, alpha: 8, targets: .named(["q_proj"])),
            changing: ["alpha_pattern": .object(["layers.1.self_attn.q_proj": 2])])
        let other = try TinyModel.make()
        let loaded = try other.attachAdapter(folder: folder.path)
        let scales = loaded.layers.compactMap { ($0.adapter as? LoRAAdapter)?.scaling }
        #expect(scales == [2, 0.5])
    }

    static let changes: [(String, JSONValue)] = [
        ("use_dora", true), ("fan_in_fan_out", true), ("init_lora_weights", "pissa"),
        ("peft_type", "IA3"), ("lora_bias", true), ("target_parameters", ["x"]),
    ]

    @Test(arguments: changes) func whatWouldChangeTheComputationIsAnError(
        _ key: String, _ value: JSONValue
    ) throws {
        let error = try failure(try folder(changing: [key: value]))
        #expect(error?.code == .unsupported)
    }

    @Test func unknownFieldsAreTolerated() throws {
        let folder = try folder(changing: ["some_new_field": .null, "megatron_core": "x"])
        _ = try TinyModel.make().attachAdapter(folder: folder.path)
    }

    @Test func anAdapterOfAnotherModelIsAnError() throws {
        var configuration = TinyModel.configuration
        configuration.hiddenSize = 32
        configuration.headDimension = 8
        let error = try failure(try folder(), try TinyModel.make(configuration))
        #expect(error?.code == .mismatch)
        configuration = TinyModel.configuration
        configuration.layerCount = 1
        #expect(try failure(try folder(), try TinyModel.make(configuration))?.code == .mismatch)
    }

    @Test func missingTensorsAreAnError() throws {
        var configuration = TinyModel.configuration
        configuration.layerCount = 3
        let error = try failure(try folder(), try TinyModel.make(configuration))
        #expect(error?.message.contains("is missing") == true)
    }

    @Test func aMissingFolderIsNamed() throws {
        let error = #expect(throws: FledgeError.self) {
            _ = try TinyModel.make().attachAdapter(folder: "no/such/adapter")
        }
        #expect(error?.code == .fileNotFound)
        #expect(error?.location?.file == "no/such/adapter")
    }
}
