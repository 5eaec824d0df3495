import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// A random decoder that transformers made and computed: every form in which a model can be stored.
@Suite("A tiny Llama against transformers")
struct TinyLlamaTests {
    private static let folder = fixtures + "/tiny-llama"

    /// Rounding of stored weights is part of the expected logits, so tolerances are those of float32.
    @Test(arguments: ["float32", "sharded", "float16", "bfloat16", "model.gguf"])
    func logitsAreThoseOfTransformers(_ form: String) throws {
        let expected = try JSONValue(contentsOf: Self.folder + "/expected.json")
        let name = form == "model.gguf" ? "gguf" : form
        let ids = (expected["ids"]?.arrayValue ?? []).compactMap(\.intValue).map { Int32($0) }
        let wanted = (expected["logits"]?[name]?.arrayValue ?? []).compactMap(\.doubleValue)
        let model = try Checkpoint(path: Self.folder + "/" + form).causalLM(storing: .float32)
        let hidden = model.hiddenStates(
            ids, layout: SequenceLayout(lengths: [ids.count]), ForwardPass(.float32))
        let scores = logits(hidden, head: model.head).scalars()
        #expect(wanted.count == scores.count)
        let difference = zip(wanted, scores).map { abs($0 - Double($1)) }.max() ?? .infinity
        #expect(difference < 2e-5)
    }

    @Test func savedModelsComeBackBitForBit() throws {
        let model = try Checkpoint(path: Self.folder + "/float32").causalLM(storing: .float32)
        for shardByteCount in [5_000_000_000, 20_000] {
            let folder = try TemporaryFolder()
            try model.save(to: folder.path, as: .float32, shardByteCount: shardByteCount)
            let again = try Checkpoint(path: folder.path).causalLM(storing: .float32)
            for (a, b) in zip(model.parameters, again.parameters) {
                #expect(a.name == b.name && a.value.hasSameBytes(as: b.value), "\(a.name)")
            }
        }
    }

    @Test func aMissingTensorIsNamed() throws {
        var tensors = TinyModel.tensors()
        tensors["model.layers.1.mlp.up_proj.weight"] = nil
        let error = #expect(throws: FledgeError.self) {
            _ = try DecoderLM(TinyModel.configuration, InMemoryTensors(tensors), storing: .float32)
        }
        #expect(error?.message.contains("model.layers.1.mlp.up_proj.weight") == true)
    }

    @Test func aTensorOfAnotherShapeIsNamed() throws {
        var tensors = TinyModel.tensors()
        tensors["model.norm.weight"] = Tensor(zeros: [17])
        let error = #expect(throws: FledgeError.self) {
            _ = try DecoderLM(TinyModel.configuration, InMemoryTensors(tensors), storing: .float32)
        }
        #expect(error?.code == .mismatch)
    }

    @Test func aTensorThatNobodyReadsIsAnError() throws {
        var tensors = TinyModel.tensors()
        tensors["model.layers.0.self_attn.q_norm.weight"] = Tensor(zeros: [4])
        let error = #expect(throws: FledgeError.self) {
            _ = try DecoderLM(TinyModel.configuration, InMemoryTensors(tensors), storing: .float32)
        }
        #expect(error?.code == .unsupported)
    }
}
