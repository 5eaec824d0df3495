import FledgeTensor
import Testing

/// Products of few rows, as generation has them: against float64, whatever rows stand beside a row.
@Suite struct LaneProductTests {
    /// Sizes that are none of whole vectors, pairs or tiles, and some that are.
    static let sizes = [
        (1, 1), (2, 3), (31, 8), (33, 17), (64, 16), (95, 5), (576, 130), (577, 70), (1536, 33),
        (40, 1100),
    ]

    private func product(_ x: Tensor, _ head: Parameter) -> [Float] {
        logits(x, head: .plain(head), order: .lanes).scalars()
    }

    private func rows(_ x: Tensor, _ range: Range<Int>) -> Tensor {
        let columns = x.shape[1]
        return Tensor(
            Array(x.scalars()[range.lowerBound * columns..<range.upperBound * columns]),
            shape: [range.count, columns]
        ).converted(to: x.elementType)
    }

    /// An element errs by at most a rounding of each of its terms' sums.
    @Test(arguments: Kernels.availablePaths, [ElementType.float32, .bfloat16])
    func elementsAreSums(path: String, type: ElementType) {
        for (inputs, outputs) in Self.sizes {
            let x = sample([17, inputs], "x", type)
            let head = parameter([outputs, inputs], "head", type)
            let found = Kernels.withPath(path) { product(x, head) }
            let (a, b) = (x.doubles(), head.value.doubles())
            var worst = 0.0
            for row in 0..<17 {
                for column in 0..<outputs {
                    var (sum, size) = (0.0, 0.0)
                    for k in 0..<inputs {
                        let term = a[row * inputs + k] * b[column * inputs + k]
                        sum += term
                        size += abs(term)
                    }
                    let difference = abs(Double(found[row * outputs + column]) - sum)
                    worst = max(worst, difference / size)
                }
            }
            #expect(worst < 2e-6, "\(path) \(type) \(inputs) × \(outputs): \(worst)")
        }
    }

    /// Any number of rows, and any place among them.
    @Test(arguments: Kernels.availablePaths, [ElementType.float32, .bfloat16])
    func rowsAreAlone(path: String, type: ElementType) {
        for (inputs, outputs) in Self.sizes {
            let x = sample([17, inputs], "x", type)
            let head = parameter([outputs, inputs], "head", type)
            Kernels.withPath(path) {
                let whole = product(x, head)
                for count in 1...16 {
                    for begin in [0, 17 - count] {
                        let part = product(rows(x, begin..<begin + count), head)
                        #expect(
                            part == Array(whole[begin * outputs..<(begin + count) * outputs]),
                            "\(path) \(type) \(inputs) × \(outputs): \(count) rows from \(begin)")
                    }
                }
            }
        }
    }

    /// A column has the same bits in a matrix of any number of columns.
    @Test(arguments: Kernels.availablePaths) func columnsAreAlone(path: String) {
        let x = sample([11, 100], "x", .bfloat16)
        let matrix = sample([70, 100], "head", .bfloat16)
        Kernels.withPath(path) {
            let whole = product(x, Parameter("head", matrix))
            for count in [1, 2, 7, 16, 33] {
                let part = product(x, Parameter("head", rows(matrix, 5..<5 + count)))
                for row in 0..<11 {
                    #expect(
                        Array(part[row * count..<(row + 1) * count])
                            == Array(whole[row * 70 + 5..<row * 70 + 5 + count]),
                        "\(path): \(count) columns, row \(row)")
                }
            }
        }
    }

    /// The instruction for pairs, and its arithmetic step by step.
    @Test func emulationHasTheBitsOfTheInstruction() {
        let paths = ["avx512-bf16", "avx512-bf16-emulated"]
        guard paths.allSatisfy({ Kernels.availablePaths.contains($0) }) else { return }
        for (inputs, outputs) in Self.sizes {
            for scale in [1, 1e-18] {
                let x = sample([13, inputs], "x", scale: scale, .bfloat16)
                let head = Parameter(
                    "head", sample([outputs, inputs], "head", scale: scale, .bfloat16))
                let found = paths.map { path in
                    Kernels.withPath(path) { product(x, head).map(\.bitPattern) }
                }
                #expect(found[0] == found[1], "\(inputs) × \(outputs) at \(scale)")
            }
        }
    }
}
