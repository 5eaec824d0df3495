public import FledgeCore

/// The largest singular values of a matrix and their vectors, by a random projection (Halko,
/// Martinsson and Tropp 2011, algorithms 4.4 and 5.1).
///
/// Much faster than ``singularValueDecomposition(_:)`` where few values of a large matrix are wanted.
/// Values come out a little too small where those behind the last wanted one are not much smaller; more
/// iterations help. The result is the same in every run with the same key on the same kernels.
/// - Parameters:
///   - matrix: `[rows, columns]`.
///   - rank: How many values; as many as there are, if that is fewer.
///   - oversampling: Columns of the projection beside those of the values.
///   - iterations: How often the projection is multiplied by A·Aᵀ, with orthonormal columns each time.
///   - key: Of the random numbers.
/// - Returns: u `[rows, r]`, the values `[r]`, vᵀ `[r, columns]` with r = min(rank, rows, columns).
/// - Throws: As ``singularValueDecomposition(_:)``.
public func randomizedSingularValueDecomposition(
    _ matrix: Tensor, rank: Int, oversampling: Int = 10, iterations: Int = 4, key: RandomKey
) throws -> SingularValueDecomposition {
    precondition(
        rank >= 0 && oversampling >= 0 && iterations >= 0,
        "randomizedSingularValueDecomposition: rank \(rank), oversampling \(oversampling), "
            + "iterations \(iterations)")
    let input = try DecompositionInput(matrix, "randomizedSingularValueDecomposition")
    let (a, kept) = (input.matrix, min(rank, input.rank))
    let width = min(kept + oversampling, input.rank)
    var basis = try qrDecomposition(
        a.product(Tensor(gaussian: [input.columns, width], a.elementType, key))
    )
    .q
    for _ in 0..<iterations {
        let turned = try qrDecomposition(a.product(basis, transposed: true)).q
        basis = try qrDecomposition(a.product(turned)).q
    }
    // A ≈ Q·(Qᵀ·A), and (Qᵀ·A)ᵀ = Aᵀ·Q = V·S·U'ᵀ.
    let small = try singularValueDecomposition(a.product(basis, transposed: true).transposed())
    let u = basis.product(small.u)
    return SingularValueDecomposition(
        u: u.firstColumns(kept), singularValues: small.singularValues.prefix(kept, shape: [kept]),
        vTransposed: small.vTransposed.prefix(kept * input.columns, shape: [kept, input.columns])
    ).withFixedSigns()
}

extension Tensor {
    /// The first columns of a matrix.
    package func firstColumns(_ count: Int) -> Tensor {
        transposed().prefix(count * shape[0], shape: [count, shape[0]]).transposed()
    }

    /// The first elements, in another shape.
    package func prefix(_ count: Int, shape: [Int]) -> Tensor {
        let result = Tensor(uninitialized: shape, elementType)
        result.freshPointer.copyMemory(from: pointer, byteCount: count * elementType.byteCount)
        withExtendedLifetime(self) {}
        return result
    }
}
