import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// Where configuration and weights contradict each other, the setting is named and not the first
/// tensor that is missing or left over.
@Suite struct LayerAgreementTests {
    private func message(
        _ change: (inout DecoderConfiguration) -> Void, adding: [String: Tensor] = [:],
        removing: (String) -> Bool = { _ in false }
    ) -> String {
        var configuration = TinyModel.configuration
        change(&configuration)
        let tensors = TinyModel.tensors().merging(adding) { $1 }.filter { !removing($0.key) }
        let error = #expect(throws: FledgeError.self) {
            try DecoderLM(
                configuration, InMemoryTensors(tensors), storing: .float32, path: "m")
        }
        return error?.description ?? ""
    }

    @Test func layers() {
        for count in [1, 3, 1 << 30] {
            let text = message { $0.layerCount = count }
            #expect(
                text.contains("The weights have 2 layers, num_hidden_layers is \(count)"),
                "\(text)")
        }
        // One tensor of a layer is another matter.
        let text = message({ _ in }) { $0 == "model.layers.1.mlp.up_proj.weight" }
        #expect(text.contains("model.layers.1.mlp.up_proj.weight") && text.contains("missing"))
    }

    @Test func biases() {
        let attention = message {
            ($0.attentionBias, $0.attentionOutputBias) = (true, true)
        }
        #expect(attention.contains("attention_bias is true, and the weights have none"))
        #expect(attention.contains("set attention_bias to false"))
        #expect(message { $0.mlpBias = true }.contains("mlp_bias is true"))
        let qwen = message {
            ($0.family, $0.modelType, $0.attentionBias) = (Qwen2(), "qwen2", true)
        }
        #expect(qwen.contains("model_type \"qwen2\" stands for a model with biases"))
        for (name, setting) in [
            ("self_attn.q_proj", "attention_bias"), ("self_attn.o_proj", "attention_bias"),
            ("mlp.up_proj", "mlp_bias"), ("mlp.down_proj", "mlp_bias"),
        ] {
            let full = "model.layers.1.\(name).bias"
            let text = message({ _ in }, adding: [full: Tensor(zeros: [16])])
            #expect(
                text.contains("\(setting) is false, and the weights have \(full)"), "\(text)")
            #expect(text.contains("set \(setting) to true"))
        }
        for text in [attention, qwen] { #expect(!text.contains("incomplete")) }
    }
}
