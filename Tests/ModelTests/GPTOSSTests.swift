import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// What GPT-OSS has of its own: experts in four-bit blocks, and settings.
@Suite struct GPTOSSTests {
    private let path = fixtures + "/families/gpt-oss"

    /// The file's blocks and what transformers makes of them (`Scripts/reference/mxfp4.py`).
    private func blocks() throws -> SafetensorsFile {
        try SafetensorsFile(path: fixtures + "/mxfp4.safetensors")
    }

    /// A model whose first stack is in blocks is the one that has it expanded, and is saved so.
    @Test func blocksAreThoseOfTransformers() throws {
        let file = try blocks()
        let stack = "model.layers.0.mlp.experts.gate_up_proj"
        let tensors = [
            "\(stack)_blocks": try file.tensor(named: "blocks"),
            "\(stack)_scales": try file.tensor(named: "scales"),
        ]
        let source = try #require(
            try StackedTensors(ByteTensors(tensors), GPTOSS().stacks, path: "here"))
        // [experts, inputs, outputs], gates and ups by turns.
        let whole = try file.tensor(named: "expanded", as: .float32)
        let (inputs, outputs) = (whole.shape[1], whole.shape[2])
        let values = whole.scalars()
        for type in [ElementType.float32, .bfloat16] {
            for expert in 0..<whole.shape[0] {
                for (offset, part) in ["gate_proj", "up_proj"].enumerated() {
                    let found = try source.tensor(
                        named: "model.layers.0.mlp.experts.\(expert).\(part).weight", as: type
                    )
                    #expect(found.shape == [outputs / 2, inputs])
                    var wanted: [Float] = []
                    for output in 0..<outputs / 2 {
                        for input in 0..<inputs {
                            wanted.append(
                                values[(expert * inputs + input) * outputs + 2 * output + offset])
                        }
                    }
                    #expect(found.scalars() == wanted, "\(expert) \(part)")
                }
            }
        }
    }

    /// The published form: `quantization_config` and blocks in config.json and files; saved plain.
    @Test func publishedFolder() throws {
        let channels = 32
        var json = try JSONValue(contentsOf: path + "/config.json")
        json["hidden_size"] = .integer(channels)
        json["intermediate_size"] = .integer(channels)
        json["num_hidden_layers"] = 1
        json["layer_types"] = ["full_attention"]
        json["quantization_config"] = ["quant_method": "mxfp4"]
        json["swiglu_limit"] = 7.0
        let (experts, heads) = (5, 4 * 8)
        let prefix = "model.layers.0."
        let shapes: [String: [Int]] = [
            "model.embed_tokens.weight": [48, channels], "lm_head.weight": [48, channels],
            "model.norm.weight": [channels], "\(prefix)input_layernorm.weight": [channels],
            "\(prefix)post_attention_layernorm.weight": [channels],
            "\(prefix)self_attn.q_proj.weight": [heads, channels],
            "\(prefix)self_attn.q_proj.bias": [heads],
            "\(prefix)self_attn.k_proj.weight": [16, channels],
            "\(prefix)self_attn.k_proj.bias": [16],
            "\(prefix)self_attn.v_proj.weight": [16, channels],
            "\(prefix)self_attn.v_proj.bias": [16],
            "\(prefix)self_attn.o_proj.weight": [channels, heads],
            "\(prefix)self_attn.o_proj.bias": [channels],
            "\(prefix)self_attn.sinks": [4], "\(prefix)mlp.router.weight": [experts, channels],
            "\(prefix)mlp.router.bias": [experts],
            "\(prefix)mlp.experts.gate_up_proj_bias": [experts, 2 * channels],
            "\(prefix)mlp.experts.down_proj_bias": [experts, channels],
        ]
        var tensors = shapes.map { (name: $0.key, tensor: TinyModel.tensor($0.key, $0.value)) }
        for (part, outputs) in [("gate_up_proj", 2 * channels), ("down_proj", channels)] {
            for (ending, shape) in [
                ("blocks", [experts, outputs, 1, 16]), ("scales", [experts, outputs, 1]),
            ] {
                let name = "\(prefix)mlp.experts.\(part)_\(ending)"
                let bytes = TinyModel.values(name, count: shape.reduce(1, *), scale: 1).map {
                    UInt8(ending == "blocks" ? ($0 + 0.5) * 255 : 122 + ($0 + 0.5) * 4)
                }
                tensors.append((name, Tensor(bytes: bytes, shape: shape)))
            }
        }
        let folder = try ScratchFolder()
        try SafetensorsWriter.write(tensors, to: folder.path + "/model.safetensors")
        try Data(json.serialized().utf8).write(to: URL(filePath: folder.path + "/config.json"))
        let checkpoint = try Checkpoint(path: folder.path)
        #expect(checkpoint.notes.isEmpty, "\(checkpoint.notes)")
        let model = try checkpoint.causalLM(storing: .bfloat16)
        let saved = try ScratchFolder()
        try model.save(to: saved.path, as: .bfloat16)
        let written = try SafetensorsFile(path: saved.path + "/model.safetensors")
        #expect(
            written.shape(of: "\(prefix)mlp.experts.gate_up_proj") == [
                experts, channels, 2 * channels,
            ])
        #expect(written.storedType(of: "\(prefix)mlp.experts.gate_up_proj") == .bfloat16)
        #expect(!written.names.contains { $0.hasSuffix("_blocks") || $0.hasSuffix("_scales") })
        let config = try JSONValue(contentsOf: saved.path + "/config.json")
        #expect(config["quantization_config"] == nil)
        let again = try Checkpoint(path: saved.path).causalLM(storing: .bfloat16)
        for (one, other) in zip(model.parameters, again.parameters) {
            #expect(
                one.name == other.name
                    && one.value.converted(to: .bfloat16).hasSameBytes(
                        as: other.value.converted(to: .bfloat16)),
                "\(one.name)")
        }
    }

    @Test func blocksThatDoNotFit() throws {
        for (blocks, scales) in [
            ([2, 4, 1, 15], [2, 4, 1]), ([2, 4, 1, 16], [2, 4, 2]), ([2, 4, 16], [2, 4]),
            ([2, 4, 0, 16], [2, 4, 0]),
        ] {
            let error = #expect(throws: FledgeError.self) {
                _ = try StackedTensors(
                    ByteTensors([
                        "a.mlp.experts.down_proj_blocks": Tensor(zeros: blocks, .uint8),
                        "a.mlp.experts.down_proj_scales": Tensor(zeros: scales, .uint8),
                    ]), GPTOSS().stacks, path: "here")
            }
            #expect(error?.message.contains("down_proj") == true, "\(blocks)")
        }
        // An exponent of 255 stands for no number.
        let source = try #require(
            try StackedTensors(
                ByteTensors([
                    "a.mlp.experts.down_proj_blocks": Tensor(zeros: [1, 1, 1, 16], .uint8),
                    "a.mlp.experts.down_proj_scales": Tensor(bytes: [255], shape: [1, 1, 1]),
                ]), GPTOSS().stacks, path: "here"))
        let spoiled = try source.tensor(named: "a.mlp.experts.0.down_proj.weight", as: .float32)
        #expect(throws: FledgeError.self) { try spoiled.requireFinite("w", at: "here") }
    }

    @Test func settings() throws {
        func windows(_ changes: [String: JSONValue]) throws -> DecoderConfiguration {
            var json = try JSONValue(contentsOf: path + "/config.json")
            for (key, value) in changes { json[key] = value }
            return try DecoderConfiguration(json: json, file: "config.json")
        }
        #expect(try windows(["layer_types": .null]).windows == [6, nil, 6])
        // Where nothing says how positions are stretched.
        let plain = try windows(["rope_parameters": .null])
        #expect(plain.ropeTheta == 150_000)
        guard case .yarn(let yarn) = plain.ropeScaling else {
            Issue.record("\(plain.ropeScaling)")
            return
        }
        #expect(yarn.factor == 32 && yarn.originalMaxPositions == 4096 && !yarn.truncates)
        for (key, value) in [
            ("swiglu_limit", 6), ("quantization_config", ["quant_method": "gptq"]),
            ("num_local_experts", 1),
        ] as [(String, JSONValue)] {
            #expect(throws: FledgeError.self) { try windows([key: value]) }
        }
    }
}

/// Tensors of any type in memory.
private struct ByteTensors: TensorSource {
    let tensors: [String: Tensor]

    init(_ tensors: [String: Tensor]) { self.tensors = tensors }

    var names: [String] { tensors.keys.sorted() }

    func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    func tensor(named name: String, as type: ElementType) throws -> Tensor {
        try #require(tensors[name])
    }
}

extension Tensor {
    fileprivate init(bytes: [UInt8], shape: [Int]) {
        self.init(zeros: shape, .uint8)
        withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
    }
}
