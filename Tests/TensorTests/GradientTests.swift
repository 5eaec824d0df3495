import FledgeCore
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Every operation against central differences, in float64.
@Suite struct GradientTests {
    /// The operations that have a test here; see `everyOperationHasAGradientTest`.
    static let covered: Set<String> = [
        "Addition", "CausalAttention", "CausalConvolution", "ColumnJoin", "ColumnSlice",
        "Conversion", "DropoutOperation", "ElementMap",
        "EmbeddingLookup", "GatedActivation", "GatedDelta", "HeadLoss", "LinearProduct",
        "Multiplication",
        "Recomputation", "Reshaping", "RootMeanSquareNorm", "RotaryEmbedding", "RowGather",
        "RouterWeights", "Scaling", "SegmentSums", "Sum", "TokenLogProbabilities",
        "WeightedRows",
    ]

    private func check(_ parameters: [Parameter], _ loss: () -> Tensor) {
        let check = GradientCheck(of: parameters, loss)
        #expect(check.passes, "\(check)")
    }

    @Test(arguments: [1, 2, 7]) func linearProducts(tokens: Int) {
        let (x, w, b) = (
            parameter([tokens, 5], "x"), parameter([11, 5], "w"), parameter([11], "b")
        )
        check([x, w, b]) { projected(linearProduct(x.tracked, w, bias: b)) }
        check([x]) { projected(linearProduct(x.tracked, w)) }
        check([w]) { projected(linearProduct(x.value, w)) }
    }

    @Test(arguments: quantizedFormats) func quantizedProducts(format: QuantizedFormat) {
        let matrix = quantizedSample(format, rows: 4, columns: columnCount(format, near: 6))
        for tokens in [1, 6] {
            let x = parameter([tokens, matrix.shape[1]], "x")
            let b = parameter([4], "b")
            check([x, b]) { projected(linearProduct(x.tracked, .quantized(matrix), bias: b)) }
            check([b]) { projected(linearProduct(x.value, .quantized(matrix), bias: b)) }
        }
    }

    @Test(arguments: [false, true]) func lowRankUpdates(dropped: Bool) {
        let (x, w) = (parameter([6, 7], "x"), parameter([5, 7], "w"))
        let (a, b) = (parameter([3, 7], "a"), parameter([5, 3], "b"))
        let mask = Dropout(probability: 0.4, rowKeys: (0..<6).map { RandomKey(seed: $0).bits })
        let term = LowRankTerm(down: a, up: b, scaling: 1.5, dropout: dropped ? mask : nil)
        check([x, w, a, b]) { projected(linearProduct(x.tracked, .plain(w), lowRank: term)) }
        check([a]) { projected(linearProduct(x.value, .plain(w), lowRank: term)) }
        check([x]) { projected(linearProduct(x.tracked, .plain(w), lowRank: term)) }
        let blocks = quantizedSample(.fourBit(.nf4, hasNestedScales: true), rows: 5, columns: 7)
        check([x, a, b]) { projected(linearProduct(x.tracked, .quantized(blocks), lowRank: term)) }
    }

    @Test func paddingIsNotTrainedAsAnInput() throws {
        let table = parameter([5, 3], "table")
        let (found, whole) = (
            valueAndGradients(of: [table]) {
                projected(embeddingLookup([1, 2, 1, 4], .plain(table), as: .float64, paddingID: 1))
            }.gradients[table]?.doubles(),
            valueAndGradients(of: [table]) {
                projected(embeddingLookup([1, 2, 1, 4], .plain(table), as: .float64))
            }.gradients[table]?.doubles()
        )
        var expected = try #require(whole)
        #expect(expected[3..<6].contains { $0 != 0 })
        for index in 3..<6 { expected[index] = 0 }
        #expect(found == expected)
    }

    @Test func dropouts() {
        let x = parameter([5, 9], "x")
        let mask = Dropout(probability: 0.3, rowKeys: (0..<5).map { RandomKey(seed: $0).bits })
        check([x]) { projected(dropout(x.tracked, mask)) }
    }

    @Test func embeddings() {
        let table = parameter([6, 4], "table")
        check([table]) { projected(embeddingLookup([2, 5, 2, 0], .plain(table), as: .float64)) }
    }

    @Test(arguments: [1, 3, 70]) func norms(rows: Int) {
        let (x, w) = (parameter([rows, 9], "x"), parameter([9], "w"))
        check([x, w]) { projected(rmsNormalized(x.tracked, w, epsilon: 1e-3)) }
        check([w]) { projected(rmsNormalized(x.value, w, epsilon: 1e-3)) }
        check([x, w]) {
            projected(rmsNormalized(x.tracked, w, epsilon: 1e-3, offset: 1, rounds: false))
        }
        check([x]) { projected(rmsNormalized(x.tracked, epsilon: 1e-3)) }
    }

    @Test func rotations() {
        let x = parameter([4, 24], "x")
        let table = RotaryTable(inverseFrequencies: [1, 0.3, 0.01], attentionFactor: 1.25)
        check([x]) {
            projected(rotaryEmbedded(x.tracked, table, positions: [0, 7, 2, 90], headDimension: 8))
        }
    }

    @Test(arguments: [
        ([5], 2, 2), ([1, 4, 0, 7], 4, 2), ([67, 1], 3, 1), ([2, 66], 2, 1),
    ]) func attentions(lengths: [Int], heads: Int, keyValueHeads: Int) {
        let layout = SequenceLayout(lengths: lengths)
        let d = layout.count > 20 ? 2 : 6
        let q = parameter([layout.count, heads * d], "q")
        let k = parameter([layout.count, keyValueHeads * d], "k")
        let v = parameter([layout.count, keyValueHeads * d], "v")
        check([q, k, v]) {
            projected(
                causalAttention(
                    q.tracked, k.tracked, v.tracked, layout: layout, heads: heads,
                    keyValueHeads: keyValueHeads, options: .init(scale: 0.7)))
        }
    }

    @Test(arguments: [Activation.silu, .geluTanh, .gelu, .sigmoid]) func gates(
        activation: Activation
    ) {
        let (gate, up) = (parameter([3, 7], "gate", scale: 3), parameter([3, 7], "up"))
        check([gate, up]) { projected(gatedActivation(gate.tracked, up.tracked, activation)) }
    }

    /// Beyond its bounds a gate has no slope, on either side.
    @Test func clampedGates() {
        let (gate, up) = (
            parameter([4, 9], "gate", scale: 40), parameter([4, 9], "up", scale: 40)
        )
        check([gate, up]) {
            projected(gatedActivation(gate.tracked, up.tracked, .clampedSilu) * 0.01)
        }
        let (g, u) = (gate.value.doubles(), up.value.doubles())
        #expect(g.contains { $0 > 7 } && u.contains { $0 > 7 } && u.contains { $0 < -7 })
        let found = gatedActivation(gate.value, up.value, .clampedSilu).doubles()
        for index in found.indices {
            let x = min(g[index], 7)
            let wanted = (min(max(u[index], -7), 7) + 1) * x / (1 + exp(-1.702 * x))
            #expect(abs(found[index] - wanted) < 1e-12 * max(1, abs(wanted)))
        }
        let none = Tensor([Double.nan], shape: [1])
        let one = Tensor([1.0], shape: [1])
        #expect(gatedActivation(none, one, .clampedSilu).scalar.isNaN)
        #expect(gatedActivation(one, none, .clampedSilu).scalar.isNaN)
    }

    @Test func arithmetic() {
        let (a, b) = (parameter([3, 5], "a"), parameter([3, 5], "b"))
        check([a, b]) { projected(a.tracked + b.tracked) }
        check([a, b]) { projected(a.tracked - b.tracked) }
        check([a, b]) { projected(a.tracked * b.tracked) }
        check([a]) { projected(a.tracked * a.tracked + a.tracked * 0.3 - b.value) }
        check([a]) { sum(a.tracked * 2.5) }
        check([a]) { sum(mapped(a.tracked) { (value: $0 * $0 * $0, derivative: 3 * $0 * $0) }) }
    }

    @Test func conversions() {
        // The middle type rounds, so the slope is that of the identity, not of the rounding.
        let a = parameter([3, 5], "a")
        let gradient = valueAndGradients(of: [a]) {
            sum(a.tracked.converted(to: .float32).converted(to: .float64) * 3)
        }.gradients[a]
        #expect(gradient?.doubles() == Array(repeating: 3, count: 15))
    }

    @Test(arguments: [0, 1, 6, 131]) func crossEntropies(count: Int) {
        let (x, head) = (parameter([4, 3], "x"), parameter([7, 3], "head"))
        let rows = supervision(count, rows: 4, vocabulary: 7)
        guard count > 0 else {
            let result = valueAndGradients(of: [x, head]) {
                tokenCrossEntropy(x.tracked, head: .plain(head), rows)
            }
            #expect(result.value.scalar == 0)
            #expect(result.gradients[head]?.doubles().allSatisfy { $0 == 0 } ?? true)
            return
        }
        check([x, head]) { tokenCrossEntropy(x.tracked, head: .plain(head), rows) * 0.25 }
        check([x]) { tokenCrossEntropy(x.tracked, head: .plain(head), rows) }
        check([x, head]) { projected(tokenLogProbabilities(x.tracked, head: .plain(head), rows)) }
        check([head]) { projected(tokenLogProbabilities(x.value, head: .plain(head), rows)) }
        check([x, head]) {
            projected(
                tokenLogProbabilities(x.tracked, head: .plain(head), rows, temperature: 0.7))
        }
    }

    /// Logits that are divided by a temperature are those of a head that is.
    @Test func logProbabilitiesAtATemperature() {
        let (x, head) = (parameter([4, 3], "x"), parameter([7, 3], "head"))
        let scaled = Parameter("head", head.value * (1 / 0.6))
        let rows = supervision(9, rows: 4, vocabulary: 7)
        var entropies = [[Double]](repeating: Array(repeating: 0, count: 9), count: 2)
        func values(_ head: Parameter, _ temperature: Double, _ place: Int) -> [Double] {
            entropies[place].withUnsafeMutableBufferPointer { seen in
                let seen = seen
                return tokenLogProbabilities(
                    x.value, head: .plain(head), rows, temperature: temperature
                ) { seen[$0] = $1.entropy }.doubles()
            }
        }
        #expect(Closeness(values(head, 0.6, 0), values(scaled, 1, 1)).isWithin(1e-12))
        #expect(Closeness(entropies[0], entropies[1]).isWithin(1e-12))
        #expect(!Closeness(values(head, 1, 0), values(scaled, 1, 1)).isWithin(1e-3))
    }

    /// The head and the embedding are one parameter: both gradients add up.
    @Test func tiedEmbedding() {
        let table = parameter([7, 4], "table")
        let rows = supervision(5, rows: 3, vocabulary: 7)
        check([table]) {
            tokenCrossEntropy(
                embeddingLookup([1, 6, 1], .plain(table), as: .float64), head: .plain(table), rows)
        }
    }

    /// A block with a residual: gradients meet in slots that are shared and added to in place.
    @Test func residualBlock() {
        let (x, w) = (parameter([4, 6], "x"), parameter([6], "w"))
        let (m, n) = (parameter([6, 6], "m"), parameter([6, 6], "n"))
        check([x, w, m, n]) {
            var h = x.tracked
            for _ in 0..<2 {
                let y = rmsNormalized(h, w, epsilon: 1e-5)
                h = h + gatedActivation(linearProduct(y, m), linearProduct(y, n), .silu)
            }
            return projected(h + h)
        }
    }

    @Test func aWrongBackwardIsFound() {
        struct Wrong: RecordedOperation {
            func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
                pass.add(gradient * 1.001, to: 0)
            }
        }
        let x = parameter([2, 3], "x")
        let check = GradientCheck(of: [x]) {
            projected(x.tracked.detached.recorded([x.tapeReference], Wrong()))
        }
        #expect(!check.passes && check.mismatches.count == 6)
        // Nothing compared, or only zeros, is no success either.
        let constant = Tensor([2.0], shape: [])
        #expect(!GradientCheck(of: [x]) { constant }.passes)
    }
}
