import FledgeCore
import FledgeTensor
import FledgeTesting
import Testing

/// Every instruction set's float32 and bfloat16 kernels against float64.
///
/// Tolerances are relative errors in the Euclidean norm: float32 sums of n products err by about
/// sqrt(n)·6e-8, bfloat16 stores eight bits, so 2⁻⁹·sqrt(a few roundings).
@Suite struct PathTests {
    static let paths = Kernels.availablePaths
    static let types: [ElementType] = [.float32, .bfloat16]

    private func tolerance(_ type: ElementType) -> Double { type == .float32 ? 2e-6 : 6e-3 }

    /// Runs `body` in `type` on `path`, and in float64 from the same rounded inputs.
    private func compare(
        _ path: String, _ type: ElementType, _ parameters: [Parameter], factor: Double = 1,
        _ body: () -> Tensor
    ) {
        func run() -> [Tensor] {
            var output: Tensor?
            let gradients = valueAndGradients(of: parameters) {
                let result = body()
                output = result.detached
                return projected(result)
            }.gradients
            return [output].compactMap { $0 } + parameters.compactMap { gradients[$0] }
        }
        for parameter in parameters { parameter.value = parameter.value.converted(to: type) }
        let found = Kernels.withPath(path) { run() }
        for parameter in parameters { parameter.value = parameter.value.converted(to: .float64) }
        let expected = run()
        #expect(found.count == expected.count && found.count == parameters.count + 1)
        for (index, (a, b)) in zip(found, expected).enumerated() {
            let closeness = Closeness(a, b)
            // A gradient that should be zero, as that of a lone key, has no relative error.
            #expect(
                closeness.isWithin(tolerance(type) * factor)
                    || !closeness.isBroken && closeness.largestDifference < tolerance(type) * 0.1,
                "\(path) \(type) \(index == 0 ? "value" : parameters[index - 1].name): \(closeness)"
            )
        }
    }

    @Test(arguments: paths, types) func products(path: String, type: ElementType) {
        for (tokens, inputs, outputs) in [
            (1, 1, 1), (1, 64, 128), (3, 7, 5), (6, 33, 65), (13, 300, 17), (70, 96, 200),
            (129, 577, 31), (48, 1030, 130), (2, 512, 8), (20, 8, 512),
        ] {
            let x = parameter([tokens, inputs], "x")
            let (w, b) = (parameter([outputs, inputs], "w"), parameter([outputs], "b"))
            compare(path, type, [x, w, b]) { linearProduct(x.tracked, w, bias: b) }
        }
    }

    @Test(arguments: paths, types) func lowRank(path: String, type: ElementType) {
        for (tokens, inputs, outputs, rank) in [
            (37, 65, 50, 8), (1, 40, 70, 4), (3, 96, 33, 24), (130, 300, 200, 8),
            (20, 31, 130, 210),
        ] {
            let (x, w) = (parameter([tokens, inputs], "x"), parameter([outputs, inputs], "w"))
            let (a, b) = (parameter([rank, inputs], "a"), parameter([outputs, rank], "b"))
            let bias = parameter([outputs], "bias")
            let keys = (0..<tokens).map { RandomKey(seed: UInt64($0)).bits }
            for dropout in [nil, Dropout(probability: 0.25, rowKeys: keys)] {
                compare(path, type, [x, w, bias, a, b]) {
                    linearProduct(
                        x.tracked, .plain(w), bias: bias,
                        lowRank: LowRankTerm(down: a, up: b, scaling: 2, dropout: dropout))
                        // The gradient of x is then added to one that is there.
                        + linearProduct(x.tracked, w)
                }
            }
        }
    }

    @Test(arguments: paths, types) func productsInLanes(path: String, type: ElementType) {
        for (tokens, inputs, outputs, rank) in [
            (1, 1, 1, 1), (1, 577, 130, 8), (2, 96, 70, 3), (5, 33, 1100, 20), (60, 300, 41, 4),
        ] {
            let (x, w) = (parameter([tokens, inputs], "x"), parameter([outputs, inputs], "w"))
            let (a, b) = (parameter([rank, inputs], "a"), parameter([outputs, rank], "b"))
            let bias = parameter([outputs], "bias")
            compare(path, type, [x, w, bias, a, b]) {
                linearProduct(
                    x.tracked, .plain(w), bias: bias,
                    lowRank: LowRankTerm(down: a, up: b, scaling: 2), order: .lanes)
            }
        }
    }

    @Test(arguments: paths, types) func norms(path: String, type: ElementType) {
        for columns in [1, 17, 576] {
            let (x, w) = (parameter([66, columns], "x"), parameter([columns], "w"))
            compare(path, type, [x, w], factor: 2) { rmsNormalized(x.tracked, w, epsilon: 1e-5) }
            compare(path, type, [x, w], factor: 2) {
                rmsNormalized(x.tracked, w, epsilon: 1e-5, offset: 1, rounds: false)
            }
            guard type == .bfloat16, columns > 1 else { continue }
            let exact = rmsNormalized(
                x.value.converted(to: type).converted(to: .float64), w, epsilon: 1e-5)
            let errors = [true, false].map { rounds in
                Kernels.withPath(path) {
                    Closeness(
                        rmsNormalized(
                            x.value.converted(to: type), w, epsilon: 1e-5, rounds: rounds), exact
                    ).relativeError
                }
            }
            #expect(errors[1] < 0.9 * errors[0], "\(errors)")
        }
    }

    @Test(arguments: paths, types) func rotations(path: String, type: ElementType) {
        let table = RotaryTable(inverseFrequencies: (0..<20).map { 1 / Double($0 + 1) })
        let x = parameter([30, 2 * 44], "x")
        compare(path, type, [x]) {
            rotaryEmbedded(
                x.tracked, table, positions: (0..<30).map { $0 * 3 }, headDimension: 44)
        }
    }

    @Test(arguments: paths, types) func gates(path: String, type: ElementType) {
        for activation in [Activation.silu, .geluTanh, .gelu, .clampedSilu] {
            let (gate, up) = (parameter([7, 37], "g", scale: 8), parameter([7, 37], "u"))
            compare(path, type, [gate, up]) {
                gatedActivation(gate.tracked, up.tracked, activation)
            }
        }
    }

    @Test(arguments: paths, types) func attentions(path: String, type: ElementType) {
        for (lengths, heads, keyValueHeads, d) in [
            ([1], 1, 1, 8), ([65, 0, 1, 130], 6, 2, 64), ([200], 3, 3, 20), ([100], 2, 1, 80),
            ([40, 90], 4, 2, 96), ([70], 2, 2, 128), ([66], 2, 1, 256), ([129], 3, 1, 33),
            ([17], 5, 1, 3),
        ] {
            let layout = SequenceLayout(lengths: lengths)
            let q = parameter([layout.count, heads * d], "q", scale: 2)
            let k = parameter([layout.count, keyValueHeads * d], "k", scale: 2)
            let v = parameter([layout.count, keyValueHeads * d], "v")
            compare(path, type, [q, k, v], factor: 2) {
                causalAttention(
                    q.tracked, k.tracked, v.tracked, layout: layout, heads: heads,
                    keyValueHeads: keyValueHeads, options: .init(scale: 0.125))
            }
        }
    }

    @Test(arguments: paths, types) func heads(path: String, type: ElementType) {
        let (x, head) = (parameter([40, 48], "x", scale: 2), parameter([1003, 48], "head"))
        let rows = supervision(150, rows: 40, vocabulary: 1003)
        compare(path, type, [x, head]) { tokenCrossEntropy(x.tracked, head: .plain(head), rows) }
        compare(path, type, [x, head]) {
            tokenLogProbabilities(x.tracked, head: .plain(head), rows)
        }
    }
}
