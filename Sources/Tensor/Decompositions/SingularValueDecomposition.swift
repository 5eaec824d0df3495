/// A = U·diag(S)·Vᵀ in its thin form, with r = min(rows, columns) singular values.
///
/// Of the vectors of each singular value the signs are such that in U the first element that is, but
/// for rounding, the largest by magnitude is positive. So vectors are the same on every machine, up to
/// rounding, wherever the matrix determines them: a singular value that occurs once, and is not zero.
public struct SingularValueDecomposition {
    /// The left singular vectors, one a column: `[rows, r]`.
    public let u: Tensor
    /// The singular values, the largest first: `[r]`, none negative.
    public let singularValues: Tensor
    /// The right singular vectors, one a row: `[r, columns]`.
    public let vTransposed: Tensor
}

/// The thin singular value decomposition of a matrix, by LAPACK's `gesdd`, or by `gesvd` where that
/// does not converge.
///
/// It is computed in float64 for float64, otherwise in float32, outside the tape, and gives the same
/// bits for any number of threads. An empty matrix has no singular values.
/// - Parameter matrix: `[rows, columns]`, of any sizes.
/// - Throws: `FledgeError` when the matrix holds a number that is not finite, is too large for LAPACK,
///   or when neither algorithm converges.
public func singularValueDecomposition(_ matrix: Tensor) throws -> SingularValueDecomposition {
    let input = try DecompositionInput(matrix, "singularValueDecomposition")
    return try input.withScalars(
        { try decomposed(input, $0) }, { try decomposed(input, $0) })
}

private func decomposed<Scalar: LAPACKScalar>(_ input: DecompositionInput, _ type: Scalar.Type)
    throws -> SingularValueDecomposition
{
    let (rows, columns, rank) = (input.rows, input.columns, input.rank)
    var values = [Scalar](repeating: 0, count: rank)
    var u = [Scalar](repeating: 0, count: rows * rank)
    var vTransposed = [Scalar](repeating: 0, count: rank * columns)
    if rank > 0 {
        // What lies row by row is, column by column, Aᵀ = V·S·Uᵀ; its factors lie as ours should.
        var a = input.scalars(type)
        var status = Scalar.gesdd(
            Int32(columns), Int32(rows), &a, &values, &vTransposed, &u)
        if status > 0 {
            a = input.scalars(type)
            status = Scalar.gesvd(
                Int32(columns), Int32(rows), &a, &values, &vTransposed, &u)
        }
        try input.requireSuccess(status)
    }
    return SingularValueDecomposition(
        u: Scalar.tensor(u, [rows, rank]), singularValues: Scalar.tensor(values, [rank]),
        vTransposed: Scalar.tensor(vTransposed, [rank, columns])
    ).withFixedSigns()
}

extension SingularValueDecomposition {
    /// The same decomposition with the signs that are promised.
    func withFixedSigns() -> SingularValueDecomposition {
        u.elementType == .float64 ? withFixedSigns(Double.self) : withFixedSigns(Float.self)
    }

    private func withFixedSigns<Scalar: LAPACKScalar>(_ type: Scalar.Type)
        -> SingularValueDecomposition
    {
        let (rows, rank, columns) = (u.shape[0], u.shape[1], vTransposed.shape[1])
        var (left, right) = (u, vTransposed)
        left.withUnsafeMutableBytes { left in
            right.withUnsafeMutableBytes { right in
                let u = left.bindMemory(to: type), vTransposed = right.bindMemory(to: type)
                for index in 0..<rank {
                    let elements = (0..<rows).lazy.map { u[$0 * rank + index] }
                    let largest = elements.reduce(0) { max($0, abs($1)) }
                    // Elements that are equal but for rounding must not take turns.
                    guard let sign = elements.first(where: { abs($0) >= largest * 0.999 }),
                        sign < 0
                    else { continue }
                    for row in 0..<rows { u[row * rank + index].negate() }
                    for column in 0..<columns { vTransposed[index * columns + column].negate() }
                }
            }
        }
        return SingularValueDecomposition(
            u: left, singularValues: singularValues, vTransposed: right)
    }
}
