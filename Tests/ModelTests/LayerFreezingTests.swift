import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// Which parameters are trained when most are frozen (reference: 04 §3).
@Suite struct LayerFreezingTests {
    private func names(_ freezing: LayerFreezing, layers: Int = 3) throws -> [String] {
        var configuration = TinyModel.configuration
        configuration.layerCount = layers
        return try freezing.trained(of: TinyModel.make(configuration)).map(\.name)
    }

    @Test func lastAndFirstBlocks() throws {
        let last = try names(LayerFreezing(layerCount: 2))
        #expect(last.count == 18)
        #expect(last.allSatisfy { $0.contains(".1.") || $0.contains(".2.") })
        let first = try names(LayerFreezing(layerCount: -1))
        #expect(first.count == 9 && first.allSatisfy { $0.contains(".0.") })
        #expect(try names(LayerFreezing(layerCount: 7)).count == 27)
    }

    @Test func modulesInsideAndOutsideTheBlocks() throws {
        let mlp = try names(LayerFreezing(layerCount: 1, modules: ["mlp", "input_layernorm"]))
        #expect(
            mlp == [
                "model.layers.2.input_layernorm.weight", "model.layers.2.mlp.gate_proj.weight",
                "model.layers.2.mlp.up_proj.weight", "model.layers.2.mlp.down_proj.weight",
            ])
        let extra = try names(
            LayerFreezing(layerCount: 1, modules: ["mlp"], extraModules: ["embed_tokens"]))
        #expect(extra.first == "model.embed_tokens.weight" && extra.count == 4)
        // As in the reference a name matches wherever it is a part of a parameter's name.
        let norms = try names(
            LayerFreezing(layerCount: 1, modules: ["mlp"], extraModules: ["norm"]))
        #expect(norms.contains("model.norm.weight"))
        #expect(norms.contains("model.layers.0.input_layernorm.weight"))
    }

    @Test func namesThatAreNotThere() {
        for freezing in [
            LayerFreezing(modules: ["embed_tokens"]), LayerFreezing(extraModules: ["mlp"]),
        ] {
            let error = #expect(throws: FledgeError.self) { try names(freezing) }
            #expect(error?.message.contains("is not found, please choose from") == true)
        }
        #expect(throws: FledgeError.self) { try names(LayerFreezing(layerCount: 0)) }
    }
}
