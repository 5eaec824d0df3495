/// A = Q·R in its thin form, with r = min(rows, columns).
///
/// No diagonal element of R is negative, which makes the factors of a matrix of full rank unique: they
/// are the same on every machine, up to rounding.
public struct QRDecomposition {
    /// Orthonormal columns: `[rows, r]`.
    public let q: Tensor
    /// Upper triangular: `[r, columns]`, zero below the diagonal.
    public let r: Tensor
}

/// The thin QR decomposition of a matrix by Householder reflections, LAPACK's `geqrf` and `orgqr`.
///
/// It is computed in float64 for float64, otherwise in float32, outside the tape, and gives the same
/// bits for any number of threads. Columns that depend on others are no error: R then has zeros, up to
/// rounding, on its diagonal, and Q's columns are orthonormal all the same.
/// - Parameter matrix: `[rows, columns]`, of any sizes.
/// - Throws: `FledgeError` when the matrix holds a number that is not finite or is too large for LAPACK.
public func qrDecomposition(_ matrix: Tensor) throws -> QRDecomposition {
    let input = try DecompositionInput(matrix, "qrDecomposition")
    return try input.withScalars(
        { try decomposed(input, $0) }, { try decomposed(input, $0) })
}

private func decomposed<Scalar: LAPACKScalar>(_ input: DecompositionInput, _ type: Scalar.Type)
    throws -> QRDecomposition
{
    let (rows, columns, rank) = (input.rows, input.columns, input.rank)
    var q = [Scalar](repeating: 0, count: rows * rank)
    var r = [Scalar](repeating: 0, count: rank * columns)
    if rank > 0 {
        var a = input.scalars(type)
        var tau = [Scalar](repeating: 0, count: rank)
        try input.requireSuccess(Scalar.geqrf(Int32(rows), Int32(columns), &a, &tau))
        for row in 0..<rank {
            for column in row..<columns { r[row * columns + column] = a[row * columns + column] }
        }
        for row in 0..<rows {
            for column in 0..<min(row + 1, rank) {
                q[row * rank + column] = a[row * columns + column]
            }
        }
        try input.requireSuccess(Scalar.orgqr(Int32(rows), Int32(rank), &q, tau))
        for index in 0..<rank where r[index * columns + index] < 0 {
            for row in 0..<rows { q[row * rank + index].negate() }
            for column in index..<columns { r[index * columns + column].negate() }
        }
    }
    return QRDecomposition(
        q: Scalar.tensor(q, [rows, rank]), r: Scalar.tensor(r, [rank, columns]))
}
