import FledgeCore
import FledgeTensor
import FledgeTrain
import Foundation
import Testing

/// Ten steps of every optimizer against its published implementation
/// (`Scripts/reference/optimizer_steps.py`).
@Suite struct OptimizerReferenceTests {
    private static let names: [(String, [Int])] = [
        ("model.embed_tokens.weight", [10, 8]),
        ("model.layers.0.self_attn.q_proj.weight", [8, 8]),
        ("model.layers.0.self_attn.v_proj.weight", [4, 8]),
        ("model.layers.0.mlp.up_proj.weight", [12, 8]),
        ("model.layers.0.mlp.down_proj.weight", [8, 12]),
        ("model.layers.0.input_layernorm.weight", [8]),
        ("model.layers.1.mlp.up_proj.weight", [12, 8]),
        ("model.layers.1.mlp.down_proj.bias", [8]),
        ("model.norm.weight", [8]), ("lm_head.weight", [10, 8]),
    ]
    private static let large: [(String, [Int])] = [
        ("model.layers.0.mlp.up_proj.weight", [64, 72]),
        ("model.layers.0.mlp.gate_proj.weight", [71, 61]),
        ("model.embed_tokens.weight", [72, 64]),
    ]

    private static let adam = AdamW(weightDecay: 0.1)
    private static let early = EarlyEpsilonAdamW(adam, decaysAfterStep: true)

    private static func galore(
        _ side: ProjectedSide, _ base: any DecayingOptimizer & ZeroStateOptimizer = early
    ) -> any Optimizer {
        GaLore(.init(rank: 3, interval: 4, side: side), base)
    }

    private static func apollo(_ change: (inout APOLLO.Settings) -> Void = { _ in }) -> APOLLO {
        var settings = APOLLO.Settings(rank: 3, interval: 4)
        change(&settings)
        return APOLLO(settings, early)
    }

    private static func badam(_ order: BlockTurns.Order) -> BAdam {
        // The reference's weight decay of this mode is always PyTorch's default, for all parameters.
        var base = AdamW(weightDecay: 0.01)
        base.decayRule = .all
        return BAdam(base, BlockTurns(order, interval: 4))
    }

    static let optimizers: [(name: String, optimizer: any Optimizer)] = [
        ("adamw", adam), ("sgd", SGD(weightDecay: 0.1)),
        ("sgd nesterov", SGD(momentum: 0.9, isNesterov: true, weightDecay: 0.1)),
        ("adafactor", Adafactor(weightDecay: 0.1)),
        ("lion", Lion(beta2: 0.999, weightDecay: 0.1)),
        ("muon", Muon(rest: adam)), ("adam-mini", AdamMini(adam, headSize: 32)),
        ("schedule-free", ScheduleFreeAdamW(adam)),
        ("galore std", galore(.standard)), ("galore reverse_std", galore(.reversed)),
        ("galore right", galore(.right)), ("galore left", galore(.left)),
        // Elsewhere the noise off the diagonal of a projected gradient would decide.
        (
            "galore full",
            galore(
                .full,
                EarlyEpsilonAdamW(AdamW(epsilon: 1e-3, weightDecay: 0.1), decaysAfterStep: true))
        ),
        ("galore adafactor", galore(.standard, Adafactor(weightDecay: 0.1))),
        ("apollo", apollo()), ("apollo tensor", apollo { $0.scalesTensors = true }),
        ("apollo svd", apollo { $0.isRandom = false }),
        ("apollo front", apollo { $0.scalesFirst = true }),
        ("badam ascending", badam(.ascending)), ("badam descending", badam(.descending)),
        ("badam ratio", BAdamRatio(adam, ratio: 0.3)),
        ("adamw 8-bit", AdamW8Bit(adam)),
        ("lion 8-bit", Lion(beta2: 0.999, weightDecay: 0.1, compresses: true)),
    ]

    /// How far weights may be off: Muon rounds to bfloat16.
    private static func tolerance(_ name: String) -> Double {
        switch name {
        case "muon": 3e-4
        default: 2e-6
        }
    }

    /// The first weights and gradients of the script.
    static func numbers(_ shape: [Int], _ salt: Int) -> Tensor {
        let count = shape.reduce(1, *)
        return Tensor(
            (0..<count).map { i in
                Float(Double((i * i * 31 + i * 7919 + salt * 104729) % 2003) / 1001.5 - 1)
            }, shape: shape)
    }

    @Test(arguments: optimizers.indices)
    func tenStepsEndWhereThePublishedOnesDo(_ index: Int) throws {
        let (name, optimizer) = Self.optimizers[index]
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/optimizers.json").path
        let expected = try #require(try JSONValue(contentsOf: path)["runs"]?[name])
        let isLarge = name.hasSuffix("8-bit")
        let (names, every) = isLarge ? (Self.large, 41) : (Self.names, 3)
        let parameters = names.enumerated().map { index, entry in
            Parameter(entry.0, Self.numbers(entry.1, index), isTrainable: true)
        }
        var driver = OptimizerDriver(optimizer, parameters)
        for step in 1...10 {
            var gradients = Gradients()
            for (index, parameter) in parameters.enumerated() {
                gradients[parameter] = Self.numbers(parameter.value.shape, 100 * step + index)
                gradients[parameter]?.scale(by: 2)
            }
            try driver.step(
                gradients, scale: 0.5, rate: 0.01 * Double(11 - step) / 10, step: step)
        }
        driver.showAverages()
        var (worst, moved) = (0.0, false)
        for (index, parameter) in parameters.enumerated() {
            let values = try #require(expected[parameter.name]?.arrayValue)
            let found = parameter.value.doubles()
            let first = Self.numbers(parameter.value.shape, index).doubles()
            for (place, value) in values.enumerated() {
                let number = try #require(value.doubleValue)
                worst = max(worst, abs(found[place * every] - number))
                moved = moved || abs(first[place * every] - number) > 1e-3
            }
        }
        #expect(worst < Self.tolerance(name), "\(name) is off by \(worst)")
        #expect(moved)
    }

    @Test func codesAreThoseOfBitsandbytes() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/optimizers.json").path
        let codes = try #require(try JSONValue(contentsOf: path)["codes"])
        for (name, code) in [("signed", EightBitCode.signed), ("unsigned", .unsigned)] {
            let expected = try #require(codes[name]?.arrayValue).compactMap(\.doubleValue)
            #expect(expected.count == 256 && code.values.count == 256)
            for (found, value) in zip(code.values, expected) {
                #expect(found == Float(value), "\(name): \(value)")
            }
        }
    }

    @Test func everyNumberGetsTheNearestCode() {
        for code in [EightBitCode.signed, .unsigned] {
            var numbers: [Float] = [1]
            for index in 0..<255 {
                let exponent = Float(index % 60) / 8
                let number = Foundation.pow(10, -exponent) * Float(index % 7 + 1) / 7
                numbers.append(index % 2 == 0 || code.values[0] == 0 ? number : -number)
            }
            var codes = [UInt8](repeating: 0, count: 256)
            #expect(code.compress(numbers, into: &codes, count: 256) == 1)
            for (number, found) in zip(numbers, codes) {
                let least = code.values.map { abs($0 - number) }.min()
                #expect(abs(code.values[Int(found)] - number) == least, "\(number)")
            }
        }
    }
}
