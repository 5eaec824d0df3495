import FledgeAdapters
import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Testing

/// What holds for every optimizer in runs: resuming, memory, groups, and rules of one's own.
@Suite struct OptimizerRunTests {
    private static let adam = AdamW(weightDecay: 0.1)
    private static let early = EarlyEpsilonAdamW(adam, decaysAfterStep: true)

    /// Every rule, with subspaces and turns that change during four steps.
    static let optimizers: [any Optimizer] = [
        adam, SGD(momentum: 0.9, weightDecay: 0.1), Adafactor(), Lion(compresses: true),
        Muon(rest: adam), AdamW8Bit(adam, compressesEmbeddings: true),
        GaLore(.init(rank: 2, interval: 2), early),
        GaLore(.init(rank: 2, interval: 2, side: .full), AdamW8Bit(adam)),
        APOLLO(.init(rank: 2, interval: 2), early),
        BAdam(adam, BlockTurns(.ascending, interval: 2)),
        BAdam(adam, BlockTurns(.random, interval: 2)), BAdam(adam, BlockTurns(.fixed, start: 1)),
        BAdamRatio(adam, ratio: 0.2, scatters: true), AdamMini(adam, headSize: 64),
        ScheduleFreeAdamW(adam), ByteSign(),
    ]

    private func model() throws -> DecoderLM {
        var configuration = TinyProject.configuration
        // Matrices of more than 4096 elements have 8-bit states.
        configuration.intermediateSize = 300
        let model = try TinyModel.make(configuration)
        model.makeTrainable(keepingMasters: true)
        return model
    }

    private func run(
        _ model: DecoderLM, _ optimizer: any Optimizer, in folder: String? = nil,
        stopAfter: Int? = nil
    ) throws -> TrainingRun {
        let (stop, artifact) = (StopFlag(), TrainedModel(model))
        var callbacks: [any Callback] = []
        var checkpoint: TrainingCheckpoint?
        if let folder {
            callbacks = [
                CheckpointSaver(folder, .every(100), saving: artifact), Ending(stopAfter, stop),
            ]
            if let newest = TrainingCheckpoint.newest(in: folder) {
                checkpoint = try TrainingCheckpoint(folder: newest)
                try artifact.restore(from: newest)
            }
        }
        let trainer = Trainer(
            ObjectiveStage(model, TokenCrossEntropy()), optimizer: optimizer,
            schedule: .cosine(peak: 0.01, warmup: 1, total: 5), accumulation: 2,
            callbacks: callbacks, stop: stop)
        return try trainer.fit(ToyData.epochs(), steps: 5, resuming: checkpoint)
    }

    @Test(arguments: optimizers.indices, [1, 2, 3])
    func aResumedRunIsBitEqualToAnUninterruptedOne(_ index: Int, interruption: Int) throws {
        let optimizer = Self.optimizers[index]
        let folder = try TemporaryFolder()
        let (whole, parts) = (try model(), try model())
        _ = try run(whole, optimizer, in: folder.path + "/whole")
        #expect(throws: FledgeError.self) {
            try run(parts, optimizer, in: folder.path + "/parts", stopAfter: interruption)
        }
        let resumed = try model()
        let done = try run(resumed, optimizer, in: folder.path + "/parts")
        #expect(done.firstStep == interruption)
        let first = try model()
        var changed = false
        for (index, parameter) in whole.parameters.enumerated() {
            let weights = parameter.kept.scalars()
            #expect(resumed.parameters[index].kept.scalars() == weights, "\(parameter.name)")
            changed = changed || first.parameters[index].kept.scalars() != weights
        }
        #expect(changed)
    }

    @Test(arguments: optimizers.indices)
    func statesTakeTheBytesThatArePredicted(_ index: Int) throws {
        let model = try model()
        let predicted = OptimizerDriver(Self.optimizers[index], model.trainableParameters)
            .stateBytes
        let done = try run(model, Self.optimizers[index])
        let found = done.optimizer.tensors.reduce(0) { $0 + $1.tensor.ownedByteCount }
        #expect(predicted == found, "\(Self.optimizers[index])")
        let prediction = MemoryPrediction(
            of: model, tokens: 10, supervised: 10, optimizer: Self.optimizers[index])
        #expect(prediction.optimizer == predicted)
    }

    /// Weights in bfloat16, with float32 masters or without, are changed by every rule.
    @Test(arguments: optimizers.indices, [true, false])
    func roundedWeightsAreTrained(_ index: Int, keepsMasters: Bool) throws {
        let optimizer = Self.optimizers[index]
        let parameter = Parameter(
            "model.layers.1.mlp.up_proj.weight",
            OptimizerReferenceTests.numbers([64, 72], 1).converted(to: .bfloat16),
            isTrainable: true)
        if keepsMasters { parameter.master = parameter.value.converted(to: .float32) }
        let before = parameter.value.scalars()
        var driver = OptimizerDriver(optimizer, [parameter])
        for step in 1...3 {
            var gradients = Gradients()
            gradients[parameter] = OptimizerReferenceTests.numbers([64, 72], step + 1)
            try driver.step(gradients, rate: 0.1, step: step)
        }
        driver.showAverages()
        #expect(parameter.value.elementType == .bfloat16)
        #expect(parameter.value.scalars() != before)
        #expect((parameter.master == nil) == !keepsMasters)
        let rounded = parameter.kept.converted(to: .bfloat16)
        #expect(parameter.value.scalars() == rounded.scalars())
    }

    @Test func statesOfEightBitsTakeAQuarter() throws {
        let parameter = Parameter("mlp.weight", Tensor(zeros: [1024, 1024]))
        let (whole, small) = (
            AdamW().stateBytes(for: parameter), AdamW8Bit().stateBytes(for: parameter)
        )
        #expect(Double(small) < 0.26 * Double(whole))
    }

    @Test func anotherOptimizersCheckpointIsRefused() throws {
        let folder = try TemporaryFolder()
        #expect(throws: FledgeError.self) {
            try run(try model(), AdamW(), in: folder.path, stopAfter: 2)
        }
        let error = #expect(throws: FledgeError.self) {
            try run(try model(), AdamW8Bit(compressesEmbeddings: true), in: folder.path)
        }
        #expect(error?.code == .mismatch)
    }

    @Test func groupsHaveRatesAndDecayOfTheirOwn() throws {
        func group(_ name: String, _ shape: [Int], of optimizer: any Optimizer) -> [Double] {
            let groups = optimizer.groups(of: [Parameter(name, Tensor(zeros: shape))])
            return groups.flatMap { [$0.rateFactor, $0.weightDecay] }
        }
        var base = Self.adam
        #expect(group("layers.0.input_layernorm.weight", [4], of: base) == [1, 0])
        #expect(group("model.norm.weight", [4], of: base) == [1, 0])
        #expect(group("layers.0.mlp.up_proj.weight", [4, 4], of: base) == [1, 0.1])
        #expect(group("layers.0.q_proj.bias", [4], of: base) == [1, 0])
        base.decayRule = .allButBiases
        let plus = LoRAPlus(base, ratio: 16, embeddingFactor: 0.25)
        #expect(group("q_proj.lora_A.weight", [2, 4], of: plus) == [1, 0.1])
        #expect(group("q_proj.lora_B.weight", [4, 2], of: plus) == [16, 0.1])
        #expect(group("model.norm.weight", [4], of: plus) == [16, 0.1])
        #expect(group("v_head.summary.bias", [1], of: plus) == [16, 0])
        #expect(group("embed_tokens.lora_embedding_B", [4, 2], of: plus) == [0.25, 0.1])
        let muon = Muon(rest: Self.adam)
        for (name, shape) in [
            ("embed_tokens.weight", [4, 4]), ("lm_head.weight", [4, 4]), ("norm.weight", [4]),
        ] {
            let groups = muon.groups(of: [Parameter(name, Tensor(zeros: shape))])
            #expect(!(groups[0].optimizer is Muon), "\(name)")
        }
        let galore = GaLore(.init(), Self.early, targets: MatrixTargets(["mlp"]))
        let taken = ["layers.0.mlp.up_proj.weight", "layers.0.q_proj.weight"].map {
            galore.groups(of: [Parameter($0, Tensor(zeros: [4, 4]))])[0].optimizer is GaLore
        }
        #expect(taken == [true, false])
    }

    @Test func blocksHaveTheirTurns() {
        func blocks(_ turns: BlockTurns) -> [Int] { (1...8).map { turns.block(at: $0, of: 3) } }
        #expect(blocks(BlockTurns(.ascending, interval: 3)) == [0, 0, 1, 1, 1, 2, 2, 2])
        #expect(blocks(BlockTurns(.descending, interval: 2)) == [2, 1, 1, 0, 0, 2, 2, 1])
        #expect(blocks(BlockTurns(.ascending, interval: 1, start: 2)) == [2, 0, 1, 2, 0, 1, 2, 0])
        #expect(blocks(BlockTurns(.fixed, interval: 2, start: 1)) == Array(repeating: 1, count: 8))
        let random = (1...30).map { BlockTurns(.random, interval: 1).block(at: $0, of: 3) }
        for round in stride(from: 0, to: 30, by: 3) {
            #expect(random[round..<round + 3].sorted() == [0, 1, 2])
        }
    }

    /// Weights of other blocks stay what they are, and the norm that clips is of one block alone.
    @Test func blocksWithoutATurnStay() throws {
        let (model, before) = (try model(), try self.model())
        _ = try run(model, BAdam(AdamW(), BlockTurns(.fixed, start: 1)))
        for (after, first) in zip(model.parameters, before.parameters) {
            let isSame = after.kept.scalars() == first.kept.scalars()
            #expect(isSame == !after.name.contains("layers.1."), "\(after.name)")
        }
        let parameters = model.trainableParameters
        let driver = OptimizerDriver(BAdam(AdamW(), BlockTurns(interval: 2)), parameters)
        for (step, block) in [(1, "layers.0."), (2, "layers.1.")] {
            let active = driver.active(parameters, at: step).map(\.name)
            #expect(!active.isEmpty && active.allSatisfy { $0.contains(block) })
        }
    }

    /// A value head is no part of a block: it has a turn in every step, and its moments go on.
    @Test func aValueHeadHasATurnInEveryStep() throws {
        func parameters() -> [Parameter] {
            [
                "model.layers.0.mlp.up_proj.weight", "model.layers.1.mlp.up_proj.weight",
                "v_head.summary.weight", "lm_head.weight",
            ].map { Parameter($0, Tensor([1, 2] as [Float], shape: [1, 2]), isTrainable: true) }
        }
        func head(_ optimizer: any Optimizer) throws -> [Float] {
            let all = parameters()
            var driver = OptimizerDriver(optimizer, all)
            for step in 1...5 {
                let active = driver.active(all, at: step).map(\.name)
                #expect(active.contains("v_head.summary.weight") || optimizer is AdamW)
                #expect(!active.contains("lm_head.weight") || optimizer is AdamW)
                var gradients = Gradients()
                for parameter in all {
                    gradients[parameter] = Tensor([1, Float(step)] as [Float], shape: [1, 2])
                }
                try driver.step(gradients, rate: 0.1, step: step)
            }
            return all[2].value.scalars()
        }
        #expect(try head(BAdam(AdamW(), BlockTurns(interval: 2))) == head(AdamW()))
    }

    /// What is evaluated and saved is the average; training goes on beside it.
    @Test func averagesAreShownBetweenSteps() throws {
        let parameter = Parameter(
            "weight", Tensor([1, 2, 3] as [Float], shape: [3]), isTrainable: true)
        var driver = OptimizerDriver(ScheduleFreeAdamW(), [parameter])
        var gradients = Gradients()
        gradients[parameter] = Tensor([1, -1, 0.5] as [Float], shape: [3])
        for step in 1...3 { try driver.step(gradients, rate: 0.1, step: step) }
        let trained = parameter.value.scalars()
        driver.showAverages()
        let average = parameter.value.scalars()
        #expect(average != trained)
        driver.showAverages()
        #expect(parameter.value.scalars() == average)
        try driver.step(Gradients(), rate: 0.1, step: 4)
        #expect(parameter.value.scalars() == trained)
    }
}

/// A rule of one's own, with a state of bytes: the sign of the last gradient counts double if it is that
/// of this one.
private struct ByteSign: Optimizer {
    func initialState(for parameter: Parameter) -> State {
        ["signs": Tensor(zeros: parameter.value.shape, .uint8)]
    }

    func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        let slopes = gradient.scalars()
        var weights = parameter.kept.scalars()
        defer {
            let changed = Tensor(weights, shape: parameter.value.shape)
            if parameter.master != nil { parameter.master = changed }
            parameter.value = changed.converted(to: parameter.value.elementType)
        }
        state["signs"]?.withUnsafeMutableBytes { signs in
            for i in weights.indices {
                let sign: UInt8 = slopes[i] > 0 ? 2 : 1
                weights[i] -= Float(step.rate) * (sign == 2 ? 1 : -1) * (signs[i] == sign ? 2 : 1)
                signs[i] = sign
            }
        }
    }
}

/// Asks to stop after a step.
private final class Ending: Callback {
    private let (step, flag): (Int?, StopFlag)
    init(_ step: Int?, _ flag: StopFlag) { (self.step, self.flag) = (step, flag) }
    func didFinishStep(_ report: StepReport, _ run: TrainingRun) {
        if report.step == step { flag.set() }
    }
}
