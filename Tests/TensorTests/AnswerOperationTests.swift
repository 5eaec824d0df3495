import FledgeCore
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// What objectives over answers are made of: sums by segment, gathered rows, values of rows.
@Suite("Operations of objectives over answers") struct AnswerOperationTests {
    private func check(_ parameters: [Parameter], _ loss: () -> Tensor) {
        let check = GradientCheck(of: parameters, loss)
        #expect(check.passes, "\(check)")
    }

    @Test func sumsBySegment() {
        let x = parameter([5], "x")
        let segments: [Int32] = [2, 0, 2, 2, 0]
        let v = x.value.doubles()
        let sums = segmentSums(x.value, segments, count: 4).doubles()
        #expect(sums == [v[1] + v[4], 0, v[0] + v[2] + v[3], 0])
        let weights: [Float] = [1, 0.5, 0, 2, 1]
        let weighted = segmentSums(x.value, segments, count: 4, weights: weights).doubles()
        #expect(weighted == [v[1] * 0.5 + v[4], 0, v[0] + v[3] * 2, 0])
        check([x]) { projected(segmentSums(x.tracked, segments, count: 4)) }
        check([x]) { projected(segmentSums(x.tracked, segments, count: 4, weights: weights)) }
        #expect(segmentSums(Tensor([Double](), shape: [0]), [], count: 2).doubles() == [0, 0])
    }

    @Test func gatheredElementsAndRows() {
        let (x, m) = (parameter([6], "x"), parameter([4, 3], "m"))
        let v = x.value.doubles()
        #expect(x.value.gathered([5, 1, 5]).doubles() == [v[5], v[1], v[5]])
        #expect(x.value.elements(2..<5).doubles() == Array(v[2..<5]))
        #expect(x.value.elements(0..<1).repeated(3).doubles() == [v[0], v[0], v[0]])
        #expect(m.value.gathered([3, 0]).shape == [2, 3])
        check([x]) { projected(x.tracked.gathered([5, 1, 5])) }
        check([x]) { projected(x.tracked.elements(2..<5) * x.tracked.elements(0..<3)) }
        check([x]) { projected(x.tracked.elements(1..<2).repeated(4)) }
        check([m]) { projected(m.tracked.gathered([2, 2, 0, 3])) }
        check([m]) { projected(m.tracked.reshaped([2, 6]) * m.tracked.reshaped([2, 6])) }
    }

    @Test(arguments: [false, true]) func valuesOfRows(dropped: Bool) {
        let (x, w, b) = (parameter([5, 7], "x"), parameter([1, 7], "w"), parameter([1], "b"))
        let rows: [Int32] = [4, 0, 4]
        let mask = Dropout(probability: 0.4, rowKeys: (0..<3).map { RandomKey(seed: $0).bits })
        let values = {
            rowValues(x.tracked, rows: rows, weight: w, bias: b, dropout: dropped ? mask : nil)
        }
        #expect(values().shape == [3])
        check([x, w, b]) { projected(values()) }
        check([w]) { projected(rowValues(x.value, rows: rows, weight: w)) }
        guard !dropped else { return }
        let (h, v) = (x.value.doubles(), w.value.doubles())
        let expected = rows.map { row in
            (0..<7).reduce(b.value.scalar) { $0 + h[Int(row) * 7 + $1] * v[$1] }
        }
        #expect(Closeness(values().doubles(), expected).isWithin(1e-12))
    }

    @Test func valuesOfRowsAreFloat32OfBfloat16() throws {
        let x = Parameter("x", sample([5, 7], "x").converted(to: .bfloat16), isTrainable: true)
        let w = parameter([1, 7], "w", .float32)
        let result = valueAndGradients(of: [x, w]) {
            sum(rowValues(x.tracked, rows: [1, 3], weight: w))
        }
        #expect(rowValues(x.value, rows: [1], weight: w).elementType == .float32)
        let gradient = try #require(result.gradients[x]).doubles()
        #expect(gradient[7..<14].contains { $0 != 0 } && gradient[..<7].allSatisfy { $0 == 0 })
    }

    @Test func sigmoids() {
        let x = parameter([9], "x", scale: 4)
        check([x]) { projected(sigmoid(x.tracked)) }
        check([x]) { projected(logSigmoid(x.tracked)) }
        #expect(logSigmoid(-800) == -800 && logSigmoid(800) == 0)
        #expect(abs(logSigmoid(0) + log(2)) < 1e-15)
        #expect(sigmoid(-800) == 0 && sigmoid(800) == 1)
    }

    @Test func constantsAreNotRecorded() {
        let x = parameter([3], "x")
        let result = valueAndGradients(of: [x]) {
            let constant = untracked([x]) { x.tracked * 2 }
            #expect(!constant.isTracked && x.tracked.isTracked)
            return sum(constant + x.tracked)
        }
        #expect(result.gradients[x]?.doubles() == [1, 1, 1])
    }

    /// A fresh adapter leaves every bit as it was, so that a policy begins exactly where its reference is.
    @Test(arguments: Kernels.availablePaths, [ElementType.float32, .float64, .bfloat16])
    func aLowRankTermOfZerosChangesNoBit(path: String, type: ElementType) {
        Kernels.withPath(path) {
            for (tokens, inputs, outputs) in [
                (1, 16, 8), (5, 64, 16), (41, 24, 16), (41, 24, 17), (130, 96, 40), (3, 8, 300),
            ] {
                let x = sample([tokens, inputs], "x", type)
                let weight = parameter([outputs, inputs], "weight", type)
                let term = LowRankTerm(
                    down: parameter([4, inputs], "down", type.accumulator),
                    up: Parameter("up", Tensor(zeros: [outputs, 4], type.accumulator)), scaling: 2)
                for order in [ProductOrder.blocks, .lanes] {
                    let plain = linearProduct(x, .plain(weight), order: order)
                    let adapted = linearProduct(x, .plain(weight), lowRank: term, order: order)
                    #expect(plain.doubles() == adapted.doubles(), "\(inputs) to \(outputs)")
                }
            }
        }
    }
}
