import FledgeCore
import FledgeTensor
import FledgeTesting
import Testing

/// Attention over segments that continue others.
@Suite struct ForestAttentionTests {
    /// A system prompt, two documents under it, questions under these; chains, empty segments, roots.
    static let forests = [
        SequenceLayout(lengths: [3, 2, 1], parents: [nil, 0, 0]),
        SequenceLayout(lengths: [2, 0, 3, 1, 2, 0], parents: [nil, 0, 1, 1, nil, 4]),
        SequenceLayout(lengths: [1, 1, 1, 1, 2], parents: [nil, 0, 1, 2, 0]),
        SequenceLayout(lengths: [0, 2, 2], parents: [nil, 0, 0]),
    ]
    /// Segments longer than tiles and blocks.
    static let largeForests = [
        SequenceLayout(lengths: [70, 66, 5, 130], parents: [nil, 0, 0, 1]),
        SequenceLayout(lengths: [150, 1, 63, 200, 90, 7], parents: [nil, 0, 0, nil, 2, 4]),
    ]

    private struct Operands {
        let q: Parameter
        let k: Parameter
        let v: Parameter
        let heads = 4
        let keyValueHeads = 2

        init(_ count: Int, _ d: Int, _ type: ElementType) {
            q = parameter([count, heads * d], "q", type)
            k = parameter([count, keyValueHeads * d], "k", type)
            v = parameter([count, keyValueHeads * d], "v", type)
        }

        var all: [Parameter] { [q, k, v] }

        func attended(_ layout: SequenceLayout) -> Tensor {
            causalAttention(
                q.tracked, k.tracked, v.tracked, layout: layout, heads: heads,
                keyValueHeads: keyValueHeads, options: .init(scale: 0.6))
        }
    }

    @Test(arguments: forests) func gradients(layout: SequenceLayout) {
        let x = Operands(layout.count, 6, .float64)
        let check = GradientCheck(of: x.all) { projected(x.attended(layout)) }
        #expect(check.passes, "\(check)")
    }

    @Test func gradientsOverSeveralBlocks() {
        let layout = SequenceLayout(lengths: [66, 130, 3], parents: [nil, 0, 0])
        let x = Operands(layout.count, 1, .float64)
        let check = GradientCheck(of: x.all) { projected(x.attended(layout)) }
        #expect(check.passes, "\(check)")
    }

    /// The rows of a matrix that a sequence consists of.
    private func rows(_ x: Tensor, _ ranges: [Range<Int>]) -> Tensor {
        let (columns, values) = (x.shape[1], x.doubles())
        let part = ranges.flatMap { values[$0.lowerBound * columns..<$0.upperBound * columns] }
        return Tensor(part, shape: [part.count / columns, columns]).converted(to: x.elementType)
    }

    private func ends(_ layout: SequenceLayout) -> [Int] {
        layout.segments.indices.filter { index in
            !layout.segments.contains { $0.parent == index }
        }
    }

    /// How a sequence is laid out changes no bit of what its tokens get.
    @Test(arguments: [ElementType.float32, .bfloat16, .float64], forests + largeForests)
    func everySequenceGetsWhatItGetsAlone(type: ElementType, layout: SequenceLayout) {
        for path in Kernels.availablePaths {
            for d in [20, 33] {
                Kernels.withPath(path) { expectEverySequenceAsAlone(type, layout, d) }
            }
        }
    }

    private func expectEverySequenceAsAlone(
        _ type: ElementType, _ layout: SequenceLayout, _ d: Int
    ) {
        let x = Operands(layout.count, d, type)
        let whole = x.attended(layout)
        for end in ends(layout) {
            let ranges = layout.ranges(to: end)
            let alone = causalAttention(
                rows(x.q.value, ranges), rows(x.k.value, ranges), rows(x.v.value, ranges),
                layout: SequenceLayout(lengths: [ranges.map(\.count).reduce(0, +)]),
                heads: x.heads, keyValueHeads: x.keyValueHeads, options: .init(scale: 0.6))
            #expect(rows(whole, ranges).doubles() == alone.doubles(), "\(Kernels.path) \(d)")
        }
    }

    /// A shared token's gradient is the sum over the sequences that go through it.
    @Test(arguments: [(ElementType.float32, 1e-6), (.float64, 1e-12)], forests + largeForests)
    func sharedGradientsAreSums(
        precision: (type: ElementType, tolerance: Double), layout: SequenceLayout
    ) {
        let x = Operands(layout.count, 20, precision.type)
        let weights = sample(x.q.value.shape, "weights", precision.type)
        let found = valueAndGradients(of: x.all) { sum(x.attended(layout) * weights) }.gradients
        var expected = x.all.map { [Double](repeating: 0, count: $0.value.count) }
        // A shared row's own result counts once, in the first sequence that goes through it.
        var isCounted = [Bool](repeating: false, count: layout.count)
        for end in ends(layout) {
            let ranges = layout.ranges(to: end)
            let parts = x.all.map { Parameter($0.name, rows($0.value, ranges), isTrainable: true) }
            let columns = weights.shape[1]
            var part = rows(weights, ranges).doubles()
            for (place, row) in ranges.joined().enumerated() {
                if isCounted[row] {
                    for column in 0..<columns { part[place * columns + column] = 0 }
                }
                isCounted[row] = true
            }
            let mask = Tensor(part, shape: [part.count / columns, columns])
                .converted(to: precision.type)
            let gradients = valueAndGradients(of: parts) {
                sum(
                    causalAttention(
                        parts[0].tracked, parts[1].tracked, parts[2].tracked,
                        layout: SequenceLayout(lengths: [mask.shape[0]]), heads: x.heads,
                        keyValueHeads: x.keyValueHeads, options: .init(scale: 0.6)) * mask)
            }.gradients
            for (index, parameter) in parts.enumerated() {
                let values = gradients[parameter]?.doubles() ?? []
                let width = parameter.value.shape[1]
                for (place, row) in ranges.joined().enumerated() {
                    for column in 0..<width {
                        expected[index][row * width + column] += values[place * width + column]
                    }
                }
            }
        }
        for (index, parameter) in x.all.enumerated() {
            let closeness = Closeness(found[parameter]?.doubles() ?? [], expected[index])
            #expect(
                closeness.isWithin(precision.tolerance)
                    || !closeness.isBroken && closeness.largestDifference < precision.tolerance,
                "\(parameter.name): \(closeness)")
        }
    }

    /// A chain of segments is one sequence, wherever its positions begin anew.
    @Test(arguments: [ElementType.float32, .float64]) func chainsAreOneSequence(type: ElementType) {
        let x = Operands(140, 12, type)
        let whole = x.attended(SequenceLayout(lengths: [140])).doubles()
        for restarts in [false, true] {
            let layout = SequenceLayout(
                lengths: [3, 70, 0, 66, 1], parents: [nil, 0, 1, 2, 3], restartsPositions: restarts)
            #expect(layout.positions[3] == (restarts ? 0 : 3))
            let parts = x.attended(layout).doubles()
            #expect(zip(parts, whole).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    /// Without its parents the same run gives something else, so the tests above can fail.
    @Test func parentsMatter() {
        for layout in Self.forests.dropLast() + Self.largeForests {
            let x = Operands(layout.count, 20, .float64)
            let apart = SequenceLayout(lengths: layout.segments.map(\.length))
            #expect(!Closeness(x.attended(layout), x.attended(apart)).isWithin(1e-3))
        }
    }

    @Test(arguments: Kernels.availablePaths, [ElementType.float32, .bfloat16])
    func everyInstructionSet(path: String, type: ElementType) {
        for layout in Self.largeForests {
            func run(_ type: ElementType) -> [Tensor] {
                let x = Operands(layout.count, 20, .bfloat16)
                for parameter in x.all { parameter.value = parameter.value.converted(to: type) }
                var output: Tensor?
                let gradients = valueAndGradients(of: x.all) {
                    let result = x.attended(layout)
                    output = result.detached
                    return projected(result)
                }.gradients
                return [output].compactMap { $0 } + x.all.compactMap { gradients[$0] }
            }
            let found = Kernels.withPath(path) { run(type) }
            for (a, b) in zip(found, run(.float64)) {
                let closeness = Closeness(a, b)
                #expect(closeness.isWithin(type == .float32 ? 4e-6 : 1.2e-2), "\(closeness)")
            }
        }
    }

    @Test func pairsOfABlockTakeTurns() {
        for layout in Self.forests + Self.largeForests {
            let schedule = AttentionSchedule(layout)
            var done = (
                keys: [Int](repeating: 0, count: schedule.blockCount),
                queries: [Int](repeating: 0, count: schedule.blockCount)
            )
            for entry in schedule.entries {
                #expect(done.keys[entry.keys.block] == entry.keys.turn)
                #expect(done.queries[entry.queries.block] == entry.queries.turn)
                done.keys[entry.keys.block] += 1
                done.queries[entry.queries.block] += 1
            }
        }
    }
}
