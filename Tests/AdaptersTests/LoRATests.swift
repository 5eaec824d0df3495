import FledgeAdapters
import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

@Suite("LoRA")
struct LoRATests {
    private let batch = TokenBatch(sequences: [[1, 4, 5, 6, 7], [3, 9]])

    private func fill(_ adapters: AdapterSet) {
        for parameter in adapters.parameters {
            parameter.value = TinyModel.tensor(parameter.name, parameter.value.shape)
        }
    }

    @Test(arguments: [
        LoRA(rank: 4, alpha: 8), LoRA(rank: 1, targets: .named(["q_proj"])),
        LoRA(
            rank: 3, alpha: 5, targets: .named(["mlp.down_proj", "layers.1.self_attn.v_proj"]),
            isRankStabilized: true),
    ]) func adaptersConform(_ method: LoRA) throws {
        let findings = try AdapterChecks.findings(
            make: { try TinyModel.make() }, attach: { try $0.attach(method, seed: 7) },
            change: fill, batch: batch)
        #expect(findings.isEmpty)
    }

    /// Losses and generators multiply by the head's matrix: an adapter there would do nothing, silently.
    @Test func anAdapterOfTheHeadIsRefusedUnlessItIsMerged() throws {
        for targets in [["lm_head"], ["q_proj", "lm_head"]] {
            let model = try TinyModel.make()
            let error = #expect(throws: FledgeError.self) {
                _ = try model.attach(LoRA(rank: 2, targets: .named(targets)), seed: 1)
            }
            #expect(error?.code == .unsupported && error?.message.contains("lm_head") == true)
            #expect(model.linears.allSatisfy { $0.adapter == nil })
        }
        // As PEFT writes one.
        let folder = try TemporaryFolder()
        let other = try TinyModel.make()
        let adapters = try other.attach(LoRA(rank: 2, targets: .named(["q_proj"])), seed: 1)
        try adapters.save(to: folder.path)
        let shapes = ["lora_A": [2, 16], "lora_B": [24, 2]]
        let tensors = shapes.map { name, shape in
            let path = "base_model.model.lm_head.\(name).weight"
            return (path, TinyModel.tensor(path, shape))
        }
        try SafetensorsWriter.write(tensors, to: folder.path + "/adapter_model.safetensors")
        let path = folder.path + "/adapter_config.json"
        var json = try JSONValue(contentsOf: path)
        json["target_modules"] = ["lm_head"]
        try AtomicFile.write(json.serialized(), to: path)
        let trained = try TinyModel.make()
        #expect(throws: FledgeError.self) {
            _ = try trained.attachAdapter(folder: folder.path, trainable: true)
        }
        let merged = try TinyModel.make()
        let before = try #require(merged.head.parameter).value.scalars()
        try merged.attachAdapter(folder: folder.path).merge()
        #expect(try #require(merged.head.parameter).value.scalars() != before)
    }

    @Test func theChecksCatchAWrongAdapter() throws {
        let findings = try AdapterChecks.findings(
            make: { try TinyModel.make() },
            attach: { model in
                let adapters = try model.attach(LoRA(rank: 2), seed: 7)
                // Not fresh: B is not zero. Merging with a wrong scale shows as well.
                for layer in adapters.layers.prefix(1) {
                    layer.adapter = WrongScale(try #require(layer.adapter as? LoRAAdapter))
                }
                return adapters
            }, change: fill, batch: batch)
        #expect(findings.contains("the merged model differs"))
    }

    /// Logits of the reference for the specification's adapter, plain and rank-stabilised.
    @Test(arguments: [
        (false, [-0.0827638, 0.1287546, 0.3552851, -1.0996175, 0.3959715, -0.7837731]),
        (true, [-0.0107579, 0.0937473, 0.2893267, -1.0701102, 0.3343961, -0.7826148]),
    ]) func logitsAreThoseOfTheReference(_ isRankStabilized: Bool, _ expected: [Double]) throws {
        let model = try TinyModel.make()
        fill(
            try model.attach(
                LoRA(
                    rank: 4, alpha: 8, targets: .named(["q_proj", "v_proj"]),
                    isRankStabilized: isRankStabilized), seed: 1))
        let hidden = model.hiddenStates(
            TokenBatch(sequences: [[1, 4, 5, 6, 7]]), ForwardPass(.float32))
        let scores = logits(hidden, head: model.head, rows: [4]).scalars()
        for (value, expected) in zip(scores, expected) {
            #expect(abs(Double(value) - expected) < 2e-6)
        }
    }

    @Test func mergedWeightsAreThoseOfTheReference() throws {
        let model = try TinyModel.make()
        let adapters = try model.attach(
            LoRA(rank: 4, alpha: 8, targets: .named(["q_proj", "v_proj"])), seed: 1)
        fill(adapters)
        adapters.merge()
        let weight = try #require(
            model.linears.first { $0.name.hasSuffix("layers.0.self_attn.q_proj") })
        let expected: [Float] = [0.0416331, -0.1668099, 0.0490128, -0.2762473]
        for (value, expected) in zip(weight.weight.value.scalars(), expected) {
            #expect(abs(value - expected) < 1e-6)
        }
    }

    @Test func initialisationDependsOnSeedAndNameAlone() throws {
        func down(_ method: LoRA, _ seed: UInt64) throws -> [Float] {
            let adapters = try TinyModel.make().attach(method, seed: seed)
            return try #require(
                adapters.parameters.first { $0.name.contains("layers.1.self_attn.v_proj.lora_A") }
            )
            .value.scalars()
        }
        let all = try down(LoRA(rank: 4), 42)
        #expect(try down(LoRA(rank: 4, targets: .named(["v_proj"])), 42) == all)
        #expect(try down(LoRA(rank: 4), 43) != all)
        #expect(all.allSatisfy { abs($0) <= 0.25 } && all.contains { abs($0) > 0.2 })
    }

    @Test func aTargetThatMatchesNothingIsAnError() throws {
        let error = #expect(throws: FledgeError.self) {
            try TinyModel.make().attach(LoRA(targets: .named(["q_proj", "query"])), seed: 1)
        }
        #expect(error?.message.contains("'query'") == true)
        #expect(error?.advice.contains("q_proj") == true)
    }
}

private final class WrongScale: LinearAdapter {
    private let right: LoRAAdapter

    init(_ right: LoRAAdapter) { self.right = right }

    func describe(to description: inout ModuleDescription) { right.describe(to: &description) }

    func apply(to input: Tensor, of map: LinearMap, _ pass: ForwardPass) -> Tensor {
        right.apply(to: input, of: map, pass)
    }

    func merged(into weight: Tensor) -> Tensor { weight }

    func activationBytes(_ run: TokenMemory) -> Int { right.activationBytes(run) }
}
