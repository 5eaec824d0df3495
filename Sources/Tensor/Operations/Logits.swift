/// hidden·headᵀ for some rows: for sampling and inspection, without a backward pass.
///
/// - Parameters:
///   - hidden: `[tokens, channels]`.
///   - head: `[vocabulary, channels]`.
///   - rows: The rows that are wanted; all when left out.
///   - order: How terms are added.
/// - Returns: `[rows, vocabulary]`, float32 (float64 for float64).
public func logits(
    _ hidden: Tensor, head: Parameter, rows: [Int32]? = nil, order: ProductOrder = .blocks
) -> Tensor {
    hidden.requireUntracked("logits")
    precondition(
        hidden.shape.count == 2 && head.value.shape.count == 2
            && hidden.shape[1] == head.value.shape[1],
        "logits: hidden \(hidden.shape), \(head.name) \(head.value.shape)")
    precondition(
        rows.map { $0.allSatisfy { $0 >= 0 && $0 < hidden.shape[0] } } ?? true,
        "logits: a row is outside \(hidden.shape[0]) rows")
    let picked = rows.map { hidden.gatheredRows($0) } ?? hidden
    let matrix = head.value.matched(to: hidden.elementType)
    let type = hidden.elementType.accumulator
    let result = Tensor(uninitialized: [picked.shape[0], matrix.shape[0]], type)
    multiply(
        Matrix(picked), Matrix(matrix).transposed, into: result.freshPointer, type,
        rows: picked.shape[0], columns: matrix.shape[0], depth: picked.shape[1],
        order: order)
    withExtendedLifetime((picked, matrix)) {}
    return result
}
