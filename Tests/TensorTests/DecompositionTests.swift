import FledgeCore
import FledgeTensor
import FledgeTesting
import Testing

@Suite struct DecompositionTests {
    static let shapes = [
        [1, 1], [1, 7], [7, 1], [5, 5], [40, 12], [12, 40], [65, 64], [130, 200], [0, 4], [4, 0],
        [0, 0],
    ]
    static let types: [ElementType] = [.float32, .float64]

    private func tolerance(_ type: ElementType) -> Double { type == .float64 ? 1e-13 : 5e-6 }

    private func product(_ a: Tensor, _ b: Tensor) -> [Double] {
        let (rows, depth, columns) = (a.shape[0], a.shape[1], b.shape[1])
        let (x, y) = (a.doubles(), b.doubles())
        var result = [Double](repeating: 0, count: rows * columns)
        for i in 0..<rows {
            for k in 0..<depth {
                for j in 0..<columns {
                    result[i * columns + j] += x[i * depth + k] * y[k * columns + j]
                }
            }
        }
        return result
    }

    private func turned(_ a: Tensor) -> Tensor {
        let (rows, columns, x) = (a.shape[0], a.shape[1], a.doubles())
        return Tensor(
            (0..<columns).flatMap { j in (0..<rows).map { x[$0 * columns + j] } },
            shape: [columns, rows])
    }

    /// Columns that are orthonormal.
    private func isOrthonormal(_ a: Tensor, _ tolerance: Double) -> Bool {
        let size = a.shape[1]
        return product(turned(a), a).enumerated().allSatisfy {
            abs($1 - ($0 / size == $0 % size ? 1 : 0)) <= tolerance
        }
    }

    private func isClose(_ a: [Double], _ b: [Double], _ tolerance: Double) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance }
    }

    private func rebuilt(_ parts: SingularValueDecomposition) -> [Double] {
        let (rank, values) = (parts.singularValues.count, parts.singularValues.doubles())
        let scaled = parts.u.doubles().enumerated().map { $1 * values[$0 % rank] }
        return product(Tensor(scaled, shape: parts.u.shape), parts.vTransposed)
    }

    @Test(arguments: shapes, types) func singularValues(shape: [Int], type: ElementType) throws {
        let matrix = sample(shape, "matrix", type)
        let parts = try singularValueDecomposition(matrix)
        let rank = min(shape[0], shape[1])
        #expect(parts.u.shape == [shape[0], rank] && parts.vTransposed.shape == [rank, shape[1]])
        #expect(parts.singularValues.shape == [rank])
        #expect(parts.u.elementType == type && parts.singularValues.elementType == type)
        let values = parts.singularValues.doubles()
        #expect(values == values.sorted(by: >) && values.allSatisfy { $0 >= 0 })
        let bound = tolerance(type) * Double(max(1, shape.max() ?? 1)).squareRoot()
        #expect(isClose(rebuilt(parts), matrix.doubles(), bound))
        #expect(isOrthonormal(parts.u, bound) && isOrthonormal(turned(parts.vTransposed), bound))
        let (u, rows) = (parts.u.doubles(), shape[0])
        for index in 0..<rank {
            let column = (0..<rows).map { u[$0 * rank + index] }
            let largest = column.map { abs($0) }.max() ?? 0
            #expect((column.first { abs($0) >= 0.999 * largest } ?? 1) > 0)
        }
    }

    @Test(arguments: types) func knownSingularValues(type: ElementType) throws {
        // [[3, 0], [4, 5]]: AᵀA = [[25, 20], [20, 25]], values √45 and √5.
        let matrix = Tensor([3, 0, 4, 5] as [Double], shape: [2, 2]).converted(to: type)
        let parts = try singularValueDecomposition(matrix)
        let (ten, two) = ((10 as Double).squareRoot(), (2 as Double).squareRoot())
        let bound = tolerance(type)
        #expect(
            isClose(
                parts.singularValues.doubles(),
                [(45 as Double).squareRoot(), (5 as Double).squareRoot()], 5 * bound))
        #expect(isClose(parts.u.doubles(), [1 / ten, 3 / ten, 3 / ten, -1 / ten], bound))
        #expect(isClose(parts.vTransposed.doubles(), [1 / two, 1 / two, 1 / two, -1 / two], bound))
    }

    @Test(arguments: types) func matricesOfLowRank(type: ElementType) throws {
        let thin = product(sample([30, 3], "a"), sample([3, 20], "b"))
        for matrix in [
            Tensor(thin, shape: [30, 20]), Tensor(zeros: [4, 6], .float64),
            Tensor([Double](repeating: 1, count: 12), shape: [3, 4]),
        ].map({ $0.converted(to: type) }) {
            let bound = 30 * tolerance(type)
            let parts = try singularValueDecomposition(matrix)
            #expect(isClose(rebuilt(parts), matrix.doubles(), bound))
            #expect(
                isOrthonormal(parts.u, bound) && isOrthonormal(turned(parts.vTransposed), bound))
            let behind = parts.singularValues.doubles().dropFirst(3)
            #expect(behind.allSatisfy { $0 < bound })
            let factors = try qrDecomposition(matrix)
            #expect(isClose(product(factors.q, factors.r), matrix.doubles(), bound))
            #expect(isOrthonormal(factors.q, bound))
        }
    }

    @Test(arguments: shapes, types) func triangles(shape: [Int], type: ElementType) throws {
        let matrix = sample(shape, "matrix", type)
        let factors = try qrDecomposition(matrix)
        let (rank, columns) = (min(shape[0], shape[1]), shape[1])
        #expect(factors.q.shape == [shape[0], rank] && factors.r.shape == [rank, columns])
        let bound = tolerance(type) * Double(max(1, shape.max() ?? 1)).squareRoot()
        #expect(isClose(product(factors.q, factors.r), matrix.doubles(), bound))
        #expect(isOrthonormal(factors.q, bound))
        for (index, element) in factors.r.doubles().enumerated() {
            let (row, column) = (index / columns, index % columns)
            #expect(row <= column || element == 0)
            #expect(row != column || element >= 0)
        }
    }

    @Test(arguments: types) func knownTriangle(type: ElementType) throws {
        let matrix = Tensor([-3, 1, 4, 2] as [Double], shape: [2, 2]).converted(to: type)
        let factors = try qrDecomposition(matrix)
        #expect(isClose(factors.q.doubles(), [-0.6, 0.8, 0.8, 0.6], tolerance(type)))
        #expect(isClose(factors.r.doubles(), [5, 1, 0, 2], 5 * tolerance(type)))
    }

    @Test(arguments: types) func randomProjections(type: ElementType) throws {
        // A spectrum that falls by half each time, in a matrix of 120 × 90.
        let left = try qrDecomposition(sample([120, 30], "l")).q
        let right = try qrDecomposition(sample([90, 30], "r")).q
        let scaled = left.doubles().enumerated().map { $1 * (0.5 as Double).power($0 % 30) }
        let matrix = Tensor(
            product(Tensor(scaled, shape: [120, 30]), turned(right)), shape: [120, 90]
        ).converted(to: type)
        let exact = try singularValueDecomposition(matrix)
        let key = RandomKey(seed: 3)
        let found = try randomizedSingularValueDecomposition(matrix, rank: 6, key: key)
        #expect(found.u.shape == [120, 6] && found.vTransposed.shape == [6, 90])
        let bound = 100 * tolerance(type)
        #expect(
            isClose(
                found.singularValues.doubles(), Array(exact.singularValues.doubles().prefix(6)),
                bound))
        let expected = exact.u.doubles().enumerated().filter { $0.offset % 90 < 6 }.map(\.element)
        #expect(isClose(found.u.doubles(), expected, bound))
        let again = try randomizedSingularValueDecomposition(matrix, rank: 6, key: key)
        #expect(again.u.doubles() == found.u.doubles())
        for shape in [[1, 1], [1, 9], [9, 1], [0, 3], [6, 8]] {
            let matrix = sample(shape, "small", type)
            let all = try randomizedSingularValueDecomposition(matrix, rank: 50, key: key)
            #expect(isClose(rebuilt(all), matrix.doubles(), bound))
            let none = try randomizedSingularValueDecomposition(matrix, rank: 0, key: key)
            #expect(none.singularValues.count == 0)
        }
    }

    @Test func bfloat16IsWidened() throws {
        let matrix = sample([9, 5], "matrix", .bfloat16)
        let parts = try singularValueDecomposition(matrix)
        #expect(parts.u.elementType == .float32)
        #expect(isClose(rebuilt(parts), matrix.doubles(), 1e-5))
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity], types)
    func numbersThatAreNone(value: Double, type: ElementType) {
        var scalars = [Double](repeating: 1, count: 12)
        scalars[7] = value
        let matrix = Tensor(scalars, shape: [3, 4]).converted(to: type)
        for decompose: (Tensor) throws -> Void in [
            { _ = try singularValueDecomposition($0) }, { _ = try qrDecomposition($0) },
            { _ = try randomizedSingularValueDecomposition($0, rank: 2, key: RandomKey(seed: 1)) },
        ] {
            let error = #expect(throws: FledgeError.self) { try decompose(matrix) }
            #expect(error?.code == .notFinite && error?.message.contains("row 1, column 3") == true)
        }
    }

    /// Elements near the ends of the range are scaled inside LAPACK.
    @Test(arguments: [1e-30, 1e30]) func extremeMagnitudes(scale: Double) throws {
        let matrix = sample([20, 20], "matrix", scale: scale, .float32)
        let values = try singularValueDecomposition(matrix).singularValues.doubles()
        let plain = try singularValueDecomposition(sample([20, 20], "matrix", .float32))
            .singularValues.doubles()
        #expect(zip(values, plain).allSatisfy { abs($0 / scale - $1) < 1e-4 })
    }

    @Test func threadsChangeNoBit() throws {
        let before = Kernels.threads
        defer { Kernels.threads = before }
        let matrix = sample([200, 150], "matrix", .float32)
        func bits(_ threads: Int) throws -> [Float] {
            Kernels.threads = threads
            let parts = try singularValueDecomposition(matrix)
            return try parts.u.scalars() + parts.vTransposed.scalars()
                + qrDecomposition(matrix).q.scalars()
        }
        #expect(try bits(1) == bits(3))
    }
}

extension Double {
    fileprivate func power(_ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { result, _ in result * self }
    }
}
