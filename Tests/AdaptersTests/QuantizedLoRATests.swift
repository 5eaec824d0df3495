import FledgeAdapters
import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// Low-rank adapters on quantised layers (QLoRA, Dettmers et al. 2023).
@Suite("LoRA on quantised layers")
struct QuantizedLoRATests {
    private let batch = TokenBatch(sequences: [[1, 4, 5, 6, 7], [3, 9]])

    private func make() throws -> DecoderLM {
        try DecoderLM(
            TinyModel.configuration, InMemoryTensors(TinyModel.tensors()), storing: .float32,
            linears: .quantized(.fourBit(.nf4, hasNestedScales: true)))
    }

    private func fill(_ adapters: AdapterSet) {
        for parameter in adapters.parameters {
            parameter.value = TinyModel.tensor(parameter.name, parameter.value.shape)
        }
    }

    /// The conformance of every adapter; merging is into the expanded weights.
    @Test func adaptersConform() throws {
        let findings = try AdapterChecks.findings(
            make: make, attach: { try $0.attach(LoRA(rank: 4, alpha: 8), seed: 7) },
            change: fill, batch: batch, beforeMerging: { $0.dequantize(as: .float32) })
        #expect(findings.isEmpty, "\(findings)")
    }

    @Test func gradientsAreThoseOfTheExpandedModel() throws {
        let quantized = try make()
        let expanded = try make()
        expanded.dequantize(as: .float32)
        let results = try [quantized, expanded].map { model in
            let adapters = try model.attach(LoRA(rank: 4, alpha: 8), seed: 7)
            fill(adapters)
            let parameters = adapters.parameters
            let (loss, gradients) = valueAndGradients(of: parameters) {
                let hidden = model.hiddenStates(batch, ForwardPass(.float32))
                return sum(hidden * TinyModel.tensor("projection", hidden.shape))
            }
            return (loss.scalar, parameters.map { gradients[$0]?.scalars() ?? [] })
        }
        #expect(results[0].0 == results[1].0)
        #expect(results[0].1 == results[1].1)
        #expect(results[0].1.allSatisfy { $0.contains { $0 != 0 } })
    }
}
