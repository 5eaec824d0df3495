import FledgeCore
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Adam against its formula in float64, on every path, for each way of keeping weights.
@Suite struct AdamWTests {
    enum Keeping: CaseIterable { case float32, masters, bfloat16Alone }

    private static let count = 37
    private let rate = 0.01
    private let beta1 = 0.9
    private let beta2 = 0.99
    private let epsilon = 1e-6
    private let decay = 0.1
    private let scale = 0.25

    @Test(arguments: Kernels.availablePaths, Keeping.allCases)
    func stepsFollowTheFormula(_ path: String, _ keeping: Keeping) throws {
        let start = sample([Self.count], "p", .float32)
        let weight = Parameter(
            "w", keeping == .float32 ? start : start.converted(to: .bfloat16))
        if keeping == .masters { weight.master = weight.value.converted(to: .float32) }
        var expected = weight.kept.doubles()
        var (m, v) = (Tensor(zeros: [Self.count]), Tensor(zeros: [Self.count]))
        var (m64, v64) = (
            [Double](repeating: 0, count: Self.count), [Double](repeating: 0, count: Self.count)
        )
        for step in 1...5 {
            let gradient = sample([Self.count], "g\(step)", .float32)
            Kernels.withPath(path) {
                adamWUpdate(
                    weight, gradient: gradient, scale: scale, first: &m, second: &v, rate: rate,
                    beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: decay, step: step)
            }
            for (i, g) in gradient.doubles().map({ $0 * scale }).enumerated() {
                m64[i] = beta1 * m64[i] + (1 - beta1) * g
                v64[i] = beta2 * v64[i] + (1 - beta2) * g * g
                let root = (v64[i] / (1 - pow(beta2, Double(step)))).squareRoot() + epsilon
                expected[i] *= 1 - rate * decay
                expected[i] -= rate / (1 - pow(beta1, Double(step))) * m64[i] / root
            }
            let found = weight.kept.doubles()
            let tolerance = keeping == .bfloat16Alone ? 1.0 / 256 : 1e-6
            for (a, b) in zip(found, expected) { #expect(abs(a - b) <= tolerance * max(1, abs(b))) }
            // Without a master the weight goes on from its rounding.
            if keeping == .bfloat16Alone { expected = found }
            #expect(
                weight.value.doubles()
                    == weight.kept.converted(to: weight.value.elementType).doubles())
        }
        #expect(Closeness(m.doubles(), m64).isWithin(1e-6))
        #expect(Closeness(v.doubles(), v64).isWithin(1e-6))
    }

    @Test func smallStepsAreLostWithoutAMaster() {
        func moved(_ hasMaster: Bool) -> Double {
            let weight = Parameter("w", Tensor([Float](repeating: 1, count: 8), shape: [8]))
            weight.value = weight.value.converted(to: .bfloat16)
            if hasMaster { weight.master = weight.value.converted(to: .float32) }
            var (m, v) = (Tensor(zeros: [8]), Tensor(zeros: [8]))
            for step in 1...100 {
                adamWUpdate(
                    weight, gradient: Tensor([Float](repeating: 1, count: 8), shape: [8]),
                    first: &m, second: &v, rate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8,
                    weightDecay: 0, step: step)
            }
            return 1 - weight.kept.doubles()[0]
        }
        #expect(abs(moved(true) - 0.01) < 1e-5)
        #expect(moved(false) == 0)
    }
}
