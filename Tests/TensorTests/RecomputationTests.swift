import FledgeCore
import FledgeTensor
import FledgeTesting
import Testing

/// Activations that are computed again give the gradients of those that were kept.
@Suite struct RecomputationTests {
    /// A block with everything that saves or derives activations, around a residual stream.
    private struct Block {
        let norm, gate, up, down, a, b: Parameter
        let mask = Dropout(probability: 0.4, rowKeys: (0..<6).map { RandomKey(seed: $0).bits })

        init(_ type: ElementType = .float64) {
            let vectors: ElementType = type.accumulator
            (norm, gate) = (parameter([8], "n", vectors), parameter([12, 8], "g", type))
            (up, down) = (parameter([12, 8], "u", type), parameter([8, 12], "d", type))
            (a, b) = (parameter([2, 12], "a", vectors), parameter([8, 2], "b", vectors))
        }

        var parameters: [Parameter] { [norm, gate, up, down, a, b] }

        func callAsFunction(_ x: Tensor) -> Tensor {
            let normed = rmsNormalized(x, norm, epsilon: 1e-3)
            let inner = gatedActivation(
                linearProduct(normed, gate), linearProduct(normed, up), .silu)
            return x
                + linearProduct(
                    inner, .plain(down),
                    lowRank: LowRankTerm(down: a, up: b, scaling: 1.5, dropout: mask))
        }
    }

    @Test func gradients() {
        let (x, block) = (parameter([6, 8], "x"), Block())
        for leaves in [[x] + block.parameters, block.parameters, [x]] {
            let input = leaves.contains { $0 === x } ? { x.tracked } : { x.value }
            let check = GradientCheck(of: leaves) {
                projected(recomputed(input(), block.parameters) { block($0) })
            }
            #expect(check.passes, "\(check)")
        }
    }

    /// An input that nothing is known of needs no gradient, and others get theirs.
    @Test func severalInputs() {
        let (x, y, block) = (parameter([6, 8], "x"), parameter([6, 8], "y"), Block())
        for leaves in [[x, y] + block.parameters, [y], [x]] {
            func inputs() -> [Tensor] {
                [x, y].map { (input: Parameter) -> Tensor in
                    leaves.contains { $0 === input } ? input.tracked : input.value
                }
            }
            let check = GradientCheck(of: leaves) {
                projected(recomputed(inputs(), block.parameters) { block($0[0] * $0[1]) + $0[1] })
            }
            #expect(check.passes, "\(check)")
        }
    }

    @Test(arguments: [ElementType.float32, .bfloat16, .float64], [true, false])
    func everyBitIsTheSame(_ type: ElementType, isInputTracked: Bool) {
        let (x, first, second) = (parameter([6, 8], "x", type), Block(type), Block(type))
        let leaves = (isInputTracked ? [x] : []) + first.parameters + second.parameters
        func run(_ recomputes: Bool) -> [[Double]] {
            var gradients = Gradients()
            var values: [Double] = []
            // Twice, so that gradients are there already; x is used beside the blocks too.
            for _ in 0..<2 {
                let value = addGradients(of: leaves, to: &gradients) {
                    var y = isInputTracked ? x.tracked : x.value
                    for block in [first, second, first] {
                        y =
                            recomputes
                            ? recomputed(y, block.parameters) { block($0) } : block(y)
                    }
                    return projected(isInputTracked ? y + x.tracked : y)
                }
                values.append(value.scalar)
            }
            return [values] + leaves.map { gradients[$0]?.doubles() ?? [] }
        }
        let (kept, again) = (run(false), run(true))
        #expect(kept == again)
        #expect(kept.allSatisfy { $0.contains { $0 != 0 } })
    }

    @Test func theBodyRunsAgainOnlyForABackwardPass() {
        let (x, block) = (parameter([6, 8], "x"), Block())
        var count = 0
        func body(_ x: Tensor) -> Tensor {
            count += 1
            return block(x)
        }
        let untracked = recomputed(x.value, block.parameters, body)
        #expect(count == 1 && !untracked.isTracked)
        _ = valueAndGradients(of: [block.down]) {
            let y = recomputed(x.value, block.parameters, body)
            #expect(count == 2 && y.isTracked)
            return projected(y)
        }
        #expect(count == 3)
        #expect(block.down.tapeReference == nil)
    }

    @Test func gradientsOfSeveralCallsAddUp() {
        let (x, w) = (parameter([3, 4], "x"), parameter([5, 4], "w"))
        let one = valueAndGradients(of: [w]) { projected(linearProduct(x.value, w)) }.gradients[w]
        var gradients = Gradients()
        for _ in 0..<3 {
            _ = addGradients(of: [w], to: &gradients) { projected(linearProduct(x.value, w)) }
        }
        let (once, thrice) = (one?.doubles() ?? [], gradients[w]?.doubles() ?? [])
        #expect(once.count == 20 && thrice.count == 20)
        for (a, b) in zip(once, thrice) { #expect(abs(3 * a - b) < 1e-12) }
    }
}
