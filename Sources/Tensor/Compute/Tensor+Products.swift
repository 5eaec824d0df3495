extension Tensor {
    /// A·B of matrices outside the tape, Aᵀ·B where `transposed`, with B's transpose where
    /// `rightTransposed`.
    package func product(
        _ right: Tensor, transposed: Bool = false, rightTransposed: Bool = false
    ) -> Tensor {
        let (rows, depth) = transposed ? (shape[1], shape[0]) : (shape[0], shape[1])
        let columns = right.shape[rightTransposed ? 0 : 1]
        precondition(
            depth == right.shape[rightTransposed ? 1 : 0] && elementType == right.elementType,
            "product: \(elementType)\(shape) and \(right.elementType)\(right.shape)")
        let result = Tensor(uninitialized: [rows, columns], elementType)
        multiply(
            transposed ? Matrix(self).transposed : Matrix(self),
            rightTransposed ? Matrix(right).transposed : Matrix(right),
            into: result.freshPointer, elementType, rows: rows, columns: columns, depth: depth)
        withExtendedLifetime((self, right)) {}
        return result
    }
}
