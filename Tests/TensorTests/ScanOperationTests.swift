import FledgeCore
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Operations that carry something from token to token: against plain formulas and central differences,
/// over sequences, shared prefixes and states.
@Suite struct ScanOperationTests {
    static let layouts =
        ForestAttentionTests.forests + [
            SequenceLayout(lengths: [5]), SequenceLayout(lengths: [1, 4, 0, 7]),
        ]
    static let longLayouts =
        ForestAttentionTests.largeForests + [
            SequenceLayout(lengths: [64, 128, 65]), SequenceLayout(lengths: [300]),
        ]
    static let shapes = [
        DeltaShape(keyHeads: 1, valueHeads: 1, keyChannels: 3, valueChannels: 2),
        DeltaShape(keyHeads: 2, valueHeads: 4, keyChannels: 2, valueChannels: 3),
    ]
    static let wideShapes = [
        DeltaShape(keyHeads: 2, valueHeads: 2, keyChannels: 33, valueChannels: 20),
        DeltaShape(keyHeads: 1, valueHeads: 2, keyChannels: 64, valueChannels: 128),
    ]

    private func check(_ parameters: [Parameter], _ loss: () -> Tensor) {
        let check = GradientCheck(of: parameters, loss)
        #expect(check.passes, "\(check)")
    }

    // MARK: - Convolutions

    private func convolution(
        _ count: Int, _ channels: Int, _ width: Int, _ type: ElementType = .float64
    ) -> [Parameter] {
        [
            parameter([count, channels], "x", type),
            parameter([channels, 1, width], "w", type.accumulator),
            parameter([channels], "bias", type.accumulator),
        ]
    }

    private func convolved(
        _ p: [Parameter], _ layout: SequenceLayout, activates: Bool, hasBias: Bool = true
    ) -> Tensor {
        causalConvolution(
            p[0].tracked, p[1], bias: hasBias ? p[2] : nil, activates: activates,
            layout: ScanLayout(layout))
    }

    /// The rows of each token's sequence up to it, the first one first.
    private func history(_ layout: SequenceLayout) -> [[Int]] {
        var result = [[Int]](repeating: [], count: layout.count)
        for index in layout.segments.indices {
            let path = layout.ranges(to: index).flatMap { Array($0) }
            for row in layout.segments[index].range {
                result[row] = Array(path.prefix { $0 != row }) + [row]
            }
        }
        return result
    }

    @Test(arguments: layouts + longLayouts, [1, 3, 4]) func convolutions(
        layout: SequenceLayout, width: Int
    ) {
        let p = convolution(layout.count, 5, width)
        let (x, w, b) = (p[0].value.doubles(), p[1].value.doubles(), p[2].value.doubles())
        for activates in [false, true] {
            let found = convolved(p, layout, activates: activates).doubles()
            for (row, before) in history(layout).enumerated() {
                for channel in 0..<5 {
                    var sum = b[channel]
                    for (distance, other) in before.reversed().prefix(width).enumerated() {
                        sum += w[channel * width + width - 1 - distance] * x[other * 5 + channel]
                    }
                    let wanted = activates ? sum / (1 + exp(-sum)) : sum
                    #expect(abs(found[row * 5 + channel] - wanted) < 1e-12)
                }
            }
        }
    }

    @Test(arguments: layouts, [1, 2, 4]) func gradientsOfConvolutions(
        layout: SequenceLayout, width: Int
    ) {
        let p = convolution(layout.count, 3, width)
        for activates in [false, true] {
            check(p) { projected(convolved(p, layout, activates: activates)) }
            check([p[0], p[1]]) {
                projected(convolved(p, layout, activates: activates, hasBias: false))
            }
            check([p[1]]) { projected(convolved(p, layout, activates: activates)) }
        }
    }

    // MARK: - Gated delta rule

    @Test(arguments: layouts + longLayouts, shapes) func rules(
        layout: SequenceLayout, shape: DeltaShape
    ) {
        let x = DeltaOperands(shape, tokens: layout.count)
        #expect(Closeness(x.output(layout).doubles(), x.expected(layout)).isWithin(1e-10))
    }

    @Test(arguments: layouts, shapes) func gradientsOfRules(
        layout: SequenceLayout, shape: DeltaShape
    ) {
        let x = DeltaOperands(shape, tokens: layout.count)
        check(x.all) { projected(x.output(layout)) }
    }

    @Test func gradientsOfRulesOverSeveralChunks() {
        let layout = SequenceLayout(lengths: [66, 130, 3], parents: [nil, 0, 0])
        let x = DeltaOperands(
            DeltaShape(keyHeads: 1, valueHeads: 2, keyChannels: 2, valueChannels: 1),
            tokens: layout.count, memory: 200)
        check(x.all) { projected(x.output(layout)) }
    }

    /// A shared prefix gives what its sequences would give alone, and packed ones see nothing of each other.
    @Test(arguments: wideShapes) func sequencesAreThoseAlone(shape: DeltaShape) {
        for layout in Self.longLayouts {
            let x = DeltaOperands(shape, tokens: layout.count, .float32)
            #expect(
                Closeness(x.output(layout).doubles(), x.expected(layout)).isWithin(3e-6))
        }
    }

    // MARK: - States

    /// Parts that go on from states are the whole, token by token too.
    @Test(arguments: [[70, 1, 1, 64, 9], [1, 1, 1, 3]]) func states(parts: [Int]) {
        let shape = Self.shapes[1]
        let count = parts.reduce(0, +)
        let whole = SequenceLayout(lengths: [count])
        let x = DeltaOperands(shape, tokens: count)
        let convolution = convolution(count, shape.mixedColumns, 4)
        let wanted = (
            x.output(whole).doubles(), convolved(convolution, whole, activates: true).doubles()
        )
        func rows(_ parameter: Parameter, _ range: Range<Int>) -> Tensor {
            let columns = parameter.value.shape[1]
            return Tensor(
                Array(
                    parameter.value.doubles()[
                        range.lowerBound * columns..<range.upperBound * columns]),
                shape: [range.count, columns])
        }
        var (matrices, kept) = (
            [Tensor?](repeating: nil, count: 1), [Tensor?](repeating: nil, count: 1)
        )
        var (found, convolved) = ([Double](), [Double]())
        var start = 0
        for part in parts {
            let (range, layout) = (start..<start + part, ScanLayout([.init(0..<part)]))
            found += gatedDelta(
                rows(x.mixed, range), a: rows(x.a, range), b: rows(x.b, range),
                logRate: x.logRate, bias: x.bias, shape, layout: layout, states: &matrices
            ).doubles()
            let input = rows(convolution[0], range)
            convolved += causalConvolution(
                input, convolution[1], bias: convolution[2], activates: true, layout: layout,
                from: kept
            ).doubles()
            kept = convolutionEnds(input, count: 3, layout: layout, from: kept)
            start += part
        }
        #expect(Closeness(found, wanted.0).isWithin(1e-10))
        #expect(convolved == wanted.1)
    }

    // MARK: - Paths

    private func run(
        _ parameters: [Parameter], _ type: ElementType, sums: ElementType, _ body: () -> Tensor
    ) -> [Tensor] {
        for (index, parameter) in parameters.enumerated() {
            let narrow = parameter.value.converted(
                to: index < parameters.count - 2 ? .bfloat16 : .float32)
            parameter.value = narrow.converted(to: index < parameters.count - 2 ? type : sums)
        }
        var output: Tensor?
        let gradients = valueAndGradients(of: parameters) {
            let result = body()
            output = result.detached
            return projected(result)
        }.gradients
        return [output].compactMap { $0 } + parameters.compactMap { gradients[$0] }
    }

    private func compare(
        _ path: String, _ type: ElementType, _ parameters: [Parameter], _ body: () -> Tensor
    ) {
        let found = Kernels.withPath(path) {
            run(parameters, type, sums: type.accumulator, body)
        }
        let wanted = run(parameters, .float64, sums: .float64, body)
        #expect(found.count == wanted.count && found.count == parameters.count + 1)
        for (a, b) in zip(found, wanted) {
            let closeness = Closeness(a, b)
            #expect(
                closeness.isWithin(type == .float32 ? 1e-5 : 2e-2),
                "\(path) \(type) \(a.shape): \(closeness)")
        }
    }

    @Test(arguments: Kernels.availablePaths, [ElementType.float32, .bfloat16])
    func everyInstructionSet(path: String, type: ElementType) {
        for (layout, shape) in zip(Self.longLayouts, Self.wideShapes + Self.wideShapes) {
            let x = DeltaOperands(shape, tokens: layout.count)
            compare(path, type, x.all) { x.output(layout) }
            for channels in [1, 70, 300] {
                let p = convolution(layout.count, channels, 4)
                compare(path, type, p) { convolved(p, layout, activates: true) }
            }
        }
    }

    @Test(arguments: [ElementType.float32, .bfloat16]) func threads(type: ElementType) {
        let layout = Self.longLayouts[1]
        func bits() -> [[UInt8]] {
            let x = DeltaOperands(Self.wideShapes[1], tokens: layout.count, type)
            let gradients = valueAndGradients(of: x.all) { projected(x.output(layout)) }.gradients
            return x.all.map { gradients[$0]?.withUnsafeBytes { Array($0) } ?? [] }
        }
        let before = Kernels.threads
        defer { Kernels.threads = before }
        Kernels.threads = 1
        let alone = bits()
        #expect(alone.allSatisfy { !$0.isEmpty })
        for count in [2, 5] {
            Kernels.threads = count
            #expect(bits() == alone)
        }
    }
}
