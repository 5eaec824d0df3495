import FledgeCore
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Losses that are fused with the head, against plain formulas and central differences.
@Suite("Losses fused with the head") struct HeadLossTests {
    private func check(_ parameters: [Parameter], _ loss: () -> Tensor) {
        let check = GradientCheck(of: parameters, loss)
        #expect(check.passes, "\(check)")
    }

    /// Probabilities of each supervised row from its logits, by the definition of softmax.
    private func distributions(
        _ hidden: Tensor, _ head: Parameter, _ supervision: Supervision
    ) -> [[Double]] {
        let vocabulary = head.value.shape[0]
        let values = logits(hidden, head: .plain(head), rows: supervision.rows).doubles()
        return supervision.rows.indices.map { index in
            let row = values[index * vocabulary..<(index + 1) * vocabulary]
            let total = row.reduce(0) { $0 + exp($1) }
            return row.map { exp($0) / total }
        }
    }

    /// The sum over predictions of what a formula makes of (p, target).
    private func plain(
        _ hidden: Tensor, _ head: Parameter, _ supervision: Supervision,
        _ formula: ([Double], Int, Int) -> Double
    ) -> Double {
        distributions(hidden, head, supervision).enumerated().reduce(0) { total, item in
            total + Double(supervision.weights[item.offset])
                * formula(item.element, Int(supervision.targets[item.offset]), item.offset)
        }
    }

    private func close(_ found: Double, _ expected: Double, _ tolerance: Double = 1e-10) -> Bool {
        abs(found - expected) <= tolerance * max(1, abs(expected))
    }

    @Test(arguments: [1, 6, 300]) func valuesArePlainFormulas(count: Int) {
        let (x, head) = (sample([5, 4], "x", scale: 3), parameter([31, 4], "head", scale: 2))
        let (y, other) = (sample([5, 4], "y", scale: 3), parameter([31, 4], "other", scale: 2))
        let rows = supervision(count, rows: 5, vocabulary: 31)
        func fused(_ loss: some TokenLoss) -> Double {
            headLoss(
                x, head: .plain(head), rows, loss,
                reference: ReferenceLogits(hidden: y, head: .plain(other))
            ).scalar
        }
        #expect(close(fused(CrossEntropyLoss()), plain(x, head, rows) { p, t, _ in -log(p[t]) }))
        #expect(close(fused(DynamicLoss()), plain(x, head, rows) { p, t, _ in -log(p[t]) * p[t] }))
        let smoothed = plain(x, head, rows) { p, t, _ in
            -0.8 * log(p[t]) - 0.2 * p.reduce(0) { $0 + log($1) } / 31
        }
        #expect(close(fused(SmoothedLoss(smoothing: 0.2)), smoothed))
        for alpha in [1, 0.5] {
            let adaptive = plain(x, head, rows) { p, t, _ in
                let top = p.sorted(by: >).prefix(20)
                let total = top.reduce(0, +)
                let entropy = top.reduce(0) { $0 - $1 / total * log($1 / total) }
                return -log(p[t]) * pow(entropy / 3, alpha)
            }
            #expect(close(fused(EntropyAdaptiveLoss(alpha: alpha)), adaptive))
        }
        let references = distributions(y, other, rows)
        let anchored = plain(x, head, rows) { p, t, index in
            let q = references[index]
            return -log(p[t]) * p[t] + 0.3 * zip(q, p).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
        }
        #expect(close(fused(AnchoredLoss(alpha: 0.3)), anchored))
    }

    /// The vocabulary is larger than the stretch in which a reference is turned into probabilities.
    @Test func largeVocabulariesInFloat32() {
        let (x, head) = (sample([3, 8], "x"), parameter([5001, 8], "head"))
        let (y, other) = (sample([3, 8], "y"), parameter([5001, 8], "other"))
        let rows = supervision(7, rows: 3, vocabulary: 5001)
        let narrow = { (p: Parameter) in Parameter(p.name, p.value.converted(to: .float32)) }
        for loss in [AnchoredLoss(alpha: 0.5), AnchoredLoss(alpha: 0)] {
            let wide = headLoss(
                x, head: .plain(head), rows, loss,
                reference: ReferenceLogits(hidden: y, head: .plain(other)))
            let found = headLoss(
                x.converted(to: .float32), head: .plain(narrow(head)), rows, loss,
                reference: ReferenceLogits(
                    hidden: y.converted(to: .float32), head: .plain(narrow(other))))
            #expect(close(found.scalar, wide.scalar, 1e-5))
        }
    }

    @Test(arguments: [3, 300]) func smoothedGradients(count: Int) {
        let (x, head) = (parameter([4, 3], "x"), parameter([7, 3], "head"))
        let rows = supervision(count, rows: 4, vocabulary: 7)
        let loss = SmoothedLoss(smoothing: 0.3)
        check([x, head]) { headLoss(x.tracked, head: .plain(head), rows, loss) * 0.5 }
        check([x]) { headLoss(x.tracked, head: .plain(head), rows, loss) }
        check([head]) { headLoss(x.value, head: .plain(head), rows, loss) }
    }

    /// With its dynamic part held fixed the divergence's gradient is that of a plain function.
    @Test(arguments: [3, 300]) func divergenceGradients(count: Int) {
        struct Divergence: TokenLoss {
            var spreads: Bool { true }
            func slope(of row: LogitRow) -> TokenSlope {
                TokenSlope(value: row.divergence, reference: 1)
            }
        }
        let (x, head) = (parameter([4, 3], "x"), parameter([7, 3], "head"))
        let (y, other) = (sample([4, 3], "y"), parameter([7, 3], "other"))
        let rows = supervision(count, rows: 4, vocabulary: 7)
        check([x, head]) {
            headLoss(
                x.tracked, head: .plain(head), rows, Divergence(),
                reference: ReferenceLogits(hidden: y, head: .plain(other)))
        }
    }

    /// Factors that are held fixed: the gradient is that of the cross-entropy with weights.
    @Test func heldFactorsWeighTheCrossEntropy() throws {
        let (x, head) = (parameter([4, 6], "x"), parameter([29, 6], "head", scale: 3))
        let rows = supervision(9, rows: 4, vocabulary: 29)
        let p = distributions(x.value, head, rows)
        func gradient(_ loss: () -> Tensor) throws -> Tensor {
            try #require(valueAndGradients(of: [x], loss).gradients[x])
        }
        func weighted(_ factor: (Int) -> Double) throws -> Tensor {
            // Weights are float32, so the same gradient is put together prediction by prediction.
            var total = Tensor(zeros: x.value.shape, .float64)
            for index in 0..<rows.count {
                let one = Supervision(rows: [rows.rows[index]], targets: [rows.targets[index]])
                let part = try gradient { tokenCrossEntropy(x.tracked, head: .plain(head), one) }
                total = total + part * (Double(rows.weights[index]) * factor(index))
            }
            return total
        }
        let dynamic = try gradient { headLoss(x.tracked, head: .plain(head), rows, DynamicLoss()) }
        let expected = try weighted { p[$0][Int(rows.targets[$0])] }
        #expect(Closeness(dynamic, expected).isWithin(1e-12))
        let adaptive = try gradient {
            headLoss(x.tracked, head: .plain(head), rows, EntropyAdaptiveLoss(alpha: 2))
        }
        let entropies = p.map { p in
            let top = p.sorted(by: >).prefix(20)
            let total = top.reduce(0, +)
            return top.reduce(0) { $0 - $1 / total * log($1 / total) }
        }
        #expect(Closeness(adaptive, try weighted { pow(entropies[$0] / 3, 2) }).isWithin(1e-12))
    }

    /// bfloat16 keeps its narrow gradients where the loss pulls to the target alone; where every logit
    /// has a share they are wide. Both are near the float32 ones.
    @Test func bfloat16Gradients() throws {
        let (x, head) = (sample([40, 64], "x"), sample([500, 64], "head", scale: 0.3))
        let rows = supervision(60, rows: 40, vocabulary: 500)
        func gradient(_ type: ElementType, _ loss: some TokenLoss) throws -> Tensor {
            let input = Parameter("x", x.converted(to: type), isTrainable: true)
            let matrix = Parameter("head", head.converted(to: type))
            return try #require(
                valueAndGradients(of: [input]) {
                    headLoss(input.tracked, head: .plain(matrix), rows, loss)
                }.gradients[input])
        }
        let smoothed = SmoothedLoss(smoothing: 0.2)
        #expect(
            Closeness(try gradient(.bfloat16, smoothed), try gradient(.float64, smoothed))
                .isWithin(1e-2))
        let dynamic = DynamicLoss()
        #expect(
            Closeness(try gradient(.bfloat16, dynamic), try gradient(.float64, dynamic))
                .isWithin(1e-2))
    }

    @Test func theMeanRowGivesMeanLogits() {
        let (x, head) = (sample([3, 5], "x"), parameter([2500, 5], "head"))
        let all = logits(x, head: .plain(head)).doubles()
        let row = LinearMatrix.plain(head).meanRow()
        #expect(row.shape == [1, 5])
        let means = linearProduct(x, Parameter("mean", row)).doubles()
        for token in 0..<3 {
            let expected = all[token * 2500..<(token + 1) * 2500].reduce(0, +) / 2500
            #expect(close(means[token], expected))
        }
    }
}
