import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Experts in GGUF files (`Scripts/reference/expert_gguf.py`).
@Suite struct ExpertGGUFTests {
    private static let folder = fixtures + "/expert-gguf"

    /// The model of a family's fixture without layers that have no experts.
    private func model(_ name: String) throws -> DecoderLM {
        let checkpoint = try Checkpoint(path: fixtures + "/families/" + name)
        var json = try JSONValue(contentsOf: checkpoint.path + "/config.json")
        let weights = checkpoint.weights
        func layer(_ name: String) -> Int? {
            let parts = name.split(separator: ".")
            return parts.count > 3 && parts[1] == "layers" ? Int(parts[2]) : nil
        }
        let kept = Set(weights.names.filter { $0.contains(".experts.") }.compactMap(layer)).sorted()
        json["num_hidden_layers"] = .integer(kept.count)
        (json["mlp_only_layers"], json["decoder_sparse_step"]) = ([], 1)
        if json["layer_types"] != nil, kept.count < 3 { json["layer_types"] = nil }
        var tensors: [String: Tensor] = [:]
        for name in weights.names {
            var own = name
            if let old = layer(name) {
                guard let new = kept.firstIndex(of: old) else { continue }
                own = name.replacing("layers.\(old).", with: "layers.\(new).")
            }
            tensors[own] = try weights.tensor(named: name, as: .float32)
        }
        return try DecoderLM(
            DecoderConfiguration(json: json, file: "config.json"), InMemoryTensors(tensors),
            storing: .float32)
    }

    private func states(_ model: DecoderLM, _ count: Int = 20) -> [Double] {
        model.hiddenStates(
            (0..<count).map { Int32($0 + 3) }, layout: SequenceLayout(lengths: [count]),
            ForwardPass(.float32)
        ).doubles()
    }

    @Test(arguments: ["qwen2-moe", "qwen3-moe", "mixtral", "gpt-oss"])
    func filesOfLlamaCpp(_ name: String) throws {
        let file = try Checkpoint(path: "\(Self.folder)/\(name).gguf")
        let read = try file.causalLM()
        let closeness = Closeness(states(read), states(try model(name)))
        #expect(closeness.isWithin(1e-5), "\(name): \(closeness)")
        // Names in messages are the file's.
        for tensor in file.weights.names {
            #expect(file.weights.storedName(of: tensor).hasPrefix("model") == false, "\(tensor)")
        }
        // What is saved is a folder with experts one by one.
        let folder = try ScratchFolder()
        try read.save(to: folder.path)
        let again = try Checkpoint(path: folder.path).causalLM()
        #expect(states(again) == states(read))
    }

    /// Slices of blocks are those of the whole, expanded and kept.
    @Test func expertsInBlocks() throws {
        let checkpoint = try Checkpoint(path: Self.folder + "/blocks.gguf")
        let expected = try SafetensorsFile(path: Self.folder + "/blocks.safetensors")
        for (stored, part) in [
            ("ffn_gate_exps", "gate_proj"), ("ffn_up_exps", "up_proj"),
            ("ffn_down_exps", "down_proj"),
        ] {
            let whole = try expected.tensor(named: "blk.0.\(stored).weight", as: .float32)
            for expert in 0..<3 {
                let name = "model.layers.0.mlp.experts.\(expert).\(part).weight"
                let found = try checkpoint.weights.tensor(named: name, as: .float32)
                let size = found.count
                #expect(
                    found.scalars() == Array(whole.scalars()[expert * size..<(expert + 1) * size]),
                    "\(name)")
            }
        }
        let (plain, kept) = (
            try checkpoint.causalLM(), try checkpoint.causalLM(linears: .blocksOfFile)
        )
        // Gates, ups and attention; MXFP4 is expanded.
        #expect(kept.quantizedMatrices.count == 4 + 6)
        #expect(Closeness(states(kept), states(plain)).isWithin(1e-4))
        kept.dequantize(as: .float32)
        #expect(kept.quantizedMatrices.isEmpty)
        #expect(Closeness(states(kept), states(plain)).isWithin(1e-5))
    }

    @Test func stacksThatAreNone() throws {
        var file = TinyGGUF()
        file.metadata["llama.expert_count"] = .uint32(2)
        file.metadata["llama.expert_used_count"] = .uint32(1)
        for shape in [[4], [0, 4, 4]] {
            file.tensors["blk.0.ffn_gate_exps.weight"] = Tensor(zeros: shape)
            let folder = try ScratchFolder()
            let error = #expect(throws: FledgeError.self) {
                _ = try Checkpoint(path: folder.write(file.bytes, "m.gguf"))
            }
            #expect(error?.message.contains("ffn_gate_exps") == true)
        }
    }
}
