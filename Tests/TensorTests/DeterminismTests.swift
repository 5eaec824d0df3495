import FledgeCore
import FledgeTensor
import Testing

/// The same bits for any number of threads, any neighbours and any cache.
@Suite(.serialized) struct DeterminismTests {
    private func bits(_ x: Tensor) -> [UInt8] { x.withUnsafeBytes { Array($0) } }

    private func step(_ type: ElementType, isForest: Bool) -> [[UInt8]] {
        let layout = SequenceLayout(lengths: [70, 3, 90], parents: [nil, nil, isForest ? 0 : nil])
        let table = parameter([300, 48], "table", type)
        let norm = parameter([48], "norm", .float32)
        let (wq, wk) = (parameter([96, 48], "q", type), parameter([32, 48], "k", type))
        let out = parameter([48, 96], "o", type)
        let (a, b) = (parameter([8, 48], "a", .float32), parameter([96, 8], "b", .float32))
        let ids = (0..<163).map { Int32($0 * 7 % 300) }
        let all = [table, norm, wq, wk, out, a, b]
        let result = valueAndGradients(of: all) {
            let x = embeddingLookup(ids, .plain(table), as: type)
            let y = rmsNormalized(x, norm, epsilon: 1e-5)
            let q = linearProduct(
                y, .plain(wq), lowRank: LowRankTerm(down: a, up: b, scaling: 2))
            let k = linearProduct(y, wk)
            let mixed = causalAttention(
                q, k, k, layout: layout, heads: 6, keyValueHeads: 2, options: .init(scale: 0.25))
            let h = x + linearProduct(mixed, out)
            return tokenCrossEntropy(
                h, head: .plain(table), supervision(140, rows: 163, vocabulary: 300))
        }
        return [bits(result.value)] + all.map { bits(result.gradients[$0] ?? Tensor(zeros: [0])) }
    }

    @Test(arguments: [ElementType.float32, .bfloat16], [false, true])
    func threads(type: ElementType, isForest: Bool) {
        let before = Kernels.threads
        defer { Kernels.threads = before }
        Kernels.threads = 1
        let alone = step(type, isForest: isForest)
        for count in [2, 3, 7] {
            Kernels.threads = count
            for _ in 0..<3 { #expect(step(type, isForest: isForest) == alone) }
        }
    }

    /// A row's product does not depend on the rows beside it: a prompt may be computed in any parts.
    @Test(
        arguments: [ElementType.float32, .bfloat16], [ProductOrder.blocks, .lanes])
    func neighbours(type: ElementType, order: ProductOrder) {
        for path in Kernels.availablePaths { neighbours(type, order, path) }
    }

    private func neighbours(_ type: ElementType, _ order: ProductOrder, _ path: String) {
        Kernels.withPath(path) {
            let w = parameter([130, 300], "w", type)
            let x = sample([67, 300], "x", type)
            let lowRank = LowRankTerm(
                down: parameter([20, 300], "a", .float32), up: parameter([130, 20], "b", .float32),
                scaling: 2)
            func product(_ x: Tensor) -> [UInt8] {
                bits(linearProduct(x, .plain(w), lowRank: lowRank, order: order))
            }
            let whole = product(x)
            let rowBytes = 130 * type.byteCount
            for (begin, count) in [(0, 1), (3, 2), (5, 8), (40, 27)] {
                let part = x.withUnsafeBytes { bytes in
                    var part = Tensor(zeros: [count, 300], type)
                    let size = 300 * type.byteCount
                    part.withUnsafeMutableBytes {
                        $0.copyMemory(
                            from: .init(rebasing: bytes[begin * size..<(begin + count) * size]))
                    }
                    return part
                }
                #expect(
                    product(part)
                        == Array(whole[begin * rowBytes..<(begin + count) * rowBytes]))
            }
        }
    }

    @Test(arguments: [ElementType.float32, .bfloat16], Kernels.availablePaths)
    func cache(type: ElementType, path: String) {
        for d in [16, 27] { Kernels.withPath(path) { cache(type, d) } }
    }

    private func cache(_ type: ElementType, _ d: Int) {
        let (q, k, v) = (
            sample([90, 4 * d], "q", type), sample([90, 2 * d], "k", type),
            sample([90, 2 * d], "v", type)
        )
        func rows(_ x: Tensor, _ range: Range<Int>) -> Tensor {
            let columns = x.shape[1]
            let scalars = x.scalars()[range.lowerBound * columns..<range.upperBound * columns]
            return Tensor(Array(scalars), shape: [range.count, columns]).converted(to: type)
        }
        let whole = causalAttention(
            q, k, v, layout: SequenceLayout(lengths: [90]), heads: 4, keyValueHeads: 2,
            options: .init(scale: 0.3))
        // The sequence's rows lie in pieces, the last of them before the others.
        let rowsOfTokens = Array(100..<164) + Array(30..<50) + Array(0..<6)
        func stretch(_ range: Range<Int>) -> CachedRun.Stretch {
            let seen: [Range<Int>] = [
                100..<(100 + min(range.upperBound, 64)),
                30..<(30 + min(max(range.upperBound - 64, 0), 20)),
                0..<max(range.upperBound - 84, 0),
            ]
            return .init(count: range.count, rows: seen.filter { !$0.isEmpty })
        }
        var block = KeyValueBlock(channels: 2 * d, capacity: 4, type)
        var parts: [Float] = []
        for range in [0..<70, 70..<71, 71..<72, 72..<90] {
            let run = CachedRun([stretch(range)])
            #expect(run.rows == Array(rowsOfTokens[range]))
            #expect(run.positions == range.map { Int32($0) })
            block.store(keys: rows(k, range), values: rows(v, range), at: run.rows)
            parts += cachedAttention(
                rows(q, range), block, run, heads: 4, keyValueHeads: 2,
                options: .init(
                    scale: 0.3
                )
            ).scalars()
        }
        #expect(parts == whole.scalars())
        // Several at once, as sequences of a batch have it.
        let both = CachedRun([stretch(50..<60), stretch(80..<90)])
        let (a, b) = (rows(q, 50..<60).scalars(), rows(q, 80..<90).scalars())
        let again = cachedAttention(
            Tensor(a + b, shape: [20, 4 * d]).converted(to: type), block, both, heads: 4,
            keyValueHeads: 2, options: .init(scale: 0.3))
        #expect(
            again.scalars() == rows(whole, 50..<60).scalars() + rows(whole, 80..<90).scalars())
    }

    @Test func concurrentAndNestedCallers() async {
        let expected = (0..<200).map { $0 * $0 }
        await withTaskGroup(of: [Int].self) { group in
            for _ in 0..<6 {
                group.addTask {
                    var squares = [Int](repeating: 0, count: 200)
                    squares.withUnsafeMutableBufferPointer { squares in
                        let squares = squares
                        parallelFor(10) { outer in
                            parallelFor(20) { inner in
                                let index = outer * 20 + inner
                                squares[index] = index * index
                            }
                        }
                    }
                    return squares
                }
            }
            for await squares in group { #expect(squares == expected) }
        }
    }
}
