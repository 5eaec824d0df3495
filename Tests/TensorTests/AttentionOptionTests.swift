import FledgeCore
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Windows, soft caps and sinks against attention as it is defined, score by score.
@Suite struct AttentionOptionTests {
    /// Which of the options there are.
    struct Kind: CustomTestStringConvertible {
        var window: Int?
        var softCap: Double?
        var hasSinks = false

        var testDescription: String {
            "window \(window ?? 0), cap \(softCap ?? 0)" + (hasSinks ? ", sinks" : "")
        }
    }

    static let kinds = [
        Kind(window: 1), Kind(window: 3), Kind(window: 17), Kind(window: 64), Kind(window: 65),
        Kind(window: 100, softCap: 2), Kind(softCap: 1.5), Kind(hasSinks: true),
        Kind(window: 30, softCap: 3, hasSinks: true),
    ]
    /// One long sequence, several, and prefixes that others continue, on and beside the edges of tiles.
    static let layouts = [
        SequenceLayout(lengths: [7, 0, 1, 20]), SequenceLayout(lengths: [330]),
        SequenceLayout(lengths: [70, 66, 5, 130], parents: [nil, 0, 0, 1]),
        SequenceLayout(
            lengths: [150, 1, 63, 129, 90, 7], parents: [nil, 0, 0, nil, 2, 4],
            restartsPositions: true),
    ]

    private struct Operands {
        let q: Parameter
        let k: Parameter
        let v: Parameter
        let options: AttentionOptions
        let heads = 4
        let keyValueHeads = 2

        /// - Parameter rounding: What the numbers are rounded to before they are of `type`.
        init(
            _ count: Int, _ d: Int, _ type: ElementType, _ kind: Kind,
            rounding: ElementType? = nil
        ) {
            func make(_ heads: Int, _ name: String) -> Parameter {
                let x = parameter([count, heads * d], name, scale: 1.5, type)
                if let rounding { x.value = x.value.converted(to: rounding).converted(to: type) }
                return x
            }
            (q, k, v) = (make(4, "q"), make(2, "k"), make(2, "v"))
            options = AttentionOptions(
                scale: 0.6, window: kind.window, softCap: kind.softCap,
                sinks: kind.hasSinks
                    ? Parameter(
                        "sinks",
                        Tensor([0.5, -1, 2, 0.1], shape: [4]).converted(to: type.accumulator),
                        isTrainable: true) : nil)
        }

        var all: [Parameter] { [q, k, v] + [options.sinks].compactMap { $0 } }

        func attended(_ layout: SequenceLayout) -> Tensor {
            causalAttention(
                q.tracked, k.tracked, v.tracked, layout: layout, heads: heads,
                keyValueHeads: keyValueHeads, options: options)
        }

        /// By the definition, in float64.
        func expected(_ layout: SequenceLayout) -> [Double] {
            let d = q.value.shape[1] / heads
            let (q, k, v) = (q.value.doubles(), k.value.doubles(), v.value.doubles())
            let sinks = options.sinks?.value.doubles()
            var result = [Double](repeating: 0, count: q.count)
            for index in layout.segments.indices {
                let rows = layout.ranges(to: index).flatMap { Array($0) }
                let own = layout.segments[index].length
                for place in (rows.count - own)..<rows.count {
                    let first = max(0, place + 1 - (options.window ?? rows.count))
                    for head in 0..<heads {
                        let (query, group) = (
                            (rows[place] * heads + head) * d, head * keyValueHeads / heads
                        )
                        func key(_ row: Int) -> Int { (row * keyValueHeads + group) * d }
                        let weights = rows[first...place].map { row in
                            var score = (0..<d).reduce(0) { $0 + q[query + $1] * k[key(row) + $1] }
                            score *= Double(options.scale)
                            if let cap = options.softCap { score = cap * tanh(score / cap) }
                            return exp(score)
                        }
                        let total = weights.reduce(sinks.map { exp($0[head]) } ?? 0, +)
                        for (row, weight) in zip(rows[first...place], weights) {
                            for c in 0..<d { result[query + c] += weight / total * v[key(row) + c] }
                        }
                    }
                }
            }
            return result
        }
    }

    @Test(arguments: kinds) func resultsAreThoseOfTheDefinition(kind: Kind) {
        for layout in Self.layouts {
            for (type, tolerance) in [
                (ElementType.float64, 1e-13), (.float32, 2e-6), (.bfloat16, 6e-3),
            ] {
                let x = Operands(layout.count, 20, type, kind)
                let expected = x.expected(layout)
                for path in Kernels.availablePaths {
                    let found = Kernels.withPath(path) { x.attended(layout).doubles() }
                    let closeness = Closeness(found, expected)
                    #expect(closeness.isWithin(tolerance), "\(path) \(type): \(closeness)")
                }
            }
        }
    }

    @Test(arguments: kinds) func gradients(kind: Kind) {
        for layout in [
            SequenceLayout(lengths: [1, 5, 0, 22]),
            SequenceLayout(lengths: [3, 2, 9], parents: [nil, 0, 0]),
        ] {
            let x = Operands(layout.count, 2, .float64, kind)
            let check = GradientCheck(of: x.all) { projected(x.attended(layout)) }
            #expect(check.passes, "\(check)")
        }
    }

    @Test(arguments: [
        Kind(window: 60, softCap: 2, hasSinks: true), Kind(window: 65), Kind(window: 130),
    ]) func gradientsOverSeveralBlocks(kind: Kind) {
        let layout = SequenceLayout(lengths: [66, 130, 3], parents: [nil, 0, 0])
        let x = Operands(layout.count, 1, .float64, kind)
        let check = GradientCheck(of: x.all) { projected(x.attended(layout)) }
        #expect(check.passes, "\(check)")
    }

    /// Every path's gradients against float64.
    @Test(arguments: Kernels.availablePaths, kinds)
    func everyInstructionSet(path: String, kind: Kind) {
        for layout in Self.layouts {
            for d in [20, 33] {
                func run(_ type: ElementType) -> [Tensor] {
                    let x = Operands(layout.count, d, type, kind, rounding: .bfloat16)
                    var output: Tensor?
                    let gradients = valueAndGradients(of: x.all) {
                        let result = x.attended(layout)
                        output = result.detached
                        return projected(result)
                    }.gradients
                    return [output].compactMap { $0 } + x.all.compactMap { gradients[$0] }
                }
                let exact = run(.float64)
                for (type, tolerance) in [(ElementType.float32, 6e-6), (.bfloat16, 1.6e-2)] {
                    let found = Kernels.withPath(path) { run(type) }
                    #expect(found.count == exact.count)
                    for (index, (a, b)) in zip(found, exact).enumerated() {
                        let closeness = Closeness(a, b)
                        // Where a window holds one token its score changes nothing.
                        let isNothing = b.doubles().allSatisfy { abs($0) < 1e-12 }
                        #expect(
                            closeness.isWithin(tolerance)
                                || isNothing && closeness.largestDifference < tolerance,
                            "\(type) \(index): \(closeness)")
                    }
                }
            }
        }
    }

    private func bits(_ tensors: [Tensor]) -> [[UInt8]] {
        tensors.map { $0.withUnsafeBytes { Array($0) } }
    }

    /// A window that holds the whole sequence changes no bit, forwards and backwards.
    @Test(arguments: [ElementType.float32, .bfloat16, .float64], Kernels.availablePaths)
    func longWindowsAreNone(type: ElementType, path: String) {
        for layout in Self.layouts {
            let longest =
                layout.segments.indices.map {
                    layout.ranges(to: $0).reduce(0) { $0 + $1.count }
                }.max() ?? 0
            let found = [nil, longest, longest + 1, Int.max].map { window in
                let x = Operands(layout.count, 20, type, Kind(window: window))
                return Kernels.withPath(path) {
                    var output: Tensor?
                    let gradients = valueAndGradients(of: x.all) {
                        let result = x.attended(layout)
                        output = result.detached
                        return projected(result)
                    }.gradients
                    return bits([output].compactMap { $0 } + x.all.compactMap { gradients[$0] })
                }
            }
            for others in found.dropFirst() {
                let isSame = others == found[0]
                #expect(isSame, "\(layout.segments.count)")
            }
            let shorter = Operands(layout.count, 20, type, Kind(window: longest - 1))
            let plain = Operands(layout.count, 20, type, Kind())
            #expect(
                bits([shorter.attended(layout).detached])
                    != bits([plain.attended(layout).detached]))
        }
    }

    private func rows(_ x: Tensor, _ ranges: [Range<Int>]) -> Tensor {
        let (columns, values) = (x.shape[1], x.doubles())
        let part = ranges.flatMap { values[$0.lowerBound * columns..<$0.upperBound * columns] }
        return Tensor(part, shape: [part.count / columns, columns]).converted(to: x.elementType)
    }

    /// Neither how a sequence is laid out nor how a cache is filled changes a bit of what its tokens get.
    @Test(arguments: [ElementType.float32, .bfloat16, .float64], kinds)
    func layoutsAndCachesChangeNothing(type: ElementType, kind: Kind) {
        for path in Kernels.availablePaths {
            Kernels.withPath(path) {
                for layout in Self.layouts { expectSame(type, kind, layout) }
            }
        }
    }

    private func expectSame(_ type: ElementType, _ kind: Kind, _ layout: SequenceLayout) {
        let x = Operands(layout.count, 20, type, kind)
        let whole = x.attended(layout).detached
        for end in layout.segments.indices {
            let ranges = layout.ranges(to: end)
            let count = ranges.reduce(0) { $0 + $1.count }
            guard count > 0 else { continue }
            let (q, k, v) = (
                rows(x.q.value, ranges), rows(x.k.value, ranges), rows(x.v.value, ranges)
            )
            let alone = causalAttention(
                q, k, v, layout: SequenceLayout(lengths: [count]), heads: 4, keyValueHeads: 2,
                options: x.options)
            let expected = rows(whole, ranges).doubles()
            #expect(expected == alone.doubles(), "\(Kernels.path)")
            // The rows of the cache lie in pages of 64, the last first.
            let pages = (count + 63) / 64
            let place = { (token: Int) in (pages - 1 - token / 64) * 64 + token % 64 }
            var block = KeyValueBlock(channels: k.shape[1], capacity: 64 * pages, type)
            var found: [Double] = []
            var start = 0
            for length in [min(70, count), 1, 1, 40, count] {
                let part = start..<min(start + length, count)
                guard !part.isEmpty else { break }
                let seen = (0..<((part.upperBound + 63) / 64)).map { page in
                    let first = place(page * 64)
                    return first..<(first + min(64, part.upperBound - page * 64))
                }
                let run = CachedRun([.init(count: part.count, rows: seen)])
                block.store(keys: rows(k, [part]), values: rows(v, [part]), at: run.rows)
                found += cachedAttention(
                    rows(q, [part]), block, run, heads: 4, keyValueHeads: 2, options: x.options
                ).doubles()
                start = part.upperBound
            }
            #expect(found == expected, "\(Kernels.path)")
        }
    }

    /// Blocks meet exactly where one of the queries sees one of the keys.
    @Test func blocksOutsideTheWindowDoNotMeet() {
        for layout in Self.layouts {
            let all = AttentionSchedule(layout).entries.count
            for window in [1, 2, 63, 64, 65, 128, 129, 130, 200, 1000] {
                let schedule = AttentionSchedule(layout, window: window)
                var done = [[Int]](
                    repeating: [Int](repeating: 0, count: schedule.blockCount), count: 2)
                for entry in schedule.entries {
                    #expect(done[0][entry.keys.block] == entry.keys.turn)
                    #expect(done[1][entry.queries.block] == entry.queries.turn)
                    done[0][entry.keys.block] += 1
                    done[1][entry.queries.block] += 1
                }
                // Pairs of blocks by what their tokens see.
                var pairs: Set<[Int]> = []
                var blockOfRow = [Int](repeating: 0, count: layout.count)
                var block = -1
                for segment in layout.segments {
                    for (offset, row) in segment.range.enumerated() {
                        if offset % 128 == 0 { block += 1 }
                        blockOfRow[row] = block
                    }
                }
                for index in layout.segments.indices {
                    let rows = layout.ranges(to: index).flatMap { Array($0) }
                    for place in (rows.count - layout.segments[index].length)..<rows.count {
                        for seen in rows[max(0, place + 1 - window)...place] {
                            pairs.insert([blockOfRow[rows[place]], blockOfRow[seen]])
                        }
                    }
                }
                let found = Set(schedule.entries.map { [$0.queries.block, $0.keys.block] })
                #expect(found == pairs && schedule.entries.count == pairs.count)
                #expect(window < 1000 || pairs.count == all)
            }
        }
    }
}
