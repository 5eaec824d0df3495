import COpenBLAS

/// The library as a whole: its threads, and what its products promise on this CPU.
enum OpenBLAS {
    /// Rows of every whole tile.
    static let tileRows = 64

    /// What the rows of a last tile are filled up to a multiple of, so that each row has the bits it
    /// has anywhere else: 16 where calls of any height compute a row alike, `tileRows` where only
    /// places in a tile do, nil where not even they do.
    static let rowPadding: Int? = {
        start()
        let float = widestAgreement(of: Float.self), double = widestAgreement(of: Double.self)
        guard let float, let double else { return nil }
        return max(float, double)
    }()

    /// Whether it is faster than the kernels of the path `portable` and keeps its promises: with its
    /// kernels for SSE alone it was 1.14 to 1.21 times as slow.
    static let suitsPortablePath: Bool = {
        guard rowPadding != nil, let name = openblas_get_corename() else { return false }
        let narrow = [
            "prescott", "core2", "penryn", "dunnington", "nehalem", "atom", "nano", "athlon",
            "opteron", "barcelona", "bobcat", "katmai", "coppermine", "northwood", "banias",
        ]
        let core = String(cString: name).lowercased()
        return !narrow.contains { core.hasPrefix($0) }
    }()

    /// Makes every call run on the thread that makes it; the pool's threads are what shares work.
    ///
    /// To be called before any other function of the library.
    static func start() { _ = isStarted }

    private static let isStarted: Bool = {
        openblas_set_num_threads(1)
        return true
    }()

    /// Multiplies tiles whose rows are all equal and compares what comes out.
    ///
    /// Sizes are such that small calls, which have kernels of their own, and others both occur.
    private static func widestAgreement<Scalar: BLASScalar>(of type: Scalar.Type) -> Int? {
        var padding = 16
        for (columns, depth) in [(256, 160), (130, 44), (33, 40), (16, 8)] {
            // Any numbers whose sums have to be rounded.
            let line = (0..<depth).map { 1 / Scalar($0 % 89 + 3) }
            let left = [Scalar]((0..<tileRows).map { _ in line }.joined())
            let right = (0..<columns * depth).map { 1 / Scalar($0 % 97 + 3) - Scalar(0.25) }
            for isTransposed in [false, true] {
                var expected: ArraySlice<Scalar> = []
                for height in stride(from: tileRows, to: 0, by: -16) {
                    var result = [Scalar](repeating: 0, count: height * columns)
                    result.withUnsafeMutableBufferPointer { result in
                        left.withUnsafeBufferPointer { left in
                            right.withUnsafeBufferPointer { right in
                                guard let a = left.baseAddress, let b = right.baseAddress,
                                    let c = result.baseAddress
                                else { return }
                                Scalar.multiply(
                                    BLASFactor(a, rowStride: depth),
                                    BLASFactor(
                                        b, rowStride: isTransposed ? depth : columns,
                                        isTransposed: isTransposed),
                                    into: c, rowStride: columns, rows: height, columns: columns,
                                    depth: depth, adding: false)
                            }
                        }
                    }
                    let first = result[..<columns]
                    for row in 1..<height
                    where !result[row * columns..<(row + 1) * columns].elementsEqual(first) {
                        return nil
                    }
                    if height == tileRows { expected = first }
                    if !first.elementsEqual(expected) { padding = tileRows }
                }
            }
        }
        return padding
    }
}

/// A factor of a product as BLAS takes it, row by row.
struct BLASFactor<Scalar: BLASScalar> {
    let pointer: UnsafePointer<Scalar>
    let rowStride: Int
    let isTransposed: Bool

    init(_ pointer: UnsafePointer<Scalar>, rowStride: Int, isTransposed: Bool = false) {
        (self.pointer, self.rowStride, self.isTransposed) = (pointer, rowStride, isTransposed)
    }

    /// How far its rows lie apart, for BLAS, which wants that to be a row's length even of one row.
    func stride(_ rows: Int, _ columns: Int) -> Int32 {
        Int32(max(rowStride, isTransposed ? rows : columns))
    }

    var transposition: CBLAS_TRANSPOSE { isTransposed ? CblasTrans : CblasNoTrans }
}

/// What OpenBLAS multiplies.
protocol BLASScalar: BinaryFloatingPoint {
    static var elementType: ElementType { get }
    /// C = A·B, or C += A·B when `adding`.
    static func multiply(
        _ a: BLASFactor<Self>, _ b: BLASFactor<Self>, into c: UnsafeMutablePointer<Self>,
        rowStride: Int, rows: Int, columns: Int, depth: Int, adding: Bool)
}

extension Float: BLASScalar {
    static var elementType: ElementType { .float32 }
    static func multiply(
        _ a: BLASFactor<Float>, _ b: BLASFactor<Float>, into c: UnsafeMutablePointer<Float>,
        rowStride: Int, rows: Int, columns: Int, depth: Int, adding: Bool
    ) {
        cblas_sgemm(
            CblasRowMajor, a.transposition, b.transposition, Int32(rows), Int32(columns),
            Int32(depth), 1, a.pointer, a.stride(rows, depth), b.pointer, b.stride(depth, columns),
            adding ? 1 : 0, c, Int32(max(rowStride, columns)))
    }
}

extension Double: BLASScalar {
    static var elementType: ElementType { .float64 }
    static func multiply(
        _ a: BLASFactor<Double>, _ b: BLASFactor<Double>, into c: UnsafeMutablePointer<Double>,
        rowStride: Int, rows: Int, columns: Int, depth: Int, adding: Bool
    ) {
        cblas_dgemm(
            CblasRowMajor, a.transposition, b.transposition, Int32(rows), Int32(columns),
            Int32(depth), 1, a.pointer, a.stride(rows, depth), b.pointer, b.stride(depth, columns),
            adding ? 1 : 0, c, Int32(max(rowStride, columns)))
    }
}
