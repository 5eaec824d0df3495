import COpenBLAS
import FledgeCore

/// A matrix that LAPACK can take apart: of finite numbers in float32 or float64, with sizes that its
/// 32-bit integers hold.
struct DecompositionInput {
    private let operation: String
    /// Outside the tape; bfloat16 is widened.
    let matrix: Tensor

    var rows: Int { matrix.shape[0] }
    var columns: Int { matrix.shape[1] }
    /// min(rows, columns)
    var rank: Int { min(rows, columns) }

    init(_ matrix: Tensor, _ operation: String) throws {
        precondition(
            matrix.shape.count == 2, "\(operation): shape \(matrix.shape) is no matrix's")
        if let index = matrix.firstNonFinite {
            let (row, column) = (index / matrix.shape[1], index % matrix.shape[1])
            throw FledgeError(
                .notFinite,
                "\(operation): the \(matrix.shape[0]) × \(matrix.shape[1]) matrix holds a number that "
                    + "is not finite, in row \(row), column \(column) counted from 0.",
                advice:
                    "Only finite numbers can be decomposed; look for what made it NaN or infinite.")
        }
        // LAPACK counts its working memory, a few times the square of a size, in 32 bits.
        let largest = 16_384
        guard min(matrix.shape[0], matrix.shape[1]) <= largest, matrix.count <= Int(Int32.max)
        else {
            throw FledgeError(
                .unsupported,
                "\(operation): a matrix of \(matrix.shape[0]) × \(matrix.shape[1]) is too large: the "
                    + "smaller size can be \(largest), and there can be \(Int32.max) elements.",
                advice: "Decompose parts of it.")
        }
        OpenBLAS.start()
        self.operation = operation
        self.matrix =
            matrix.elementType == .bfloat16
            ? matrix.detached.converted(to: .float32) : matrix.detached
    }

    /// Runs `body` for the type of the elements.
    func withScalars<R>(
        _ float: (Float.Type) throws -> R, _ double: (Double.Type) throws -> R
    ) rethrows -> R {
        matrix.elementType == .float64 ? try double(Double.self) : try float(Float.self)
    }

    /// Throws what a status of LAPACK other than zero says.
    func requireSuccess(_ status: Int32) throws {
        guard status != 0 else { return }
        let size = "\(operation): the \(rows) × \(columns) matrix"
        guard status < 0 else {
            throw FledgeError(
                .notConverged,
                "\(size) could not be decomposed: LAPACK's iteration did not converge (\(status)).",
                advice: "Scale the matrix so that its largest elements are near 1, or take float64."
            )
        }
        throw FledgeError(
            .unsupported,
            "\(size) could not be decomposed: LAPACK reports \(status), which is memory that is not "
                + "to be had or an argument that it does not take.",
            advice: "Free memory, or decompose smaller matrices.")
    }

    /// The elements, to be overwritten.
    func scalars<Scalar: LAPACKScalar>(_ type: Scalar.Type) -> [Scalar] {
        matrix.withUnsafeBytes { bytes in
            [Scalar](unsafeUninitializedCapacity: matrix.count) { buffer, initialized in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                initialized = matrix.count
            }
        }
    }
}

/// LAPACK's word for as many singular vectors as values: the letter S.
private let thinFactors = CChar(UInt8(ascii: "S"))

/// What LAPACK computes with.
protocol LAPACKScalar: BLASScalar {
    static func tensor(_ scalars: [Self], _ shape: [Int]) -> Tensor
    /// Thin singular value decomposition by divide and conquer, column by column.
    static func gesdd(
        _ rows: Int32, _ columns: Int32, _ a: inout [Self], _ s: inout [Self], _ u: inout [Self],
        _ vt: inout [Self]
    ) -> Int32
    /// The same by QR iteration: slower, and it converges where divide and conquer does not.
    static func gesvd(
        _ rows: Int32, _ columns: Int32, _ a: inout [Self], _ s: inout [Self], _ u: inout [Self],
        _ vt: inout [Self]
    ) -> Int32
    /// Householder vectors and R, row by row.
    static func geqrf(_ rows: Int32, _ columns: Int32, _ a: inout [Self], _ tau: inout [Self])
        -> Int32
    /// Q with `columns` columns from as many Householder vectors, row by row.
    static func orgqr(_ rows: Int32, _ columns: Int32, _ a: inout [Self], _ tau: [Self]) -> Int32
}

extension Float: LAPACKScalar {
    static func tensor(_ scalars: [Float], _ shape: [Int]) -> Tensor {
        Tensor(scalars, shape: shape)
    }
    static func gesdd(
        _ rows: Int32, _ columns: Int32, _ a: inout [Float], _ s: inout [Float],
        _ u: inout [Float], _ vt: inout [Float]
    ) -> Int32 {
        LAPACKE_sgesdd(
            LAPACK_COL_MAJOR, thinFactors, rows, columns, &a, rows, &s, &u, rows, &vt,
            min(rows, columns))
    }
    static func gesvd(
        _ rows: Int32, _ columns: Int32, _ a: inout [Float], _ s: inout [Float],
        _ u: inout [Float], _ vt: inout [Float]
    ) -> Int32 {
        var rest = [Float](repeating: 0, count: Int(min(rows, columns)))
        return LAPACKE_sgesvd(
            LAPACK_COL_MAJOR, thinFactors, thinFactors, rows, columns, &a, rows, &s, &u, rows, &vt,
            min(rows, columns), &rest)
    }
    static func geqrf(_ rows: Int32, _ columns: Int32, _ a: inout [Float], _ tau: inout [Float])
        -> Int32
    {
        LAPACKE_sgeqrf(LAPACK_ROW_MAJOR, rows, columns, &a, columns, &tau)
    }
    static func orgqr(_ rows: Int32, _ columns: Int32, _ a: inout [Float], _ tau: [Float]) -> Int32
    {
        LAPACKE_sorgqr(LAPACK_ROW_MAJOR, rows, columns, columns, &a, columns, tau)
    }
}

extension Double: LAPACKScalar {
    static func tensor(_ scalars: [Double], _ shape: [Int]) -> Tensor {
        Tensor(scalars, shape: shape)
    }
    static func gesdd(
        _ rows: Int32, _ columns: Int32, _ a: inout [Double], _ s: inout [Double],
        _ u: inout [Double], _ vt: inout [Double]
    ) -> Int32 {
        LAPACKE_dgesdd(
            LAPACK_COL_MAJOR, thinFactors, rows, columns, &a, rows, &s, &u, rows, &vt,
            min(rows, columns))
    }
    static func gesvd(
        _ rows: Int32, _ columns: Int32, _ a: inout [Double], _ s: inout [Double],
        _ u: inout [Double], _ vt: inout [Double]
    ) -> Int32 {
        var rest = [Double](repeating: 0, count: Int(min(rows, columns)))
        return LAPACKE_dgesvd(
            LAPACK_COL_MAJOR, thinFactors, thinFactors, rows, columns, &a, rows, &s, &u, rows, &vt,
            min(rows, columns), &rest)
    }
    static func geqrf(_ rows: Int32, _ columns: Int32, _ a: inout [Double], _ tau: inout [Double])
        -> Int32
    {
        LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, rows, columns, &a, columns, &tau)
    }
    static func orgqr(_ rows: Int32, _ columns: Int32, _ a: inout [Double], _ tau: [Double])
        -> Int32
    {
        LAPACKE_dorgqr(LAPACK_ROW_MAJOR, rows, columns, columns, &a, columns, tau)
    }
}
