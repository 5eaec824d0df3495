import FledgeCore
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Heads whose logits are scaled and bounded.
@Suite struct LanguageHeadTests {
    private let heads: [(scale: Double, cap: Double?)] = [
        (0.5, nil), (3, nil), (1, 2), (0.25, 0.7), (4, 30),
    ]

    private func check(_ parameters: [Parameter], _ loss: () -> Tensor) {
        let check = GradientCheck(of: parameters, loss)
        #expect(check.passes, "\(check)")
    }

    @Test func logitsAreScaledAndBounded() {
        let (x, matrix) = (sample([5, 4], "x", scale: 3), parameter([31, 4], "head", scale: 2))
        let plain = logits(x, head: .plain(matrix)).doubles()
        for (scale, cap) in heads {
            let head = LanguageHead(.plain(matrix), scale: scale, softCap: cap)
            let expected = plain.map { logit in
                cap.map { $0 * tanh(scale * logit / $0) } ?? scale * logit
            }
            for type in [ElementType.float64, .float32] {
                let found = logits(x.converted(to: type), head: head).doubles()
                let tolerance = type == .float64 ? 1e-12 : 1e-5
                for (a, b) in zip(found, expected) {
                    #expect(abs(a - b) <= tolerance * max(1, abs(b)), "\(scale) \(cap ?? 0)")
                }
            }
        }
    }

    @Test func gradients() {
        let (x, matrix) = (parameter([4, 3], "x"), parameter([7, 3], "head", scale: 2))
        let rows = supervision(5, rows: 4, vocabulary: 7)
        for (scale, cap) in heads {
            let head = LanguageHead(.plain(matrix), scale: scale, softCap: cap)
            check([x, matrix]) { tokenCrossEntropy(x.tracked, head: head, rows) * 0.5 }
            check([x, matrix]) {
                headLoss(x.tracked, head: head, rows, SmoothedLoss(smoothing: 0.3))
            }
            check([x, matrix]) { projected(tokenLogProbabilities(x.tracked, head: head, rows)) }
        }
    }

    /// A bound changes little where logits are small, in bfloat16 as in float32.
    @Test func bfloat16() throws {
        let (x, matrix) = (sample([40, 64], "x"), sample([500, 64], "head", scale: 0.3))
        let rows = supervision(60, rows: 40, vocabulary: 500)
        func gradient(_ type: ElementType, _ cap: Double?) throws -> Tensor {
            let input = Parameter("x", x.converted(to: type), isTrainable: true)
            let head = LanguageHead(
                .plain(Parameter("head", matrix.converted(to: type))), scale: 0.5, softCap: cap)
            return try #require(
                valueAndGradients(of: [input]) {
                    tokenCrossEntropy(input.tracked, head: head, rows)
                }
                .gradients[input])
        }
        for cap in [nil, 1.5] {
            #expect(
                Closeness(try gradient(.bfloat16, cap), try gradient(.float32, cap))
                    .isWithin(1e-2))
        }
    }
}
