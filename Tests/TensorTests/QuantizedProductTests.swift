import FledgeCore
import FledgeTensor
import FledgeTesting
import Testing

/// Products with matrices in blocks, on every instruction set.
@Suite struct QuantizedProductTests {
    static let paths = Kernels.availablePaths

    private func values(
        _ format: QuantizedFormat, _ path: String, _ x: Parameter, _ bias: Parameter
    )
        -> (blocks: [Tensor], plain: [Tensor])
    {
        let matrix = quantizedSample(format, rows: bias.value.count, columns: x.value.shape[1])
        func run(_ product: (Tensor) -> Tensor) -> [Tensor] {
            var output: Tensor?
            let gradients = valueAndGradients(of: [x, bias]) {
                let result = product(x.tracked)
                output = result.detached
                return projected(result)
            }.gradients
            return [output, gradients[x], gradients[bias]].compactMap { $0 }
        }
        return Kernels.withPath(path) {
            let plain = Parameter("w", matrix.expanded(as: x.value.elementType))
            let term = LowRankTerm(
                down: parameter([4, x.value.shape[1]], "a", bias.value.elementType),
                up: parameter([bias.value.count, 4], "b", bias.value.elementType), scaling: 2)
            return (
                run { linearProduct($0, .quantized(matrix), bias: bias, lowRank: term) },
                run { linearProduct($0, .plain(plain), bias: bias, lowRank: term) }
            )
        }
    }

    /// One row to four are read as they lie, more are packed; depths around the blocks of 192 pairs.
    @Test(arguments: paths, quantizedFormats)
    func haveTheBitsOfTheExpandedMatrix(path: String, format: QuantizedFormat) {
        for type in [ElementType.float32, .bfloat16, .float64] {
            for (tokens, inputs, outputs) in [
                (1, 256, 70), (3, 1536, 65), (4, 512, 16), (7, 256, 203), (70, 768, 33),
                (5, 1024, 1),
            ] {
                let inputs = columnCount(format, near: inputs)
                let x = parameter([tokens, inputs], "x", type)
                let bias = parameter([outputs], "b", type == .float64 ? type : .float32)
                let (found, expected) = values(format, path, x, bias)
                #expect(found.count == 3)
                for (a, b) in zip(found, expected) {
                    let isSame = a.withUnsafeBytes { a in b.withUnsafeBytes { a.elementsEqual($0) }
                    }
                    #expect(isSame, "\(path) \(format) \(type) \(tokens)×\(inputs)×\(outputs)")
                }
            }
        }
    }

    /// A table of vectors that is the head too.
    @Test(arguments: paths, quantizedFormats)
    func tablesAndHeadsHaveTheBitsOfTheExpandedMatrix(path: String, format: QuantizedFormat) {
        let channels = columnCount(format, near: 256)
        let matrix = quantizedSample(format, rows: 301, columns: channels)
        let rows = supervision(270, rows: 280, vocabulary: 301)
        let ids = (0..<280).map { Int32($0 * 7 % 301) }
        for type in [ElementType.float32, .bfloat16, .float64] {
            Kernels.withPath(path) {
                func results(_ table: LinearMatrix) -> [[Double]] {
                    let x = Parameter("x", embeddingLookup(ids, table, as: type))
                    let loss = valueAndGradients(of: [x]) {
                        tokenCrossEntropy(x.tracked, head: LanguageHead(table), rows)
                    }
                    let logged = valueAndGradients(of: [x]) {
                        projected(tokenLogProbabilities(x.tracked, head: LanguageHead(table), rows))
                    }
                    let scores = logits(x.value, head: LanguageHead(table), rows: [0, 279, 5])
                    return [x.value, loss.value, logged.value, scores].map { $0.doubles() }
                        + [loss, logged].map { $0.gradients[x]?.doubles() ?? [] }
                }
                let found = results(.quantized(matrix))
                let expected = results(.plain(Parameter("w", matrix.expanded(as: type))))
                // Gradients of logits that are float32 meet blocks that are not rounded to bfloat16.
                let largest = expected[0].reduce(0) { max($0, abs($1)) }
                let isSame = zip(found, expected).enumerated().map { index, pair in
                    if type != .bfloat16 || index < 4 { return pair.0 == pair.1 }
                    return zip(pair.0, pair.1).allSatisfy {
                        abs($0 - $1) <= (largest + abs($1)) / 64
                    }
                }
                #expect(!isSame.contains(false), "\(path) \(format) \(type): \(isSame)")
                let isSomething = found.map { $0.contains { $0 != 0 } }
                #expect(!isSomething.contains(false), "\(isSomething)")
            }
        }
    }

    /// Rows that begin inside a block, inside a byte, and matrices smaller than a block.
    @Test(arguments: paths) func rowsNeedNotBeWholeBlocks(path: String) {
        for format in quantizedFormats where columnCount(format, near: 5) == 5 {
            for (tokens, inputs, outputs) in [
                (1, 1, 1), (2, 5, 3), (3, 37, 70), (6, 1, 9), (9, 131, 21), (1, 577, 40),
            ] {
                let x = parameter([tokens, inputs], "x", .bfloat16)
                let bias = parameter([outputs], "b", .float32)
                let (found, expected) = values(format, path, x, bias)
                for (a, b) in zip(found, expected) {
                    #expect(a.doubles() == b.doubles(), "\(path) \(format) \(tokens) \(inputs)")
                }
            }
        }
    }

    /// In lanes, elements are expanded to float32 whatever the type of the activations, and rows of any
    /// number have the same bits.
    @Test(arguments: paths, quantizedFormats)
    func lanesReadTheBlocksThemselves(path: String, format: QuantizedFormat) {
        for (inputs, outputs) in [(256, 70), (768, 33), (37, 9), (576, 1030)] {
            let inputs = columnCount(format, near: inputs)
            let matrix = quantizedSample(format, rows: outputs, columns: inputs)
            let bias = parameter([outputs], "b", .float32)
            for type in [ElementType.float32, .bfloat16] {
                let x = sample([5, inputs], "x", type)
                Kernels.withPath(path) {
                    let plain = Parameter("w", matrix.expanded(as: .float32))
                    let expected = linearProduct(x, .plain(plain), bias: bias, order: .lanes)
                    let found = linearProduct(x, .quantized(matrix), bias: bias, order: .lanes)
                    #expect(found.doubles() == expected.doubles(), "\(path) \(format) \(type)")
                    for row in 0..<5 {
                        let one = Tensor(
                            Array(x.scalars()[row * inputs..<(row + 1) * inputs]),
                            shape: [1, inputs]
                        ).converted(to: type)
                        let alone = linearProduct(
                            one, .quantized(matrix), bias: bias, order: .lanes)
                        #expect(
                            alone.doubles()
                                == Array(
                                    expected.doubles()[row * outputs..<(row + 1) * outputs]),
                            "\(path) \(format) \(type) row \(row)")
                    }
                }
            }
        }
    }

    @Test(arguments: quantizedFormats) func pathsExpandAlike(format: QuantizedFormat) {
        let matrix = quantizedSample(format, rows: 5, columns: columnCount(format, near: 512))
        for type in [ElementType.float32, .bfloat16, .float64] {
            let expected = Kernels.withPath("portable") { matrix.expanded(as: type).doubles() }
            #expect(expected.contains { $0 != 0 })
            for path in Self.paths {
                let found = Kernels.withPath(path) { matrix.expanded(as: type).doubles() }
                #expect(found == expected, "\(path) \(format) \(type)")
            }
        }
    }

    @Test func sizesAreAsPromised() {
        let perElement = { (format: QuantizedFormat) in
            let matrix = quantizedSample(format, rows: 576, columns: 1536)
            return Double(matrix.byteCount) / Double(matrix.count)
        }
        #expect(perElement(.fourBit(.nf4, hasNestedScales: false)) <= 0.5626)
        #expect(perElement(.fourBit(.nf4, hasNestedScales: true)) <= 0.516)
        #expect(perElement(.int8) < 1.003)
        #expect(perElement(.ggml(.q4_1)) == 0.625)
    }
}
