import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Models with experts: the balance of their routers, and stacks in files.
@Suite struct ExpertFamilyTests {
    static let balanced = FamilyFixture.names.filter {
        (try? FamilyFixture($0))?.expected["balance"] != nil
    }

    /// The loss and its gradients, with the cross-entropy beside it at no weight.
    private func balance(
        _ model: DecoderLM, _ ids: [Int32], _ layout: SequenceLayout, scale: Double,
        recomputes: Bool = false
    ) -> (loss: Double, gradients: Gradients) {
        let routers = RouterBalance()
        var pass = ForwardPass(.float32)
        (pass.routers, pass.recomputesBlocks) = (routers, recomputes)
        var loss = 0.0
        let gradients = valueAndGradients(of: model.parameters) {
            let hidden = model.hiddenStates(ids, layout: layout, pass)
            let supervision = Supervision(rows: [Int32(layout.count - 1)], targets: [1])
            loss = routers.close(scale: scale)
            return tokenCrossEntropy(hidden, head: model.head, supervision) * 0
        }.gradients
        return (loss, gradients)
    }

    @Test func thereAreSome() { #expect(Self.balanced.count >= 5) }

    @Test(arguments: balanced) func balanceAndItsGradientsAreThoseOfTransformers(
        _ name: String
    ) throws {
        let fixture = try FamilyFixture(name)
        let model = try fixture.model()
        model.makeTrainable()
        let expected = try #require(fixture.expected["balance"]?.doubleValue)
        let names = fixture.tensors.names.filter { $0.hasPrefix("balance.") }
        #expect(names.count > 1)
        for recomputes in [false, true] {
            let (loss, gradients) = balance(
                model, fixture.ids, fixture.layout, scale: 3, recomputes: recomputes)
            #expect(abs(loss - expected) < 1e-5 * expected, "\(name): \(loss) of \(expected)")
            for wanted in names {
                let own = wanted.dropFirst("balance.".count)
                let parameter = try #require(model.parameters.first { $0.name == own }, "\(own)")
                let found = try #require(gradients[parameter])
                let closeness = Closeness(
                    found, try fixture.tensors.tensor(named: wanted, as: .float32) * 3)
                #expect(closeness.isWithin(1e-4), "\(name) \(own): \(closeness)")
            }
        }
    }

    /// A prefix counts once for each sequence that has it.
    @Test(arguments: balanced) func sharedPrefixesCountAsOften(_ name: String) throws {
        let fixture = try FamilyFixture(name)
        let model = try fixture.model()
        model.makeTrainable()
        let (prefix, one, other) = (
            Array(fixture.rows[1].prefix(7)), fixture.rows[0], fixture.rows[2]
        )
        let shared = balance(
            model, prefix + one + other,
            SequenceLayout(
                lengths: [prefix.count, one.count, other.count], parents: [nil, 0, 0]), scale: 1)
        let apart = balance(
            model, prefix + one + prefix + other,
            SequenceLayout(
                lengths: [prefix.count + one.count, prefix.count + other.count]), scale: 1)
        #expect(abs(shared.loss - apart.loss) < 1e-6)
        for parameter in model.parameters where parameter.name.contains("gate") {
            guard let left = shared.gradients[parameter], let right = apart.gradients[parameter]
            else { continue }
            let closeness = Closeness(left, right)
            #expect(closeness.isWithin(1e-4), "\(name) \(parameter.name): \(closeness)")
        }
    }

    /// Stacks hold what files with experts one by one hold, and are saved as stacks.
    @Test(arguments: ["mixtral", "qwen2-moe"]) func stacks(_ name: String) throws {
        let (apart, stacked) = (try FamilyFixture(name), try FamilyFixture(name + "-stacked"))
        func states(_ fixture: FamilyFixture) throws -> [Float] {
            try fixture.model().hiddenStates(
                fixture.ids, layout: fixture.layout, ForwardPass(.float32)
            ).scalars()
        }
        #expect(try states(apart) == states(stacked))
        let names = try Checkpoint(path: stacked.path).weights.names
        #expect(try names.count == Checkpoint(path: apart.path).weights.names.count)
        #expect(names.contains { $0.hasSuffix(".mlp.experts.1.down_proj.weight") })
        let folder = try ScratchFolder()
        let model = try stacked.model(.bfloat16)
        model.makeTrainable { $0.name.contains(".experts.1.") }
        // A stack is written as precisely as its most precise part.
        try model.save(to: folder.path)
        let written = try SafetensorsFile(path: folder.path + "/model.safetensors")
        let stack = try #require(written.names.first { $0.hasSuffix("experts.down_proj") })
        #expect(written.storedType(of: stack) == .float32)
        // What a run goes on from.
        for parameter in model.trainableParameters {
            parameter.master = Tensor(zeros: parameter.value.shape)
            parameter.value = Tensor(zeros: parameter.value.shape, .bfloat16)
        }
        try TrainedModel(model).restore(from: folder.path)
        let again = try stacked.model(.bfloat16)
        for (parameter, fresh) in zip(model.parameters, again.parameters) {
            #expect(parameter.value.hasSameBytes(as: fresh.value), "\(parameter.name)")
        }
    }

    @Test func stacksThatAreNone() throws {
        let fixture = try FamilyFixture("mixtral-stacked")
        let file = try SafetensorsFile(path: fixture.path + "/model.safetensors")
        for shape in [[4, 3, 16], [4], [0, 48, 16], [4, 48, 0]] {
            var tensors: [String: Tensor] = [:]
            for name in file.names {
                tensors[name] =
                    name.hasSuffix("layers.0.mlp.experts.gate_up_proj")
                    ? Tensor(zeros: shape) : try file.tensor(named: name)
            }
            let error = #expect(throws: FledgeError.self) {
                _ = try StackedTensors(
                    InMemoryTensors(tensors), Mixtral().stacks, path: fixture.path)
            }
            #expect(error?.message.contains("gate_up_proj") == true, "\(shape)")
        }
    }
}
